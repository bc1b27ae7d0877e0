"""The base class of data sets written in Python."""

import itertools

import pytest

from kohort.utils import PyDataset, Sequence


class Tens(PyDataset):
    """Three batches."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return 10 * index


def test_iterates_over_its_batches_again_and_again():
    data = Tens(workers=4, use_multiprocessing=True, max_queue_size=2)
    assert list(data) == list(data) == [0, 10, 20]
    assert data.num_batches == 3
    assert (data.workers, data.use_multiprocessing, data.max_queue_size) == (4, True, 2)
    data.workers, data.use_multiprocessing, data.max_queue_size = 1, False, 5
    assert (data.workers, data.use_multiprocessing, data.max_queue_size) == (1, False, 5)
    assert Sequence is PyDataset


def test_num_batches_none_is_endless():
    class Endless(PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return index

    assert list(itertools.islice(Endless(), 4)) == [0, 1, 2, 3]


def test_a_forgotten_constructor_warns_once_and_works():
    class Careless(Tens):
        def __init__(self):
            pass

    data = Careless()
    with pytest.warns(UserWarning, match=r"should call `super\(\).__init__\(\*\*kwargs\)`"):
        assert data.workers == 1
    assert (data.use_multiprocessing, data.max_queue_size) == (False, 10)


def test_what_is_missing_is_named():
    with pytest.raises(NotImplementedError, match="implement the `num_batches` property"):
        _ = PyDataset().num_batches
    with pytest.raises(NotImplementedError):
        PyDataset()[0]
