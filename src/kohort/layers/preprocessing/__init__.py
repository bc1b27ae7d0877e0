"""Preprocessing: tables, texts, images, sounds."""

from kohort.layers.preprocessing.adaptive_equalization import (
    ContrastLimitedAdaptiveHistogramEqualization,
)
from kohort.layers.preprocessing.colour import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomGrayscale,
    RandomHue,
    RandomInvert,
    RandomSaturation,
)
from kohort.layers.preprocessing.discretization import Discretization
from kohort.layers.preprocessing.encoding import CategoryEncoding
from kohort.layers.preprocessing.geometry import (
    RandomElasticTransform,
    RandomFlip,
    RandomPerspective,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from kohort.layers.preprocessing.hashing import HashedCrossing, Hashing
from kohort.layers.preprocessing.lookups import IntegerLookup, StringLookup
from kohort.layers.preprocessing.max_num_bounding_boxes import MaxNumBoundingBoxes
from kohort.layers.preprocessing.mixing import CutMix, MixUp, RandomErasing
from kohort.layers.preprocessing.pipeline import Pipeline
from kohort.layers.preprocessing.policies import AugMix, RandAugment
from kohort.layers.preprocessing.resizing import CenterCrop, RandomCrop, Resizing
from kohort.layers.preprocessing.spectrogram import MelSpectrogram, STFTSpectrogram
from kohort.layers.preprocessing.text import TextVectorization
from kohort.layers.preprocessing.tone import (
    AutoContrast,
    Equalization,
    RandomGaussianBlur,
    RandomPosterization,
    RandomSharpness,
    Solarization,
)

__all__ = [
    "AugMix", "AutoContrast", "CategoryEncoding", "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization", "CutMix", "Discretization",
    "Equalization", "HashedCrossing", "Hashing", "IntegerLookup",
    "MaxNumBoundingBoxes", "MelSpectrogram", "MixUp",
    "Pipeline", "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
    "RandomContrast", "RandomCrop", "RandomElasticTransform", "RandomErasing", "RandomFlip",
    "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective",
    "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear",
    "RandomTranslation", "RandomZoom", "Resizing", "STFTSpectrogram", "Solarization",
    "StringLookup", "TextVectorization",
]  # fmt: skip
