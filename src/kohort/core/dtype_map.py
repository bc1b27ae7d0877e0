"""DTypePolicyMap: a policy for each layer of a network, by its path."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from kohort.core.dtypes import DTypePolicy, get_policy
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object


class DTypePolicyMap(DTypePolicy, MutableMapping, module="keras"):
    """Policies by the paths of layers; what is not in it has the default policy.

    Args:
        default_policy: a policy or its name; None: `config.dtype_policy()`.
        policy_map: path -> policy. A path is exact, or a regular expression for whole paths.

    >>> policies = DTypePolicyMap("float32", {"encoder/.*": DTypePolicy("mixed_bfloat16")})
    >>> policies["encoder/dense"].name, policies["decoder"].name
    ('mixed_bfloat16', 'float32')

    Source: `keras.dtype_policies.DTypePolicyMap`.
    """

    def __init__(self, default_policy: Any = None, policy_map: dict[str, Any] | None = None):
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("`default_policy` cannot be a `DTypePolicyMap`.")
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(
                "If specified, `policy_map` must be a dict. "
                f"Received: policy_map={policy_map} of type {type(policy_map)}"
            )
        self._given = default_policy
        self._default = get_policy(default_policy)
        self._policies: dict[str, DTypePolicy] = policy_map or {}

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of layers that are not in the map."""
        return self._default

    @property
    def name(self) -> str:  # type: ignore[override]
        """`map_` and the name of the default policy."""
        return f"map_{self._default.name}"

    @property
    def compute_dtype(self) -> str:
        """The default policy's."""
        return self._default.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The default policy's."""
        return self._default.variable_dtype

    def at(self, path: str | None) -> DTypePolicy:
        """The policy of the layer with this path; the map itself for one that has none yet."""
        return self[path] if path else self

    def __getitem__(self, path: str) -> DTypePolicy:
        if path in self._policies:
            return self._policies[path]
        matches = [pattern for pattern in self._policies if re.fullmatch(pattern, path)]
        if len(matches) > 1:
            raise ValueError(
                f"Path '{path}' matches multiple dtype policy specification keys: {matches}. "
                "Please make sure each path only matches at most one dtype policy specification "
                "key in the DTypePolicyMap."
            )
        return self._policies[matches[0]] if matches else self._default

    def __setitem__(self, path: str, policy: Any) -> None:
        if path in self._policies:
            raise ValueError(
                f"{path} already exist in the DTypePolicyMap with value {self._policies[path]}. "
                "Please make sure to not use duplicated keys."
            )
        try:
            self._policies[path] = get_policy(policy)
        except Exception as error:
            raise ValueError(
                "Cannot interpret the assigned value by `keras.dtype_policies.get`. "
                f"Received: {policy} of type {type(policy)}"
            ) from error

    def __delitem__(self, path: str) -> None:
        del self._policies[path]

    def __contains__(self, path: object) -> bool:
        return path in self._policies

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicyMap) and (self._default, self._policies) == (
            other._default,
            other._policies,
        )

    def __hash__(self) -> int:
        return hash((self._default, tuple(self._policies.items())))

    def __repr__(self) -> str:
        mapping = [(path, policy.name) for path, policy in self._policies.items()]
        return f"<DTypePolicyMap default_policy={self._default.name}, mapping={mapping}>"

    def get_config(self) -> dict[str, Any]:
        """The default policy as it was given, and the map."""
        given = self._given
        if isinstance(given, DTypePolicy):
            given = serialize_keras_object(given)
        return {
            "default_policy": given,
            "policy_map": serialize_keras_object(self._policies),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> DTypePolicyMap:
        """Make one from its configuration."""
        policies = deserialize_keras_object(config["policy_map"], custom_objects)
        return cls(config["default_policy"], policies)
