"""Keras's public functions, classes and methods: their arguments, with order and defaults."""

import fnmatch
import importlib
import inspect

import keras
import pytest

import kohort

# Keras's arguments for what Kohort leaves out by design, and those it no longer heeds.
LEFT_OUT = {"lora_rank", "lora_alpha", "quantization_config", "gptq_unpacked_column_size"}
# Names of Keras's methods whose arguments its own classes name in several ways.
BY_POSITION = {"build", "compute_mask", "get_random_transformation", "transform_bounding_boxes",
               "transform_images", "transform_labels", "transform_segmentation_masks"}  # fmt: skip
KNOWN = {
    "keras.*.export: format": "SavedModel needs TensorFlow: StableHLO takes its place",
    "keras.Variable: aggregation": "None means none",
    "keras.layers.SimpleRNNCell.call: *": "`inputs`, as in Keras's other cells",
    "keras.optimizers.Adadelta.update_step: *": "`gradient`, as in Keras's other optimisers",
    "keras.Function.rematerialized_call: layer_call": "as Keras's layers name it",
    "keras.Layer.add_metric: value": "the argument of Keras 2; Keras 3 heeds none",
    "keras.layers.TFSMLayer.from_config: safe_mode": "Kohort's artifacts hold no Python code",
    "keras.tree.assert_same_structure: check_types": "Keras heeds it no longer",
    "keras.utils.Config.pop: key": "as a dict's `pop` names it",
}
REQUIRED = inspect.Parameter.empty


def names_of(root, prefix="keras", seen=()):
    """Yield (name, object) for what is public below a module of Keras."""
    for key in sorted(dir(root)):
        value = None if key.startswith("_") or key in ("src", "api") else getattr(root, key)
        if not inspect.ismodule(value):
            yield from [(f"{prefix}.{key}", value)] if value is not None else []
        elif value.__name__.startswith("keras.") and value.__name__ not in seen:
            yield from names_of(value, f"{prefix}.{key}", (*seen, value.__name__))


def here(name):
    """Kohort's object of this name, or None."""
    *path, last = name.split(".")[1:]
    try:
        return getattr(importlib.import_module(".".join(["kohort", *path])), last, None)
    except ImportError:
        return None


def pairs():
    """Yield (name, Keras's callable, Kohort's) for functions, classes and their methods."""
    done = set()
    for name, theirs in names_of(keras):
        ours = here(name)
        if ours is None or not callable(theirs) or ".legacy." in name:
            continue
        yield name, theirs, ours
        for key in dir(theirs) if inspect.isclass(theirs) else ():
            owner = next((c for c in theirs.__mro__ if key in vars(c)), object)
            method = getattr(theirs, key)
            fresh = (owner, key) not in done and owner.__module__.startswith("keras.")
            if fresh and not key.startswith("_") and callable(method) and hasattr(ours, key):
                done.add((owner, key))
                yield f"{name}.{key}", method, getattr(ours, key)


def parameters(function):
    """The parameters without `self`, by name; None where Python does not know them."""
    function = function.__init__ if inspect.isclass(function) else function
    try:
        found = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None
    return {k: p for k, p in found.items() if k != "self"}


def plain(default):
    """A default that can be compared: a number for a tuple of equal numbers."""
    if isinstance(default, tuple) and len(set(default)) == 1:
        return default[0]
    return default if isinstance(default, (str, int, float, tuple, type(None))) else "an object"


def differences(theirs, ours, by_position):
    """Yield what Kohort's parameters lack, or have in another way, as (parameter, how)."""
    anything = any(p.kind is p.VAR_KEYWORD for p in ours.values())
    for key, p in theirs.items():
        if p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL):
            continue
        if key not in ours:
            if not (anything or by_position):
                yield key, "missing"
        elif p.default is REQUIRED or (by_position and ours[key].default is REQUIRED):
            continue
        elif plain(p.default) != plain(ours[key].default):
            yield key, f"{p.default} in Keras, here {ours[key].default}"
    order = [[k for k, p in side.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
             for side in (theirs, ours)]  # fmt: skip
    common = [key for key in order[0] if key in order[1]]
    if not by_position and common != order[1][: len(common)]:
        yield "order", f"{order[0]} in Keras, here {order[1]}"
    for key, p in ours.items():
        more = key not in theirs and p.default is REQUIRED
        if more and not by_position and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
            yield key, "required here only"


def test_arguments_are_those_of_keras():
    found, checked, used = [], 0, set()
    for name, theirs, ours in pairs():
        sides = parameters(theirs), parameters(ours)
        if None in sides:
            continue
        checked += 1
        for key, how in differences(*sides, name.rsplit(".", 1)[-1] in BY_POSITION):
            known = {p for p in KNOWN if fnmatch.fnmatch(f"{name}: {key}", p)}
            used |= known
            if key not in LEFT_OUT and not known:
                found.append(f"{name}: {key}: {how}")
    assert checked > 1000
    assert not found, "\n".join(found)
    assert used == set(KNOWN)


def test_arguments_by_position_and_custom_objects():
    embedding = kohort.layers.Embedding(3, 2, "ones", None, None, True)
    assert embedding.mask_zero is True
    assert kohort.layers.AdditiveAttention(True, 0.25).dropout == 0.25
    feature = kohort.utils.FeatureSpace.integer_hashed(5, "int", "city")
    assert (feature.output_mode, feature.preprocessor.name) == ("int", "city_preprocessor")
    config = kohort.utils.Config(a=1)
    assert (config.get(keyname="a"), config.get("b", value=2)) == (1, 2)

    class Cell(kohort.layers.SimpleRNNCell):
        pass

    written = kohort.layers.RNN(Cell(2)).get_config()
    written["cell"]["registered_name"] = None  # as files of other programs name a class
    made = kohort.layers.RNN.from_config(written, custom_objects={"Cell": Cell})
    assert type(made.cell) is Cell


@pytest.mark.parametrize(
    ("theirs", "ours", "parameter"),
    [
        (lambda a, b=1: 0, lambda b=1, a=2: 0, "order"),
        (lambda a, b=1: 0, lambda a, b=2: 0, "b"),
        (lambda a, b=1: 0, lambda a: 0, "b"),
        (lambda a: 0, lambda a, c: 0, "c"),
        (lambda a, b=1: 0, lambda a, **kwargs: 0, None),
    ],
)
def test_a_difference_is_found(theirs, ours, parameter):
    found = [key for key, _ in differences(parameters(theirs), parameters(ours), False)]
    assert found == ([] if parameter is None else [parameter])
