"""Reading tables: what a file may look like, and what is said when it cannot be read."""

import gzip

import numpy as np
import pytest

from kohort.workflow import readers
from kohort.workflow.failure import UsageError, WorkflowError
from kohort.workflow.honest import fingerprint
from kohort.workflow.readers import from_arrays, read, read_columns
from kohort.workflow.table import blocks_of


@pytest.fixture
def write(tmp_path):
    def make(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def kinds(table):
    return {column.name: column.kind for column in table.inputs}


class TestCsv:
    def test_header_kinds_and_target(self, write):
        path = write("age,city,seen,ill\n31,Bonn,2020-01-05,no\n42,Köln,2020-02-01,yes\n")
        table = read(path, "ill")
        assert kinds(table) == {"age": "numeric", "city": "category", "seen": "date"}
        assert table.targets[0].values.tolist() == ["no", "yes"]
        assert table.inputs[0].values.tolist() == [31, 42]
        assert table.inputs[2].values[1] - table.inputs[2].values[0] == 27

    @pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
    def test_separator_is_found(self, write, separator):
        lines = [separator.join(row) for row in (["a", "b"], ["1", "2"], ["3", "4"])]
        assert kinds(read(write("\n".join(lines)), "b")) == {"a": "numeric"}

    @pytest.mark.parametrize("header", ["a;b;when\n", ""])
    def test_decimal_commas_beside_semicolons(self, write, header):
        table = read(write(header + "1.234,5;0,5;1.2.2024 12:00\n-2;,5;2.2.2024\n"), "1")
        assert [column.kind for column in table.inputs] == ["numeric", "date"]
        assert table.inputs[0].values.tolist() == [1234.5, -2]
        assert table.inputs[1].values[0] % 1 == 0.5

    def test_commas_in_quotes_are_no_decimal_points(self, write):
        assert kinds(read(write('a,b\n"1,5",1\n"2,5",2\n'), "b")) == {"a": "category"}

    def test_file_without_header_is_noticed(self, write):
        table = read(write("1,2,a\n3,4,b\n"), "-1")
        assert table.rows == 2
        assert [column.name for column in table.inputs] == ["column0", "column1"]
        assert "without a header" in table.notes[0]

    def test_header_can_be_stated(self, write):
        assert read(write("a,b\nc,d\n"), "1", header=False).rows == 2
        assert read(write("1,2\n3,4\n"), "2", header=True).inputs[0].name == "1"

    def test_gzip(self, write):
        path = write(gzip.compress(b"a,b\n1,2\n"), "table.data.gz")
        assert read(path, "b").inputs[0].values.tolist() == [1]

    def test_damaged_gzip(self, write):
        path = write(gzip.compress(b"a,b\n1,2\n" * 99)[:-12], "table.gz")
        with pytest.raises(WorkflowError, match=r"\.gz file must be whole"):
            read(path, "b")

    def test_missing_cells_become_gaps(self, write):
        table = read(write("a,b,y\n1,x,0\n?,,1\nNA,x,1\n"), "y")
        assert np.isnan(table.inputs[0].values).tolist() == [False, True, True]
        assert table.inputs[1].values.tolist() == ["x", None, "x"]

    def test_text_where_numbers_should_be_is_a_noted_gap(self, write):
        rows = [f"{i},0" for i in range(30)]
        rows[6] = "oops,0"
        table = read(write("a,y\n" + "\n".join(rows)), "y")
        assert table.inputs[0].kind == "numeric"
        assert np.isnan(table.inputs[0].values[6])
        assert table.notes == [
            "Column 'a': 1 cell is not a number (first: 'oops' in line 8); counted as missing."
        ]

    def test_infinity_is_a_gap(self, write):
        rows = "\n".join(["inf,1"] + ["1,0"] * 30)
        assert np.isnan(read(write("a,y\n" + rows), "y").inputs[0].values[0])

    def test_byte_order_mark_and_spaces(self, write):
        table = read(write(b"\xef\xbb\xbfa, b\n1, x\n2, y\n"), "b")
        assert table.inputs[0].name == "a"
        assert table.targets[0].values.tolist() == ["x", "y"]

    def test_repeated_name(self, write):
        table = read(write("a,a,y\n1,2,0\n3,4,1\n"), "y")
        assert [column.name for column in table.inputs] == ["a", "a_1"]
        assert "occurs again" in table.notes[0]

    def test_other_encoding(self, write):
        path = write("Straße,y\nGrüße,1\nGrüße,2\n".encode("latin-1"))
        with pytest.raises(WorkflowError, match="byte 0xdf in line 1.*\n.*\n.*--encoding latin-1"):
            read(path, "y")
        assert read(path, "y", encoding="latin-1").inputs[0].name == "Straße"
        with pytest.raises(UsageError, match="known to Python"):
            read(path, "y", encoding="klingon")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "an empty file"),
            ("\n\n  \n", "blank lines only"),
            ("a,b\n", "a header only"),
            ("a,b\n1,2\n1,2,3\n", "3 fields in line 3"),
            (b"\x89PNG\r\n\x1a\n\x00\x00", "must be utf-8 text"),
        ],
    )
    def test_what_is_no_table(self, write, content, message):
        with pytest.raises(WorkflowError, match=message):
            read(write(content), "b")


