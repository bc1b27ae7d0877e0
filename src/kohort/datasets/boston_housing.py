"""Boston housing: prices of houses in the 1970s."""

from __future__ import annotations

from kohort.datasets._cache import KERAS_FILES, Split, locate
from kohort.datasets._npz import load_npz
from kohort.datasets._split import shuffle_split

_SHA256 = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Split:
    """Load Boston housing: 506 rows of 13 measures, and the median price in 1,000 dollars.

    Returns `(x_train, y_train), (x_test, y_test)`: `(n, 13)` and `(n,)`, float64. The rows are
    shuffled by `seed` and the last `test_split` of them are the test part.

    Caution: the measure "B" takes for granted that racial segregation sets prices. Use
    `california_housing` for anything but the study of such faults.

    Source: Harrison and Rubinfeld, *Hedonic prices and the demand for clean air*, 1978.
    """
    data = load_npz(locate(path, KERAS_FILES + "boston_housing.npz", _SHA256))
    return shuffle_split(data["x"], data["y"], test_split, seed)
