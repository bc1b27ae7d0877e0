"""Tomorrow's lowest temperature from the last thirty days, with a GRU.

The series (Melbourne, 1981 to 1990) is split by time: eight years to train, one to validate, one
to test. The error must be at most 0.9 times that of the naive forecast (as today).

    python examples/temperature_gru.py [--epochs 20] [--plot temperature.png]
"""

import os
from pathlib import Path

import numpy as np
from common import arguments, finish

import kohort as keras

options = arguments(__doc__, epochs=20, batch_size=64)
DAYS, YEAR = 30, 365

folder = Path(os.environ.get("KOHORT_DATA", "../shared/data").split(os.pathsep)[0])
path = folder / "daily-min-temperatures.csv"
series = np.loadtxt(path, delimiter=",", skiprows=1, usecols=1, dtype="float32")

windows = np.lib.stride_tricks.sliding_window_view(series, DAYS + 1)
test, validation = slice(-YEAR, None), slice(-2 * YEAR, -YEAR)
train = slice(None, -2 * YEAR)
mean, std = series[: -2 * YEAR].mean(), series[: -2 * YEAR].std()


def part(rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """(windows, days, 1) and the temperature of the day after, in standard deviations."""
    scaled = (windows[rows] - mean) / std
    return scaled[:, :-1, None], scaled[:, -1]


model = keras.Sequential(
    [
        keras.layers.Input((DAYS, 1)),
        keras.layers.GRU(16),
        keras.layers.Dense(1),
    ]
)
model.compile("adam", "mse", metrics=["mae"])
history = model.fit(
    *part(train),
    epochs=options.epochs,
    batch_size=options.batch_size,
    validation_data=part(validation),
    verbose=options.verbose,
)
loss, mae = model.evaluate(*part(test), verbose=0)
naive = np.abs(windows[test, -1] - windows[test, -2]).mean()
print(f"mean absolute error: {mae * std:.3f} degrees, naive forecast {naive:.3f}")
finish("error relative to the naive forecast", mae * std / naive, history, options, most=0.9)
