"""A configuration or two of every image layer, for the contracts that they all keep."""

from __future__ import annotations

from tests.layers.cases import Case, case

BATCH = (2, 6, 5, 3)

# The numbers drawn, and so the images, are those of Keras on JAX from equal seeds.
IMAGES = [
    case("AutoContrast", BATCH),
    case("CenterCrop", BATCH, height=3, width=2),
    case("CenterCrop", BATCH, height=4, width=8),
    case("RandomBrightness", BATCH, factor=0.3, seed=3),
    case("RandomColorDegeneration", BATCH, factor=0.7, seed=3),
    case("RandomColorJitter", BATCH, brightness_factor=0.2, contrast_factor=(0.3, 0.5), seed=3),
    case("RandomContrast", BATCH, factor=(0.3, 0.5), seed=3),
    case("RandomCrop", BATCH, height=3, width=2, seed=3),
    case("RandomFlip", BATCH, seed=3),
    case("RandomFlip", (2, 3, 6, 5), mode="vertical", seed=5, data_format="channels_first"),
    case("RandomGrayscale", BATCH, factor=0.5, seed=3),
    case("RandomHue", BATCH, factor=(0.2, 0.8), value_range=(0, 1), seed=3),
    case("RandomInvert", BATCH, factor=0.7, seed=3),
    case("RandomPosterization", BATCH, factor=(3, 3), value_range=(0, 1), seed=3),
    case("RandomRotation", BATCH, factor=0.2, fill_mode="constant", fill_value=2.0, seed=3),
    case("RandomSaturation", BATCH, factor=(0.3, 0.8), value_range=(0, 1), seed=3),
    case("RandomSharpness", BATCH, factor=(0.2, 0.9), seed=3),
    case("RandomShear", BATCH, x_factor=(0.2, 0.4), y_factor=(0.1, 0.3), seed=3),
    case("RandomTranslation", BATCH, height_factor=0.3, width_factor=(0.1, 0.2), seed=3),
    case("RandomZoom", BATCH, height_factor=0.3, width_factor=(0.1, 0.2), seed=3),
    case("Resizing", BATCH, height=4, width=4, crop_to_aspect_ratio=True, interpolation="nearest"),
    case("Solarization", BATCH, addition_factor=(0.1, 0.3), threshold_factor=0.5, seed=3),
]  # fmt: skip

# Here only the numbers drawn are compared: what is done with them is slow to compile twice.
DRAWN = [
    case("RandomGaussianBlur", BATCH, factor=0.8, kernel_size=(3, 5), seed=3),
    case("RandomElasticTransform", BATCH, factor=0.8, scale=(0.2, 0.6), seed=3),
    case("RandomPerspective", BATCH, factor=(0.4, 0.8), scale=0.4, seed=3),
    case("RandomPosterization", BATCH, factor=(2, 5), seed=3),
    case("RandomRotation", BATCH, factor=0.3, seed=3),
    case("RandomZoom", BATCH, height_factor=(0.1, 0.4), interpolation="nearest", seed=3),
]

# Keras's layers take seconds to compile here: these have tests of their own.
MIXED = [
    case(
        "ContrastLimitedAdaptiveHistogramEqualization",
        (1, 6, 5, 2),
        tile_grid_size=(2, 3),
        clip_limit=20.0,
    ),
    case("AugMix", BATCH, num_chains=2, chain_depth=2, seed=3),
    case("CutMix", BATCH, seed=3),
    case("Equalization", BATCH, bins=4),
    case("MaxNumBoundingBoxes", BATCH, max_number=2),
    case("MixUp", BATCH, alpha=0.4, seed=3),
    case("RandAugment", BATCH, seed=3),
    case("RandomErasing", BATCH, factor=0.8, scale=(0.2, 0.4), fill_value=2.0, seed=3),
]

SOUNDS = [
    case("MelSpectrogram", (2, 80), fft_length=32, sequence_stride=16, num_mel_bins=4),
    case("STFTSpectrogram", (2, 40, 2), frame_length=8, frame_step=3, expand_dims=True),
    case("STFTSpectrogram", (2, 2, 40), mode="stft", frame_length=8, scaling=None,
         data_format="channels_first"),
    case("STFTSpectrogram", (2, 40, 1), mode="imag", frame_length=8, fft_length=16,
         padding="same", periodic=True),
]  # fmt: skip

TABLES = [
    case("CategoryEncoding", (2, 3), num_tokens=5, whole=True),
    case("CategoryEncoding", (2, 3), num_tokens=5, output_mode="one_hot", whole=True),
    case("CategoryEncoding", (2, 3), num_tokens=5, output_mode="count", whole=True),
    case("Discretization", (2, 3), bin_boundaries=[-0.5, 0.0, 0.7]),
    case("Discretization", (2, 3), bin_boundaries=[0.0], output_mode="multi_hot"),
]

# Keras needs TensorFlow for these: their configurations stand in the tests.
HOST: list[Case] = [
    case("HashedCrossing", (2, 1), (2, 1), num_bins=5, whole=True),
    case("Hashing", (2, 3), num_bins=4, whole=True),
    case("IntegerLookup", (2, 3), vocabulary=[3, 1], whole=True),
    case("IntegerLookup", (2, 3), vocabulary=[3, 1], output_mode="count", whole=True),
    case("StringLookup", (2, 3), vocabulary=["b", "a"], whole=True),
    case("TextVectorization", (2, 1), vocabulary=["b", "a"], whole=True),
]

PIPELINE = [case("Pipeline", BATCH, layers=lambda m: [m.Rescaling(2.0, name="r")])]
ALL = [*IMAGES, *DRAWN, *MIXED, *SOUNDS, *TABLES, *HOST, *PIPELINE]
