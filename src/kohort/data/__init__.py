"""Data: `Dataset` pipelines, and every source that `fit` takes as blocks of rows.

>>> from kohort import data
>>> dataset = data.Dataset.from_tensor_slices(([1.0, 2.0, 3.0], [0, 1, 0])).shuffle(3, seed=0)
>>> dataset.batch(2).prefetch(data.AUTOTUNE)
<Dataset of 2 elements>
"""

from kohort.data.pipeline import Dataset
from kohort.data.pipeline_base import (
    AUTOTUNE,
    INFINITE_CARDINALITY,
    UNKNOWN_CARDINALITY,
    DatasetIterator,
)
from kohort.data.pipeline_elements import TensorSpec

from_generator = Dataset.from_generator
from_tensor_slices = Dataset.from_tensor_slices
from_tensors = Dataset.from_tensors

__all__ = [
    "AUTOTUNE",
    "INFINITE_CARDINALITY",
    "UNKNOWN_CARDINALITY",
    "Dataset",
    "DatasetIterator",
    "TensorSpec",
    "from_generator",
    "from_tensor_slices",
    "from_tensors",
]
