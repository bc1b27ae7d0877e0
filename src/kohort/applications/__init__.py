"""Architectures for images, with Keras's names of layers and weights.

Weights trained on ImageNet are read from a file that the user has: Kohort downloads none.

    base = kohort.applications.Xception(include_top=False, weights="xception_notop.h5")
"""

from kohort.applications import (
    convnext,
    densenet,
    efficientnet,
    efficientnet_v2,
    imagenet_utils,
    inception_resnet_v2,
    inception_v3,
    mobilenet,
    mobilenet_v2,
    mobilenet_v3,
    nasnet,
    resnet,
    resnet50,
    resnet_v2,
    vgg16,
    vgg19,
    xception,
)
from kohort.applications.convnext import (
    ConvNeXtBase,
    ConvNeXtLarge,
    ConvNeXtSmall,
    ConvNeXtTiny,
    ConvNeXtXLarge,
)
from kohort.applications.densenet import DenseNet121, DenseNet169, DenseNet201
from kohort.applications.efficientnet import (
    EfficientNetB0,
    EfficientNetB1,
    EfficientNetB2,
    EfficientNetB3,
    EfficientNetB4,
    EfficientNetB5,
    EfficientNetB6,
    EfficientNetB7,
)
from kohort.applications.efficientnet_v2 import (
    EfficientNetV2B0,
    EfficientNetV2B1,
    EfficientNetV2B2,
    EfficientNetV2B3,
    EfficientNetV2L,
    EfficientNetV2M,
    EfficientNetV2S,
)
from kohort.applications.inception_resnet_v2 import InceptionResNetV2
from kohort.applications.inception_v3 import InceptionV3
from kohort.applications.mobilenet import MobileNet
from kohort.applications.mobilenet_v2 import MobileNetV2
from kohort.applications.mobilenet_v3 import MobileNetV3Large, MobileNetV3Small
from kohort.applications.nasnet import NASNetLarge, NASNetMobile
from kohort.applications.resnet import ResNet50, ResNet101, ResNet152
from kohort.applications.resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
from kohort.applications.vgg16 import VGG16
from kohort.applications.vgg19 import VGG19
from kohort.applications.xception import Xception

__all__ = [
    "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge",
    "DenseNet121", "DenseNet169", "DenseNet201", "EfficientNetB0", "EfficientNetB1",
    "EfficientNetB2", "EfficientNetB3", "EfficientNetB4", "EfficientNetB5", "EfficientNetB6",
    "EfficientNetB7", "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2",
    "EfficientNetV2B3", "EfficientNetV2L", "EfficientNetV2M", "EfficientNetV2S",
    "InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Large",
    "MobileNetV3Small", "NASNetLarge", "NASNetMobile", "ResNet101", "ResNet101V2", "ResNet152",
    "ResNet152V2", "ResNet50", "ResNet50V2", "VGG16", "VGG19", "Xception", "convnext", "densenet",
    "efficientnet", "efficientnet_v2", "imagenet_utils", "inception_resnet_v2", "inception_v3",
    "mobilenet", "mobilenet_v2", "mobilenet_v3", "nasnet", "resnet", "resnet50", "resnet_v2",
    "vgg16", "vgg19", "xception",
]  # fmt: skip
