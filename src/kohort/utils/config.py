"""Config: named values that can be frozen."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, MutableMapping
from typing import Any


class Config(MutableMapping):
    """A dict whose values are attributes too, and that can be frozen.

    >>> config = Config(learning_rate=0.1)
    >>> config.seed = 3
    >>> config["seed"], config.to_json()
    (3, '{"learning_rate": 0.1, "seed": 3}')
    >>> config.freeze()
    >>> config.seed = 4
    Traceback (most recent call last):
    ValueError: Cannot mutate attribute(s) because the config is frozen.

    Source: `keras.utils.Config`.
    """

    def __init__(self, **kwargs: Any):
        object.__setattr__(self, "_config", kwargs)
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether the values are frozen."""
        return self._frozen

    def freeze(self) -> None:
        """Refuse changes from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow changes again."""
        object.__setattr__(self, "_frozen", False)

    def as_dict(self) -> dict[str, Any]:
        """The values as a plain dict."""
        return dict(self._config)

    def to_json(self) -> str:
        """The values as JSON."""
        return json.dumps(self._config)

    def _values(self) -> dict[str, Any]:
        """The dict to change."""
        if self._frozen:
            raise ValueError("Cannot mutate attribute(s) because the config is frozen.")
        return self._config

    def __setitem__(self, key: str, value: Any) -> None:
        self._values()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._values()[key]

    def __getitem__(self, key: str) -> Any:
        return self._config[key]

    def get(self, keyname: str, value: Any = None) -> Any:
        """The value of a name; `value` where there is none."""
        return self._config.get(keyname, value)

    def __contains__(self, key: object) -> bool:
        return key in self._config

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._config))

    def __len__(self) -> int:
        return len(self._config)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("_config", ()):
            return self._config[name]
        close = difflib.get_close_matches(name, self.__dict__.get("_config", ()), 1, 0.7)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise AttributeError(f"Unknown attribute: '{name}'.{hint}")

    def __repr__(self) -> str:
        return f"<Config {self._config}>"
