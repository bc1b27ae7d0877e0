"""Windows over time series."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort.data.pipeline import Dataset


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Cut a series into windows and give them as batches.

    Window `i` is `data[s], data[s + r], ..., data[s + (sequence_length - 1) * r]` with
    `s = i * sequence_stride` and `r = sampling_rate`; its target is `targets[s]`. `data` has shape
    `(time, ...)`, a batch `(batch_size, sequence_length, ...)`; with `batch_size=None` single
    windows are given. Only `data[start_index:end_index]` is used. Without targets (None) a batch
    is the windows alone, otherwise `(windows, targets)`.

    The result is a `kohort.data.Dataset` for either `format`. Windows are cut when they are asked
    for, so overlapping ones take no memory. With `shuffle` each pass has its own order, fixed by
    `seed`.

    >>> series = np.arange(8)
    >>> batches = timeseries_dataset_from_array(series[:-3], series[3:], 3, batch_size=2)
    >>> for windows, following in batches:
    ...     print(windows.tolist(), following.tolist())
    [[0, 1, 2], [1, 2, 3]] [3, 4]
    [[2, 3, 4]] [5]
    """
    data = np.asarray(data)
    _check_bounds(start_index, end_index, len(data))
    _check_step("sampling_rate", sampling_rate, len(data))
    _check_step("sequence_stride", sequence_stride, len(data))
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')
    if shuffle and seed is None:
        # Drawn from NumPy's global generator, so that `set_random_seed` makes it repeatable.
        seed = int(np.random.randint(1_000_000))

    series = data[start_index or 0 : end_index]
    count = len(series) - (sequence_length - 1) * sampling_rate
    values = None
    if targets is not None:
        values = np.asarray(targets)[start_index or 0 :]
        count = min(count, len(values))
    positions = np.arange(0, max(count, 0), sequence_stride)
    offsets = np.arange(0, sequence_length * sampling_rate, sampling_rate)

    def take(rows: np.ndarray) -> Any:
        windows = series[rows[..., None] + offsets]
        return windows if values is None else (windows, values[rows])

    windows = Dataset.from_rows(lambda i: take(positions[i]), len(positions))
    if shuffle and len(positions):
        windows = windows.shuffle(len(positions), seed)
    return windows if batch_size is None else windows.batch(batch_size)


def _check_bounds(start_index: int | None, end_index: int | None, length: int) -> None:
    if start_index:
        if start_index < 0:
            raise ValueError(
                f"`start_index` must be 0 or greater. Received: start_index={start_index}"
            )
        if start_index >= length:
            raise ValueError(
                "`start_index` must be lower than the length of the data. Received: "
                f"start_index={start_index}, for data of length {length}"
            )
    if end_index:
        if start_index and end_index <= start_index:
            raise ValueError(
                "`end_index` must be higher than `start_index`. Received: "
                f"start_index={start_index}, and end_index={end_index} "
            )
        if end_index >= length:
            raise ValueError(
                "`end_index` must be lower than the length of the data. Received: "
                f"end_index={end_index}, for data of length {length}"
            )
        if end_index <= 0:
            raise ValueError(f"`end_index` must be higher than 0. Received: end_index={end_index}")


def _check_step(name: str, value: int, length: int) -> None:
    if value <= 0:
        raise ValueError(f"`{name}` must be higher than 0. Received: {name}={value}")
    if value >= length:
        raise ValueError(
            f"`{name}` must be lower than the length of the data. Received: {name}={value}, "
            f"for data of length {length}"
        )
