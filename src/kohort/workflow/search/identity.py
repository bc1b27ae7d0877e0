"""What makes two searches the same: the data, the build function, the objective."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import textwrap
import types
from collections.abc import Callable
from typing import Any

from kohort.workflow.honest.row_keys import row_keys

_SIMPLE = (bool, int, float, str, bytes, type(None))


def identity(
    build: Callable[..., Any] | None = None, data: Any = None, objective: Any = None
) -> dict[str, str]:
    """A short name for each part of a search; equal names for equal parts in every process.

    Data counts row by row in its order, a function by its code (comments and layout do not
    count) and the plain values that it closes over, an objective by its text.

    >>> a, b = identity(lambda hp: hp.Int("n", 1, 3)), identity(lambda hp: hp.Int("n", 1, 4))
    >>> a == b
    False
    """
    parts = {}
    if data is not None:
        parts["data"] = _name(row_keys(data).tobytes())
    if build is not None:
        parts["build"] = _name(repr(_code(build)).encode())
    if objective is not None:
        parts["objective"] = str(objective)
    return parts


def _name(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _code(function: Any) -> Any:
    if isinstance(function, functools.partial):
        given = [*function.args, *sorted(function.keywords.items())]
        return _code(function.func), [v for v in given if isinstance(v, (*_SIMPLE, tuple))]
    function = inspect.unwrap(getattr(function, "__func__", function))
    if not isinstance(function, types.FunctionType):
        function = type(function).__call__  # an object that is called
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    values = [*cells, *(function.__defaults__ or ())]
    return _source(function), [value for value in values if isinstance(value, _SIMPLE)]


def _source(function: Any) -> Any:
    code = function.__code__
    try:
        if function.__name__ != "<lambda>":  # the source of a lambda is its whole line
            return ast.dump(ast.parse(textwrap.dedent(inspect.getsource(function))))
    except (OSError, SyntaxError, TypeError):
        pass
    return code.co_code, code.co_names, [c for c in code.co_consts if isinstance(c, _SIMPLE)]
