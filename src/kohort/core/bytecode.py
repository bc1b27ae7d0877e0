"""Lambdas to text and back, as Keras files hold them. Loading one runs code: never by default."""

from __future__ import annotations

import base64
import marshal
import types
from typing import Any


def func_dump(function: types.FunctionType) -> dict[str, Any]:
    """Return a lambda as a dict of its byte code, defaults and closure."""
    code = base64.b64encode(marshal.dumps(function.__code__)).decode("ascii")
    cells = function.__closure__
    closure = [cell.cell_contents for cell in cells] if cells else None
    return {"code": code, "defaults": function.__defaults__, "closure": closure}


def func_load(dumped: dict[str, Any]) -> types.FunctionType:
    """Make the function again. Call it only for files that are trusted."""
    code = marshal.loads(base64.b64decode(dumped["code"].encode("ascii")))
    defaults = tuple(dumped["defaults"]) if dumped.get("defaults") else None
    closure = dumped.get("closure")
    cells = tuple(types.CellType(value) for value in closure) if closure else None
    import kohort

    return types.FunctionType(code, {"keras": kohort, "ops": kohort.ops}, "lambda", defaults, cells)
