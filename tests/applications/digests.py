"""What real Keras's architectures look like, as digests: `python -m tests.applications.digests`.

Building them in Keras takes long, so it is done once and not in each run of the tests.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("digests.json")
SMALL = (32, 32, 3)
CASES: dict[str, dict[str, Any]] = {
    "ConvNeXtTiny": {"include_top": False, "pooling": "max", "input_shape": SMALL},
    "DenseNet121": {"classes": 3, "input_shape": SMALL},
    "EfficientNetB0": {"classes": 5, "input_shape": SMALL},
    "EfficientNetV2B3": {"classes": 5, "input_shape": SMALL},
    "EfficientNetV2S": {"include_top": False, "include_preprocessing": False},
    "InceptionResNetV2": {"include_top": False, "input_shape": (75, 75, 3)},
    "InceptionV3": {"classes": 3, "input_shape": (75, 75, 3)},
    "MobileNet": {"alpha": 0.25, "include_top": False, "pooling": "max", "input_shape": SMALL},
    "MobileNetV2": {"alpha": 0.35, "classes": 4, "input_shape": (33, 35, 3)},
    "MobileNetV3Large": {"include_top": False, "minimalistic": True, "input_shape": SMALL},
    "MobileNetV3Small": {"classes": 4, "alpha": 1.25},
    "NASNetMobile": {"classes": 3, "input_shape": SMALL},
    "ResNet50": {"include_top": False, "pooling": "avg", "input_shape": SMALL},
    "ResNet50V2": {"classes": 3, "input_shape": SMALL},
    "VGG16": {"include_top": False},
    "VGG19": {"include_top": False, "input_shape": SMALL},
    "Xception": {"classes": 3, "input_shape": (71, 71, 3)},
}  # fmt: skip


def zeros(self: Any, shape: Any, dtype: Any = None, **kwargs: Any) -> np.ndarray:
    """Instead of an initialiser's numbers, which take long and are not looked at."""
    return np.zeros(shape, "float32")


def digest(model: Any) -> list[Any]:
    """Name, shapes, number of weights, and a digest of all layers with their weights."""
    parts = [
        (type(layer).__name__, layer.name, [(w.name, tuple(w.shape)) for w in layer.weights])
        for layer in model.layers
    ]
    parts.append([tuple(w.shape) for w in model.weights])
    own = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    return [model.name, str(model.input_shape), str(model.output_shape), len(model.weights), own]


def main() -> None:
    """Write the digests of real Keras."""
    import keras

    keras.initializers.VarianceScaling.__call__ = zeros
    found = {}
    for name, options in CASES.items():
        keras.backend.clear_session()
        found[name] = digest(getattr(keras.applications, name)(weights=None, **options))
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
