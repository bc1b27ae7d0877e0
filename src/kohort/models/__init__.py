"""Models: `Model`, `Sequential`, functional models, cloning, saving."""

from kohort.core.registry import add_alias
from kohort.models.cloning import clone_model
from kohort.models.files import model_from_config, model_from_json
from kohort.models.functional import Functional
from kohort.models.model import Model
from kohort.models.sequential import Sequential
from kohort.saving import load_model, save_model

for _name, _cls in (("Model", Model), ("Functional", Functional), ("Sequential", Sequential)):
    for _module in ("keras", "keras.models"):
        add_alias(_module, _name, _cls)

__all__ = [
    "Functional",
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_config",
    "model_from_json",
    "save_model",
]
