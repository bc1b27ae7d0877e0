"""The constructor that an optimiser's fields make, in Keras's argument order."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any


def make_init(
    cls: Any, root_init: Any, shared: Sequence[str], learning_rate: Any, last: Sequence[str]
) -> Callable[..., None]:
    """Return `__init__(self, learning_rate, <own fields>, <shared fields>, name, <last>, …)`.

    Args:
        cls: the optimiser class, with its fields.
        root_init: the constructor that all optimisers end in; it needs a learning rate.
        shared: the fields of the base that the class does not declare again.
        learning_rate: its default.
        last: own fields that come after `name`.
    """
    own = [name for name in cls.fields if name not in shared]
    defaults: dict[str, Any] = {"learning_rate": learning_rate}
    defaults |= {name: cls.fields[name].default for name in own if name not in last}
    defaults |= {name: cls.fields[name].default for name in shared} | {"name": None}
    defaults |= {name: cls.fields[name].default for name in last}
    names = list(defaults)
    written = (c.__init__ for c in cls.__mro__[1:])
    base_init = next(init for init in written if not getattr(init, "from_fields", False))

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) > len(names):
            raise TypeError(
                f"{cls.__name__} takes at most {len(names)} positional arguments. "
                f"Received: {len(args)}"
            )
        given = dict(zip(names, args, strict=False))
        for name in given.keys() & kwargs.keys():
            raise TypeError(f"{cls.__name__} got multiple values for argument '{name}'")
        given |= kwargs
        values = {name: given.pop(name, defaults[name]) for name in own}
        if base_init is root_init:
            given.setdefault("learning_rate", learning_rate)
        base_init(self, **given)
        for name, value in values.items():
            setattr(self, name, value)
        self.__post_init__()

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("self", kind)]
    parameters += [inspect.Parameter(n, kind, default=d) for n, d in defaults.items()]
    parameters.append(inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD))
    __init__.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    __init__.from_fields = True  # type: ignore[attr-defined]
    return __init__
