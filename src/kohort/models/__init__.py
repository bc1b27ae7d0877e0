"""Models: `Model`, `Sequential`, functional models, cloning."""

from kohort.core.registry import add_alias
from kohort.models.functional import Functional
from kohort.models.model import Model
from kohort.models.sequential import Sequential

for _name, _cls in (("Model", Model), ("Functional", Functional), ("Sequential", Sequential)):
    for _module in ("keras", "keras.models"):
        add_alias(_module, _name, _cls)

__all__ = ["Functional", "Model", "Sequential"]
