"""California housing: prices of houses in 1990."""

from __future__ import annotations

from kohort.datasets._cache import KERAS_FILES, Split, locate
from kohort.datasets._npz import load_npz
from kohort.datasets._split import shuffle_split

_SHA256 = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"


def load_data(
    version: str = "large",
    path: str = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> Split:
    """Load California housing: 20,640 districts (600 with `version="small"`).

    Columns: longitude, latitude, median age of the houses, rooms, bedrooms, people, households,
    median income. Targets: the median price in dollars. Returns
    `(x_train, y_train), (x_test, y_test)`: `(n, 8)` and `(n,)`, float32. The rows are shuffled by
    `seed` and the last `test_split` of them are the test part.

    Source: Pace and Barry, *Sparse spatial autoregressions*, 1997 (StatLib).
    """
    if version not in ("small", "large"):
        raise ValueError(
            f"Argument `version` must be one of 'small', 'large'. Received: version={version}"
        )
    data = load_npz(locate(path, KERAS_FILES + "california_housing.npz", _SHA256))
    rows = slice(600 if version == "small" else None)
    return shuffle_split(data["x"][rows], data["y"][rows], test_split, seed)
