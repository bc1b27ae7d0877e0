"""audio_dataset_from_directory: recordings in folders as batches."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import Any

import numpy as np

from kohort.data.pipeline_elements import stack_padded
from kohort.utils.directory import Request


def audio_dataset_from_directory(
    directory: str,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Give the `.wav` files of a folder as batches, with labels from the names of its folders.

    Args:
        directory: the folder; with `labels="inferred"` it has a folder for each class.
        labels: "inferred", None, or a list of whole numbers in the order of the file names.
        label_mode: "int" gives `(batch,)`, "binary" `(batch, 1)`, "categorical"
            `(batch, classes)`, None no labels.
        class_names: the classes and their order.
        batch_size: None gives single recordings.
        sampling_rate: samples a second, to which all are resampled.
        output_sequence_length: samples to cut or fill up to; None: as the longest of a batch.
        ragged: not possible here, where arrays have one length.
        shuffle: whether the order is drawn, anew at each pass.
        seed: makes the order the same in each run.
        validation_split: the part to hold back: the tail.
        subset: "training", "validation", or "both" for a list of both.
        follow_links: whether to look into linked folders.
        verbose: whether the numbers of files and classes are printed.

    Returns:
        A `kohort.data.Dataset` of float32 in -1 .. 1, `(batch, samples, channels)`, with
        `class_names` and `file_paths`.

    >>> import pathlib, tempfile
    >>> from scipy.io import wavfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> wavfile.write(folder / "1.wav", 8000, np.zeros((50, 2), "int16"))
    >>> next(iter(audio_dataset_from_directory(folder, labels=None, verbose=False))).shape
    (1, 50, 2)

    Source: `keras.utils.audio_dataset_from_directory`.
    """
    if ragged:
        raise ValueError(
            "Arrays have one length: recordings cannot be ragged. Received: ragged=True.\n"
            "  1. Pass `output_sequence_length`, or neither: then batches are filled up with 0."
        )
    if sampling_rate is not None and not (isinstance(sampling_rate, int) and sampling_rate > 0):
        raise ValueError(
            "`sampling_rate` should have an integer value and should be higher than 0. "
            f"Received: sampling_rate={sampling_rate}"
        )
    request = Request(
        "audio", (".wav",), str(directory), labels, label_mode, class_names, batch_size, shuffle,
        seed, validation_split, subset, follow_links, "tf", verbose,
    )  # fmt: skip

    def load(path: str) -> np.ndarray:
        sound = read_wav(path, sampling_rate)
        if output_sequence_length is None:
            return sound
        sound = sound[:output_sequence_length]
        return np.pad(sound, ((0, output_sequence_length - len(sound)), (0, 0)))

    return request.batches(load, lambda sounds: stack_padded(sounds, None, None))


def read_wav(path: str, sampling_rate: int | None = None) -> np.ndarray:
    """A recording as float32 in -1 .. 1, `(samples, channels)`."""
    from scipy.io import wavfile

    try:
        rate, sound = wavfile.read(path)
    except ValueError as error:
        raise ValueError(f"{path} is not a WAV file that can be read: {error}") from error
    if sound.dtype.kind == "u":  # 8 bits, around 128
        sound = (sound.astype("float32") - 128) / 128
    elif sound.dtype.kind == "i":
        sound = sound.astype("float32") / -float(np.iinfo(sound.dtype).min)
    sound = sound.astype("float32").reshape(len(sound), -1)
    if sampling_rate in (None, rate):
        return sound
    from scipy.signal import resample_poly

    common = gcd(rate, sampling_rate or rate)
    return resample_poly(sound, (sampling_rate or rate) // common, rate // common, axis=0)
