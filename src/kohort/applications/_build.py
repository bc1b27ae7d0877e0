"""What the architectures share: the input, the head, the weights, and the common signature."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from kohort import activations, layers
from kohort.core.settings import image_data_format
from kohort.core.symbolic import KerasTensor
from kohort.models import Functional

STORAGE = "https://storage.googleapis.com/tensorflow/keras-applications/"
_DOC = """{what}.

    Args:
        include_top: whether the classifier is there.
        weights: None (new ones), a path to a file of Keras weights for this architecture, or
            `"imagenet"`: the file `{file}` in `~/.keras/models`, which Kohort does not download.
        input_tensor: a symbolic tensor to build on.
        input_shape: the shape of an image, at least {least} x {least}; {size} x {size} x 3 unless
            told.
        pooling: without the classifier: `"avg"`, `"max"` or None, global pooling at the end.
        classes: how many classes the classifier has.
        classifier_activation: of the classifier; None for logits.
        name: the name of the model.

    Call `{module}.preprocess_input` on the images first.

    Source: {source}.
    """

_PREPROCESSES = (
    "        name: the name",
    """        include_preprocessing: whether the model itself scales values in [0, 255].
        name: the name""",
)


class Options(NamedTuple):
    """The arguments that all architectures take."""

    name: str
    include_top: bool = True
    weights: Any = "imagenet"
    input_tensor: Any = None
    input_shape: Any = None
    pooling: str | None = None
    classes: int = 1000
    classifier_activation: Any = "softmax"
    include_preprocessing: bool = True


class Files(NamedTuple):
    """Where the ImageNet weights are: a folder on the web, the files with and without the head."""

    folder: str
    top: str
    no_top: str


Body = Callable[[KerasTensor, Options], KerasTensor]


def channel_axis() -> int:
    """The axis of the channels, by `image_data_format()`."""
    return 1 if image_data_format() == "channels_first" else -1


def norm(x: KerasTensor, name: str | None = None, **settings: Any) -> KerasTensor:
    """Batch normalisation of the channels."""
    return layers.BatchNormalization(axis=channel_axis(), name=name, **settings)(x)


def relu(x: KerasTensor, name: str | None = None) -> KerasTensor:
    """A rectified linear activation as a layer."""
    return layers.Activation("relu", name=name)(x)


def pad_before_stride(x: KerasTensor, size: int, name: str) -> KerasTensor:
    """Zeros around, so that a window of stride 2 gives half the size, as in TensorFlow."""
    first = 2 if image_data_format() == "channels_first" else 1
    sides = []
    for length in x.shape[first : first + 2]:
        even = 1 if length is None else 1 - length % 2
        sides.append((size // 2 - even, size // 2))
    return layers.ZeroPadding2D(tuple(sides), name=name)(x)


def classifier(x: KerasTensor, options: Options, **settings: Any) -> KerasTensor:
    """The dense layer at the end."""
    activation = options.classifier_activation
    return layers.Dense(options.classes, activation=activation, name="predictions", **settings)(x)


def pooled_head(x: KerasTensor, options: Options) -> KerasTensor:
    """Global average pooling and the classifier."""
    return classifier(layers.GlobalAveragePooling2D(name="avg_pool")(x), options)


def build(
    options: Options, body: Body, head: Body, size: int, least: int, files: Files,
    pool_names: tuple[str | None, str | None] = (None, None), tail: Body | None = None,
) -> Functional:  # fmt: skip
    """Make the model and load its weights.

    Args:
        body: from the image to the last feature map.
        head: from there to the classes.
        size: the usual size of an image; `least`: the smallest.
        pool_names: the names of the pooling layers that take the head's place.
        tail: what follows the pooling.
    """
    _check(options)
    image = _image(options, size, least)
    x = body(image, options)
    if options.include_top:
        x = head(x, options)
    elif options.pooling == "avg":
        x = layers.GlobalAveragePooling2D(name=pool_names[0])(x)
    elif options.pooling == "max":
        x = layers.GlobalMaxPooling2D(name=pool_names[1])(x)
    if tail is not None and not options.include_top:
        x = tail(x, options)
    inputs = image if options.input_tensor is None else _sources(image)
    model = Functional(inputs, x, name=options.name)
    if options.weights == "imagenet":
        name = files.top if options.include_top else files.no_top
        model.load_weights(stored(name, files.folder))
    elif options.weights is not None:
        model.load_weights(options.weights)
    return model


def architecture(
    function: str, what: str, source: str, body: Body, files: Files, size: int, least: int = 32,
    head: Body = pooled_head, pool_names: tuple[str | None, str | None] = (None, None),
    name: str | None = None,
) -> Callable[..., Functional]:  # fmt: skip
    """The public function of an architecture with the usual arguments."""
    own_name = name or function.lower()

    def make(
        include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
        input_shape: Any = None, pooling: str | None = None, classes: int = 1000,
        classifier_activation: Any = "softmax", name: str = own_name,
    ) -> Functional:  # fmt: skip
        options = Options(
            name, include_top, weights, input_tensor, input_shape, pooling, classes,
            classifier_activation,
        )  # fmt: skip
        return build(options, body, head, size, least, files, pool_names)

    words = {"what": what, "source": source, "file": files.top, "module": own_name}
    return document(make, function, least=least, size=size, **words)


def document(make: Callable[..., Functional], function: str, **words: Any) -> Callable:
    """The function under its public name, with the common text."""
    make.__name__ = make.__qualname__ = function
    text = _DOC.format(**words)
    if words.get("preprocesses"):
        text = text.replace(*_PREPROCESSES)
    make.__doc__ = text
    return make


def _check(options: Options) -> None:
    weights = options.weights
    if not (weights in ("imagenet", None) or os.path.exists(weights)):
        raise ValueError(
            "The `weights` argument should be either `None` (random initialization), 'imagenet' "
            "(pre-training on ImageNet), or the path to the weights file to be loaded. Received: "
            f"weights={weights}"
        )
    if not options.include_top:
        return
    if weights == "imagenet" and options.classes != 1000:
        raise ValueError(
            "If using `weights='imagenet'` with `include_top=True`, `classes` should be 1000. "
            f"Received: classes={options.classes}"
        )
    allowed = (activations.get("softmax"), activations.get(None))
    if weights is not None and activations.get(options.classifier_activation) not in allowed:
        raise ValueError(
            "Only `None` and `softmax` activations are allowed for the `classifier_activation` "
            "argument when using pretrained weights, with `include_top=True`. Received: "
            f"classifier_activation={options.classifier_activation}"
        )


def _image(options: Options, size: int, least: int) -> KerasTensor:
    tensor = options.input_tensor
    if isinstance(tensor, KerasTensor):
        return tensor
    return layers.Input(shape=image_shape(options, size, least), tensor=tensor)


def image_shape(options: Options, size: int, least: int) -> tuple[int | None, ...]:
    """The checked shape of an image, or the usual one."""
    last = image_data_format() == "channels_last"
    shape = options.input_shape

    def whole(side: int | None, channels: int) -> tuple[int | None, ...]:
        return (side, side, channels) if last else (channels, side, side)

    if shape is None:
        return whole(size if options.include_top else None, 3)
    shape = tuple(shape)
    if len(shape) != 3:
        raise ValueError(
            f"`input_shape` must be a tuple of three integers. Received: input_shape={shape}"
        )
    channels, sides = (shape[-1], shape[:2]) if last else (shape[0], shape[1:])
    if options.weights == "imagenet":
        if channels != 3:
            raise ValueError(f"The input must have 3 channels. Received: input_shape={shape}")
        if options.include_top and shape != whole(size, 3):
            raise ValueError(
                "When setting `include_top=True` and loading `imagenet` weights, `input_shape` "
                f"should be {whole(size, 3)}. Received: input_shape={shape}"
            )
    if any(side is not None and side < least for side in sides):
        raise ValueError(
            f"Input size must be at least {least}x{least}. Received: input_shape={shape}"
        )
    if options.include_top and None in shape:
        raise ValueError(
            "If `include_top` is True, you should specify a static `input_shape`. "
            f"Received: input_shape={shape}"
        )
    return shape


def _sources(tensor: KerasTensor) -> list[KerasTensor]:
    """The input tensors from which a tensor is computed."""
    operation, index, _ = tensor._keras_history
    node = operation._inbound_nodes[index]
    if node.is_input:
        return [tensor]
    found: list[KerasTensor] = []
    for parent in node.input_tensors:
        found += [x for x in _sources(parent) if all(x is not y for y in found)]
    return found


def stored(name: str, folder: str) -> str:
    """The path of a file in `~/.keras/models` (`$KERAS_HOME/models`); an error if it is not."""
    home = os.environ.get("KERAS_HOME", Path.home() / ".keras")
    path = Path(home) / "models" / name
    if not path.exists():
        raise FileNotFoundError(
            f"'{path}' does not exist, and Kohort does not download weights. Do one of: "
            f"1. fetch {folder}{name} to this place; 2. pass `weights=` the path of a file that "
            "you have; 3. pass `weights=None` for new weights."
        )
    return str(path)
