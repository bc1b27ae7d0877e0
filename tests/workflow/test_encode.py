"""Stage 4: codes from the development rows, statistics from the training rows, nothing else."""

import json

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from kohort.workflow.encode import (
    CodeBook,
    Scaler,
    constant_columns,
    make_code_book,
    yes_no_columns,
)
from kohort.workflow.failure import WorkflowError
from kohort.workflow.table import Column, Table

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
    Column("day", "date", np.array([0.0, 1, 2, 3, 4, 365.2425 / 4])),
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
        "day": "season",
        "empty": "aside",
    }
    assert book.features == [
        "age",
        "age is missing",
        "city=a",
        "city=b",
        "city is missing",
        "day (sin of the year)",
        "day (cos of the year)",
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
    np.testing.assert_allclose(coded[5, 5:], [1, 0], atol=1e-6)


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
    assert mask.tolist() == [False, True, True, True, True, False, False]
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
