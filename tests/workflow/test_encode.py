"""Stage 4: codes from the development rows, statistics from the training rows, nothing else."""

import json

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from kohort.workflow.dates import day_number, day_numbers, telling_parts
from kohort.workflow.encode import (
    Code,
    CodeBook,
    Scaler,
    constant_columns,
    make_code_book,
    yes_no_columns,
)
from kohort.workflow.failure import WorkflowError
from kohort.workflow.table import Column, Table, column_of

NAN = np.nan


def text(*values):
    return np.array(values, dtype=object)


def table_of(*columns):
    rows = len(columns[0].values)
    return Table("test", list(columns), [Column("y", "numeric", np.arange(rows) % 2.0)])


MIXED = table_of(
    Column("id", "numeric", np.arange(1.0, 7.0)),
    Column("age", "numeric", np.array([30.0, NAN, 50, 40, 20, 10])),
    Column("city", "category", text("b", "a", None, "a", "b", "z")),
    Column("same", "category", text(*["x"] * 6)),
    Column("name", "category", text(*"uvwxyz")),
    Column("day", "date", 730000 + np.array([0.0, 1, 2, 3, 7, 9.5])),
    Column("empty", "category", text(*[None] * 6)),
)
DEVELOPMENT = np.arange(5)


@pytest.fixture
def book():
    return make_code_book(MIXED, DEVELOPMENT)


def test_each_column_enters_in_its_way(book):
    uses = {code.name: code.use for code in book.codes}
    assert uses == {
        "id": "aside",
        "age": "number",
        "city": "one-hot",
        "same": "aside",
        "name": "aside",
        "day": "date",
        "empty": "aside",
    }
    assert book.features == [
        "age",
        "age is missing",
        "city=a",
        "city=b",
        "city is missing",
        "day (days since the first)",
        "day (Monday)",
        "day (Friday)",
        "day (Saturday)",
        "day (Sunday)",
    ]


def test_columns_of_0_and_1_are_taken_as_they_are():
    table = table_of(
        Column("flag", "numeric", np.array([0.0, 1, 1, NAN, 0, 7])),
        Column("one", "numeric", np.ones(6)),
        Column("size", "numeric", np.array([0.0, 2, 1, 1, 0, 1])),
    )
    book = make_code_book(table, DEVELOPMENT)
    assert [code.use for code in book.codes] == ["yes-no", "yes-no", "number"]
    assert "2 columns of 0 and 1, taken as they are." in book.text
    coded = book.apply(table.inputs)
    scaler = Scaler.fit(coded[DEVELOPMENT], yes_no_columns(book))
    np.testing.assert_array_equal(scaler.apply(coded)[:, 0], [0, 1, 1, 0.5, 0, 7])


def test_what_is_set_aside_is_reported(book):
    said = " ".join(book.text)
    assert "Column 'id' is set aside: a row number." in said
    assert "Column 'same' is set aside: the same in every row." in said
    assert "Column 'empty' is set aside: empty." in said
    assert "age (1), city (1)" in said


def test_coded_rows(book):
    coded = book.apply(MIXED.inputs)
    np.testing.assert_array_equal(coded[0, :5], [30, 0, 0, 1, 0])
    np.testing.assert_array_equal(coded[1, :5], [NAN, 1, 1, 0, 0])
    np.testing.assert_array_equal(coded[2, :5], [50, 0, 0, 0, 1])
    np.testing.assert_array_equal(coded[4:, 5:], [[7, 0, 1, 0, 0], [9.5, 0, 0, 0, 1]])


def test_category_of_a_sealed_row_is_unknown(book):
    assert "z" not in book.codes[2].categories
    np.testing.assert_array_equal(book.apply(MIXED.inputs)[5, 2:5], [0, 0, 0])


def test_code_book_survives_json(book):
    again = CodeBook.from_json(json.loads(json.dumps(book.to_json())))
    np.testing.assert_array_equal(again.apply(MIXED.inputs), book.apply(MIXED.inputs))


def test_only_frequent_categories_get_a_column():
    values = [f"c{i % 60}" for i in range(600)] + ["c0"] * 10
    book = make_code_book(table_of(Column("c", "category", text(*values))), np.arange(610))
    assert len(book.features) == 50
    assert "c=c0" in book.features


def test_nothing_to_learn_from():
    table = table_of(Column("a", "category", text(*["x"] * 6)))
    with pytest.raises(WorkflowError, match="a is the same in every row"):
        make_code_book(table, DEVELOPMENT)


def test_scaler_equals_scikit_learn():
    x = np.random.default_rng(0).normal(3, 5, (50, 3)).astype("float32")
    scaler = Scaler.fit(x[:40], np.zeros(3, dtype=bool))
    expected = StandardScaler().fit(x[:40]).transform(x[40:])
    np.testing.assert_allclose(scaler.apply(x[40:]), expected, rtol=1e-4, atol=1e-5)


def test_gaps_get_the_training_median():
    x = np.array([[1.0], [NAN], [3.0], [8.0]], dtype="float32")
    scaler = Scaler.fit(x, np.array([False]))
    assert scaler.fill.tolist() == [3]
    assert scaler.fill_gaps(np.array([[NAN]]))[0, 0] == 3
    assert np.isfinite(scaler.apply(x)).all()


