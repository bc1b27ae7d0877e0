"""Spectrograms beside those of Keras and NumPy."""

import jax
import keras
import numpy as np
import pytest

from tests.layers.preprocessing.cases import SOUNDS


@pytest.mark.parametrize("case", SOUNDS[1:], ids=repr)
def test_spectra_are_those_of_keras(case):
    x, ours, theirs = case.inputs(), case.layer(), case.layer(keras.layers)
    ours.build(x.shape), theirs.build(x.shape)
    mine, reference = jax.jit(ours)(x), jax.jit(theirs)(x)
    np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-4)
    assert ours.compute_output_shape(x.shape) == mine.shape
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]


def test_bands_of_mel():
    case = SOUNDS[0]
    x, ours, theirs = case.inputs(), case.layer(), case.layer(keras.layers)
    mine = jax.jit(ours)(x)
    padded = np.pad(x, [(0, 0), (16, 16)], "reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(32) / 32)
    frames = [padded[:, i : i + 32] * window for i in range(0, 81, 16)]
    power = np.abs(np.fft.rfft(np.stack(frames, 1))) ** 2
    bands = theirs.linear_to_mel_weight_matrix(4, 17, 16000, 20.0, 8000.0)
    levels = 10 * np.log10(np.maximum(power @ np.asarray(bands), 1e-10))
    levels = np.maximum(levels, levels.max() - 80).swapaxes(1, 2)
    np.testing.assert_allclose(mine, levels, rtol=1e-3, atol=1e-3)
    assert tuple(ours.compute_output_shape(x.shape)) == mine.shape
