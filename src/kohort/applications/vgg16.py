"""VGG16: five blocks of convolutions 3 x 3, then three dense layers."""

from __future__ import annotations

from kohort import layers
from kohort.applications._build import STORAGE, Body, Files, Options, architecture, classifier
from kohort.applications.imagenet_utils import decode_predictions, preprocessing
from kohort.core.symbolic import KerasTensor

SOURCE = 'Simonyan and Zisserman, "Very deep convolutional networks", 2014'
__all__ = ["VGG16", "decode_predictions", "preprocess_input"]


def body(convolutions: tuple[int, ...]) -> Body:
    """So many convolutions in each block, each block followed by pooling."""

    def blocks(x: KerasTensor, options: Options) -> KerasTensor:
        for block, (count, filters) in enumerate(
            zip(convolutions, (64, 128, 256, 512, 512), strict=True), 1
        ):
            for i in range(1, count + 1):
                x = layers.Conv2D(
                    filters,
                    kernel_size=3,
                    activation="relu",
                    padding="same",
                    name=f"block{block}_conv{i}",
                )(x)
            x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
        return x

    return blocks


def head(x: KerasTensor, options: Options) -> KerasTensor:
    """Three dense layers."""
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = layers.Dense(4096, activation="relu", name=name)(x)
    return classifier(x, options)


def files(name: str) -> Files:
    """The files of one of the two."""
    start = f"{name}_weights_tf_dim_ordering_tf_kernels"
    return Files(f"{STORAGE}{name}/", f"{start}.h5", f"{start}_notop.h5")


VGG16 = architecture(
    "VGG16", "VGG with 16 layers", SOURCE, body((2, 2, 3, 3, 3)), files("vgg16"), 224, head=head
)
preprocess_input = preprocessing("caffe")