def test_gap_only_column_is_dead():
    scaler = Scaler.fit(np.full((4, 1), NAN, dtype="float32"), np.array([False]))
    assert scaler.dead.tolist() == [True]
    assert scaler.apply(np.array([[5.0]], dtype="float32")).tolist() == [[0]]


def test_yes_no_columns_stay_as_they_are(book):
    coded = book.apply(MIXED.inputs)
    mask = yes_no_columns(book)
    assert mask.tolist() == [False, True, True, True, True, False, *[True] * 4]
    scaled = Scaler.fit(coded[:5], mask).apply(coded)
    np.testing.assert_array_equal(scaled[:, mask], coded[:, mask])


def test_constant_column_is_dead_and_named():
    table = table_of(
        Column("c", "numeric", np.full(6, 7.0)), Column("x", "numeric", np.arange(6.0) ** 2)
    )
    book = make_code_book(table, DEVELOPMENT)
    coded = book.apply(table.inputs)
    assert constant_columns(book, coded[DEVELOPMENT]) == ["c"]
    scaled = Scaler.fit(coded[DEVELOPMENT], yes_no_columns(book)).apply(coded + 1)
    assert scaled[:, 0].tolist() == [0] * 6


def test_pixels_are_divided_by_their_largest_value():
    x = np.array([[0.0, 16.0], [8.0, 4.0]], dtype="float32")
    scaled = Scaler.fit(x, np.zeros(2, dtype=bool), pixels=True).apply(x)
    np.testing.assert_allclose(scaled, x / 16)


def test_parts_of_dates_that_say_nothing_are_left_out():
    first_days = np.arange("2000", "2004", dtype="datetime64[Y]").astype("datetime64[D]")
    dates = {
        "years": day_numbers(first_days),
        "months": day_numbers(np.arange("2000-01", "2002-01", dtype="datetime64[M]")),
        "hours": 730000 + np.arange(12) / 24,
        "weeks": 730000 + 7.0 * np.arange(100),
        "once": np.full(5, 730000.0),
    }
    parts = {name: telling_parts(values) for name, values in dates.items()}
    assert parts == {
        "years": ["elapsed"],
        "months": ["elapsed", "year"],
        "hours": ["elapsed"],
        "weeks": ["elapsed", "year"],
        "once": [],
    }
    table = table_of(
        Column("d", "date", dates["once"]), Column("x", "numeric", np.arange(5.0) ** 2)
    )
    assert (
        "Column 'd' is set aside: the same in every row." in make_code_book(table, DEVELOPMENT).text
    )


def test_dates_as_the_calendar_has_them():
    cells = ["2023-12-31 06:00", "2024-01-01T18:00:00", "", "30.12.2023"]
    days = column_of("d", cells, range(4), [])
    parts = ["elapsed", "year", "day", "Sunday", "Monday"]
    code = Code("d", "date", parts, True, origin=day_numbers(np.array(["2023-12-30"], "M8[D]"))[0])
    coded = code.apply(days)
    year = 2 * np.pi * np.array([364.25 / 365, 0.75 / 366])
    expected = [
        [1.25, np.sin(year[0]), np.cos(year[0]), 1, 0, 1, 0, 0],
        [2.75, np.sin(year[1]), np.cos(year[1]), -1, 0, 0, 1, 0],
    ]
    np.testing.assert_allclose(coded[:2], expected, atol=1e-5)
    np.testing.assert_array_equal(coded[2], [NAN] * 5 + [0, 0, 1])
    assert len(code.features) == len(code.yes_no) == 8


@pytest.mark.parametrize("cell", ["2024-13-01", "1.2.24", "2024-01-01 25:00", "2024-01", "a-b-c"])
def test_what_is_no_date(cell):
    assert day_number(cell) is None


def test_dates_that_countries_read_differently_are_told():
    notes = []
    column = column_of("d", ["12/31/2024", "", "1/2/2025"], range(3), notes)
    assert column.kind == "category" and "Write them as 2024-12-31" in notes[0]


def test_later_rows_follow_from_trend_weekday_and_hour():
    days = 730000 + np.arange(0, 400, 0.25)
    noise = np.random.default_rng(0).normal(size=len(days)) * 0.1
    hour = 2 * np.pi * (days % 1)
    y = 0.02 * (days - 730000) + 3.0 * ((np.floor(days) - 1) % 7 >= 5) + np.cos(hour - 1) + noise
    table = Table("test", [Column("day", "date", days)], [Column("y", "numeric", y)])
    early = np.arange(1200)
    book = make_code_book(table, early)
    assert book.text == ["Dates of 'day' become the time that has passed, the hour, the weekday."]
    coded = book.apply(table.inputs)
    scaled = Scaler.fit(coded[early], yes_no_columns(book)).apply(coded)
    weights = np.linalg.lstsq(scaled[early], y[early], rcond=None)[0]
    np.testing.assert_allclose(scaled[1200:] @ weights, y[1200:], atol=0.5)