class TestTarget:
    def test_unknown_column_suggests_a_near_one(self, write):
        with pytest.raises(WorkflowError, match="(?s)'weathr'.*did you mean 'weather'"):
            read(write("wind,weather\n1,a\n"), "weathr")

    def test_none_is_wrong_usage(self, write):
        with pytest.raises(UsageError, match="columns a, b"):
            read(write("a,b\n1,2\n"))

    def test_several(self, write):
        table = read(write("a,b,c\n1,0,1\n"), "b,c")
        assert [column.name for column in table.targets] == ["b", "c"]
        assert [column.name for column in table.inputs] == ["a"]

    def test_place_out_of_range(self, write):
        with pytest.raises(WorkflowError, match="must be a column"):
            read(write("a,b\n1,2\n"), "2")

    def test_no_column_left(self, write):
        with pytest.raises(WorkflowError, match="check the separator"):
            read(write("a\n1\n2\n"), "a")


class TestArrays:
    def test_npz_with_its_own_test_part(self, tmp_path):
        path = tmp_path / "data.npz"
        x, y = np.arange(12.0).reshape(6, 2), np.arange(6)
        np.savez(path, x_train=x[:4], y_train=y[:4], x_test=x[4:], y_test=y[4:])
        table = read(path)
        assert (table.rows, table.given_test) == (6, 2)
        np.testing.assert_array_equal(table.inputs[1].values, x[:, 1])

    @pytest.mark.parametrize("keys", [("x", "y"), ("data", "target")])
    def test_npz_keys(self, tmp_path, keys):
        path = tmp_path / "data.npz"
        np.savez(path, **dict(zip(keys, (np.ones((3, 2)), np.arange(3)), strict=True)))
        assert read(path).rows == 3
        assert len(read_columns(path)) == 2

    def test_npz_with_other_keys(self, tmp_path):
        np.savez(tmp_path / "data.npz", a=np.ones(3))
        with pytest.raises(WorkflowError, match="the keys a"):
            read(tmp_path / "data.npz")

    def test_object_arrays_are_refused(self, tmp_path):
        np.savez(tmp_path / "data.npz", x=np.array([[1], [1, 2]], dtype=object), y=np.arange(2))
        with pytest.raises(WorkflowError, match="plain arrays"):
            read(tmp_path / "data.npz")

    def test_no_archive(self, write):
        with pytest.raises(WorkflowError, match="plain arrays"):
            read(write("not a zip", "data.npz"))

    def test_lengths_that_differ(self):
        with pytest.raises(WorkflowError, match="same number of rows. Received: 3 and 2"):
            from_arrays("x", (np.ones((3, 1)), np.ones(2)))

    def test_images_keep_their_row_shape(self):
        table = from_arrays("x", (np.ones((3, 4, 4), dtype="uint8"), np.arange(3)))
        assert table.row_shape == (4, 4)
        assert len(table.inputs) == 16

    def test_one_hot_targets_are_classes(self):
        table = from_arrays("x", (np.ones((4, 1)), np.eye(4)))
        assert table.targets[0].values.tolist() == [0, 1, 2, 3]


class TestParquet:
    def test_kinds(self, tmp_path):
        pandas = pytest.importorskip("pandas")
        pytest.importorskip("pyarrow")
        frame = pandas.DataFrame(
            {
                "n": [1, 2],
                "t": ["a", None],
                "d": pandas.to_datetime(["2020-01-01", "2020-01-02"]),
                "y": [0, 1],
            }
        )
        path = tmp_path / "t.parquet"
        frame.to_parquet(path)
        table = read(path, "y")
        assert kinds(table) == {"n": "numeric", "t": "category", "d": "date"}
        assert table.inputs[1].values.tolist() == ["a", None]
        assert table.inputs[2].values.tolist() == [737425, 737426]

    def test_damaged(self, write):
        pytest.importorskip("pyarrow")
        with pytest.raises(WorkflowError, match="must be readable"):
            read(write("nonsense", "t.parquet"), "y")

    def test_no_reader_names_the_extra(self, write, monkeypatch):
        def absent(name):
            raise ImportError(name)

        monkeypatch.setattr(readers.importlib, "import_module", absent)
        with pytest.raises(WorkflowError, match=r"kohort\[frames\]"):
            read(write("x", "t.parquet"), "y")


def test_unknown_name_lists_the_sets():
    with pytest.raises(WorkflowError, match="(?s)neither.*digits, breast_cancer"):
        read("no-such-thing.csv", "y")


def test_folder(tmp_path):
    with pytest.raises(WorkflowError, match="a folder for each class"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "wine", "diabetes", "iris"])
def test_embedded(name):
    sklearn_data = pytest.importorskip("sklearn.datasets")
    bundle = getattr(sklearn_data, f"load_{name}")()
    table = read(name)
    assert table.rows == len(bundle.data)
    assert len(table.inputs) == bundle.data.shape[1]
    assert table.given_test == 0


def test_texts_become_words(data_dir, monkeypatch):
    table = read("reuters")
    assert len(table.inputs) == readers.WORDS
    assert table.rows == 11228
    assert set(np.unique(table.inputs[5].values)) == {0, 1}


def test_fingerprint_follows_content_not_name(tmp_path):
    for name, last in (("a", 4), ("b", 4), ("c", 5)):
        (tmp_path / f"{name}.csv").write_text(f"x,t,y\n1,u,2\n3,v,{last}\n")
    tables = [read(tmp_path / f"{name}.csv", "y") for name in "abc"]
    a, b, c = (fingerprint(*blocks_of([*t.inputs, *t.targets])) for t in tables)
    assert a == b != c
