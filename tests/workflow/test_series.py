"""Series: past values as inputs, and the value that comes next."""

import numpy as np
import pytest

from kohort.workflow.failure import UsageError
from kohort.workflow.series import LAGS, is_series, lag_name, with_lags, with_next
from kohort.workflow.table import Column, Table


def series(rows=80, more=()):
    days = Column("day", "date", np.arange(rows) + 730000.0)
    value = Column("value", "numeric", np.arange(rows) * 2.0)
    return Table("here", [days, *more], [value])


def test_a_series_gets_its_past_values():
    table = with_lags(series(), None)
    assert table.rows == 80 - LAGS
    assert [column.name for column in table.inputs[1:3]] == ["value 1 before", "value 2 before"]
    assert table.inputs[1].values[0] == table.targets[0].values[0] - 2
    assert not any(column.missing.any() for column in table.inputs)


def test_other_tables_get_them_where_they_are_asked_for():
    table = series(more=[Column("x", "numeric", np.zeros(80))])
    assert not is_series(table) and with_lags(table, None) is table
    assert len(with_lags(table, 3).inputs) == 5


@pytest.mark.parametrize("lags", [0 - 1, 21])
def test_too_many_lags(lags):
    with pytest.raises(UsageError, match="a quarter of the rows"):
        with_lags(series(), lags)


def test_lags_of_classes():
    table = series()
    named = Column("value", "category", np.array(["a", "b"] * 40, dtype=object))
    with pytest.raises(UsageError, match="of numbers"):
        with_lags(Table("here", table.inputs, [named]), 2)


def test_the_next_row_has_the_last_values():
    table = series()
    columns = {c.name: c for c in with_next([*table.inputs, *table.targets], "value", 2)}
    assert columns["day"].values[-1] == 730080
    assert columns[lag_name("value", 1)].values[-1] == 158
    assert columns[lag_name("value", 2)].values[-1] == 156
