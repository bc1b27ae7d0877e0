"""VGG19: VGG16 with 3 more convolutions."""

from __future__ import annotations

from kohort.applications._build import architecture
from kohort.applications.imagenet_utils import decode_predictions, preprocessing
from kohort.applications.vgg16 import SOURCE, body, files, head

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

VGG19 = architecture(
    "VGG19", "VGG with 19 layers", SOURCE, body((2, 2, 4, 4, 4)), files("vgg19"), 224, head=head
)
preprocess_input = preprocessing("caffe")
