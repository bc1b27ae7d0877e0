"""Folders of images and of texts as tables."""

import numpy as np
import pytest
from PIL import Image

from kohort.workflow.failure import WorkflowError
from kohort.workflow.folders import read_files
from kohort.workflow.readers import read, read_columns


def pictures(folder, size=(6, 4), count=3, mode="L"):
    """Folders of two classes; the second is brighter."""
    for bright, name in enumerate(("dark", "light")):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            colour = 200 * bright + i
            filled = colour if mode == "L" else (colour, 0, 0)
            Image.new(mode, size, filled).save(folder / name / f"{i}.png")
    return folder


def texts(folder):
    for name, word in (("bad", "awful"), ("good", "lovely")):
        (folder / name).mkdir(parents=True)
        for i in range(3):
            (folder / name / f"{i}.txt").write_text(f"a {word} film number {i}")
    return folder


def test_images_of_a_folder_for_each_class(tmp_path):
    table = read(pictures(tmp_path / "all"))
    assert table.row_shape == (4, 6, 1) and len(table.inputs) == 24
    assert table.targets[0].name == "class"
    assert table.targets[0].values.tolist() == ["dark"] * 3 + ["light"] * 3
    assert [int(v) for v in table.inputs[0].values] == [0, 1, 2, 200, 201, 202]
    assert table.inputs[0].values.dtype == np.uint8


def test_train_and_test_folders(tmp_path):
    pictures(tmp_path / "all" / "train", count=4, mode="RGB")
    pictures(tmp_path / "all" / "test", count=2, mode="RGB")
    table = read(tmp_path / "all")
    assert (table.rows, table.given_test, table.row_shape) == (12, 4, (4, 6, 3))


def test_large_images_are_scaled_down_and_damaged_ones_left_out(tmp_path):
    folder = pictures(tmp_path / "all", size=(128, 96))
    (folder / "dark" / "1.png").write_text("no image")
    table = read(folder)
    assert table.row_shape == (48, 64, 1)
    assert table.rows == 5 and len(table.targets[0].values) == 5
    assert "1.png is no readable image" in table.notes[0]
    assert "brought to 64 x 48" in table.notes[1]
    with pytest.raises(WorkflowError, match="no readable image"):
        read_files(folder, (48, 64, 1))


def test_images_to_predict_get_the_shape_of_training(tmp_path):
    columns = read_columns(pictures(tmp_path / "all"), row_shape=[2, 3, 3])
    assert len(columns) == 18


def test_texts_of_a_folder_for_each_class(tmp_path):
    table = read(texts(tmp_path / "all"))
    assert table.inputs[0].name == "text"
    assert table.inputs[0].values[3] == "a lovely film number 0"
    assert table.targets[0].values.tolist() == ["bad"] * 3 + ["good"] * 3
    assert len(read_columns(tmp_path / "all")[0].values) == 6


def test_what_is_no_such_folder(tmp_path):
    with pytest.raises(WorkflowError, match="a folder for each class"):
        read(tmp_path)
    texts(pictures(tmp_path / "mixed").parent / "mixed" / "more")
    for file in (tmp_path / "mixed" / "more").rglob("*.txt"):
        file.rename(tmp_path / "mixed" / "dark" / f"{file.parent.name}{file.name}")
    with pytest.raises(WorkflowError, match="images, or texts"):
        read(tmp_path / "mixed")
