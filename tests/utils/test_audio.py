"""Recordings in folders."""

import numpy as np
import pytest
from scipy.io import wavfile

from kohort.utils import Config, audio_dataset_from_directory
from kohort.utils.audio_directory import read_wav


@pytest.fixture
def recordings(tmp_path):
    """Two classes of two recordings, of 30, 31 … samples at 8 kHz."""
    for i in range(4):
        folder = tmp_path / "ab"[i % 2]
        folder.mkdir(exist_ok=True)
        wavfile.write(folder / f"{i}.wav", 8000, np.full((30 + i, 1), 2**14, "int16"))
    return tmp_path


def load(folder, **options):
    return audio_dataset_from_directory(folder, verbose=False, shuffle=False, **options)


def test_batches_are_filled_up(recordings):
    dataset = load(recordings, batch_size=3)
    (first, labels), (last, _) = dataset
    assert first.shape == (3, 32, 1) and last.shape == (1, 33, 1)
    assert labels.tolist() == [0, 0, 1] and dataset.class_names == ["a", "b"]
    np.testing.assert_array_equal(first[0, :, 0], [0.5] * 30 + [0.0] * 2)
    assert [x.shape[1] for x, _ in dataset.take(1).map(lambda x, y: (x * 2, y))] == [32]


def test_lengths_and_rates(recordings):
    assert next(iter(load(recordings, output_sequence_length=20)))[0].shape == (4, 20, 1)
    assert next(iter(load(recordings, output_sequence_length=40)))[0].shape == (4, 40, 1)
    single = next(iter(load(recordings, labels=None, batch_size=None, sampling_rate=16000)))
    assert single.shape == (60, 1) and abs(single[30, 0] - 0.5) < 0.01


@pytest.mark.parametrize(("dtype", "value"), [("uint8", 192), ("int32", 2**30), ("float32", 0.5)])
def test_kinds_of_samples(dtype, value, tmp_path):
    wavfile.write(tmp_path / "x.wav", 8000, np.full((4, 2), value, dtype))
    np.testing.assert_array_equal(read_wav(tmp_path / "x.wav"), np.full((4, 2), 0.5))


def test_errors(recordings):
    with pytest.raises(ValueError, match="ragged=True"):
        load(recordings, ragged=True)
    with pytest.raises(ValueError, match="Received: sampling_rate=0"):
        load(recordings, sampling_rate=0)
    (recordings / "a" / "bad.wav").write_bytes(b"no sound")
    with pytest.raises(ValueError, match="bad.wav is not a WAV file"):
        list(load(recordings))


def test_config():
    config = Config(rate=0.1)
    config.update(size=3)
    assert config.size == 3 and "rate" in config and list(config) == ["rate", "size"]
    with pytest.raises(AttributeError, match="Did you mean 'rate'"):
        _ = config.rates
    config.freeze()
    for change in (lambda: config.pop("rate"), lambda: config.update(x=1)):
        with pytest.raises(ValueError, match="frozen"):
            change()
    config.unfreeze()
    del config["rate"]
    assert config.as_dict() == {"size": 3} and not config.frozen
