"""Windows over series, against a plain loop of the documented rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from kohort.utils import timeseries_dataset_from_array


def loop(data, targets, length, stride, rate, start, end):
    """The windows and targets, one by one."""
    data, targets = data[start or 0 : end], targets[start or 0 :]
    count = min(len(data) - (length - 1) * rate, len(targets))
    starts = range(0, count, stride)
    windows = [[data[s + i * rate] for i in range(length)] for s in starts]
    return windows, [targets[s] for s in starts]


@given(
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 7),
    st.sampled_from([None, 0, 5]),
    st.sampled_from([None, 30, 33]),
)
def test_windows_follow_the_rule(length, stride, rate, batch_size, start, end):
    data = np.arange(40)
    arguments = (length, stride, rate)
    batches = timeseries_dataset_from_array(
        data, 2 * data, *arguments, batch_size=batch_size, start_index=start, end_index=end
    )
    windows, targets = loop(data, 2 * data, *arguments, start, end)
    received = list(batches)
    assert len(received) == len(batches)
    assert_array_equal(np.concatenate([x for x, _ in received]), windows)
    assert_array_equal(np.concatenate([y for _, y in received]), targets)
    assert all(len(x) == batch_size for x, _ in received[:-1])


def test_regression_on_the_next_step():
    data = np.arange(10)
    batches = timeseries_dataset_from_array(data, data[3:], 3, batch_size=1)
    assert [int(y[0]) for _, y in batches] == [3, 4, 5, 6, 7, 8, 9]


def test_no_targets_several_columns_and_no_batches():
    data = np.arange(20).reshape(10, 2)
    (batch,) = timeseries_dataset_from_array(data, None, 4)
    assert batch.shape == (7, 4, 2)
    samples = timeseries_dataset_from_array(data, None, 4, batch_size=None)
    assert len(samples) == 7
    assert_array_equal(np.stack(list(samples)), batch)


def test_a_series_that_is_too_short_gives_nothing():
    assert list(timeseries_dataset_from_array(np.arange(4), None, 9)) == []


def test_shuffle_is_new_at_each_pass_and_fixed_by_the_seed():
    def make(seed):
        data = np.arange(50)
        return timeseries_dataset_from_array(
            data, 2 * data, 5, batch_size=4, shuffle=True, seed=seed
        )

    batches = make(123)
    first, second = (np.concatenate([x[:, 0] for x, _ in batches]) for _ in range(2))
    assert not np.array_equal(first, np.arange(46))
    assert not np.array_equal(first, second)
    assert_array_equal(np.sort(first), np.arange(46))
    assert_array_equal(np.concatenate([x[:, 0] for x, _ in make(123)]), first)
    assert all(np.array_equal(2 * x[:, 0], y) for x, y in batches)
    np.random.seed(3)
    drawn = next(iter(make(None)))[0]
    np.random.seed(3)
    assert_array_equal(next(iter(make(None)))[0], drawn)


def test_take():
    batches = timeseries_dataset_from_array(np.arange(10), None, 2, batch_size=2)
    assert [batch.tolist() for batch in batches.take(1)] == [[[0, 1], [1, 2]]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start_index": -1}, "`start_index` must be 0 or greater. Received: start_index=-1"),
        ({"start_index": 11}, "`start_index` must be lower than the length"),
        ({"end_index": -1}, "`end_index` must be higher than 0"),
        ({"end_index": 11}, "`end_index` must be lower than the length"),
        ({"start_index": 5, "end_index": 4}, "`end_index` must be higher than `start_index`"),
        ({"sampling_rate": 0}, "`sampling_rate` must be higher than 0"),
        ({"sampling_rate": 10}, "`sampling_rate` must be lower than the length"),
        ({"sequence_stride": 0}, "`sequence_stride` must be higher than 0"),
        ({"sequence_stride": 10}, "`sequence_stride` must be lower than the length"),
        ({"format": "csv"}, '`format` should be either "tf" or "grain". Received: format=csv'),
        ({"batch_size": 0}, "`batch_size` must be a positive integer"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError) as error:
        timeseries_dataset_from_array(np.arange(10), None, 3, **options)
    assert message in str(error.value)
