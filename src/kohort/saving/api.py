"""`save_model` and `load_model`: which format a file has."""

from __future__ import annotations

import logging
import os
import warnings
import zipfile
from typing import Any

from kohort.saving import archive, legacy_h5
from kohort.saving.atomic import may_write

_log = logging.getLogger("kohort")
_H5 = (".h5", ".hdf5")


def save_model(
    model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Save a model: its configuration, weights, and what `compile` was told.

    The file opens in Keras, too. It is written beside its place and then put there, so that a
    crash leaves the old file.

    Args:
        model: the model.
        filepath: a path that ends in `.keras` (or, legacy, `.h5`), or a file open for writing.
        overwrite: whether an existing file may be replaced without asking.
        zipped: False writes a folder instead of a zip file.
        include_optimizer: whether a legacy `.h5` file holds the optimiser.

    >>> from kohort import layers, models
    >>> model = models.Sequential([layers.Input((3,)), layers.Dense(1)])
    >>> save_model(model, "model.keras")
    >>> load_model("model.keras").output_shape
    (None, 1)
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    name = str(filepath)
    _check_save_format(name, kwargs.pop("save_format", None))
    if kwargs:
        raise ValueError(f"The following argument(s) are not supported: {list(kwargs.keys())}")
    if hasattr(filepath, "write"):
        _warn_unbuilt(model)
        archive.write_archive(model, filepath)
        return
    if zipped is False and name.endswith(".keras"):
        raise ValueError(
            "When using `zipped=False`, the `filepath` argument should not end in `.keras`. "
            f"Received: filepath={filepath}"
        )
    if zipped is not False and not name.endswith((".keras", *_H5)):
        raise ValueError(
            "Invalid filepath extension for saving. Please add either a `.keras` extension for "
            "the native Keras format (recommended) or a `.h5` extension. "
            f"Received: filepath={filepath}."
        )
    if not may_write(filepath, overwrite):
        return
    if zipped is False:
        _warn_unbuilt(model)
        archive.write_folder(model, filepath)
    elif name.endswith(".keras"):
        _warn_unbuilt(model)
        archive.write_archive(model, filepath)
    else:
        _log.warning(
            "You are saving your model as an HDF5 file via `model.save()` or "
            "`keras.saving.save_model(model)`. This file format is considered legacy. We recommend "
            "using instead the native Keras format, e.g. `model.save('my_model.keras')` or "
            "`keras.saving.save_model(model, 'my_model.keras')`. "
        )
        legacy_h5.save_model(model, filepath, include_optimizer)


def _check_save_format(name: str, save_format: Any) -> None:
    if not save_format:
        return
    if not name.endswith((".keras", *_H5)):
        raise ValueError(
            "The `save_format` argument is deprecated in Keras 3. Please remove this argument and "
            "pass a file path with either `.keras` or `.h5` extension."
            f"Received: save_format={save_format}"
        )
    _log.warning(
        "The `save_format` argument is deprecated in Keras 3. We recommend removing this argument "
        "as it can be inferred from the file path. Received: save_format=%s",
        save_format,
    )


def _warn_unbuilt(model: Any) -> None:
    if not model.built:
        warnings.warn(
            "You are saving a model that has not yet been built. It might not contain any weights "
            "yet. Consider building the model first by calling it on some data.",
            stacklevel=4,
        )


def load_model(
    filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Load a model that was saved here or by Keras: `.keras`, a folder, or a legacy `.h5` file.

    No code from the file runs: classes and functions are looked up by name among Kohort's, the
    registered ones and `custom_objects`.

    Args:
        filepath: the path, or a file open for reading.
        custom_objects: name -> class or function, for what is not registered.
        compile: whether to compile the model as it was.
        safe_mode: False lets the file bring lambdas, which are code. Only for files you trust.

    Raises:
        ValueError: where the file is damaged or does not fit.
        TypeError: where a class is not known.
        OSError: where the file cannot be read.
    """
    name = str(filepath)
    if hasattr(filepath, "read") or (name.endswith(".keras") and _is_zip(filepath)):
        return archive.read_archive(filepath, custom_objects, compile, safe_mode)
    if archive.is_model_folder(filepath):
        return archive.read_folder(filepath, custom_objects, compile, safe_mode)
    if name.endswith(_H5):
        return legacy_h5.load_model(filepath, custom_objects, compile, safe_mode)
    if name.endswith(".keras"):
        what = "File is damaged or not a zip file" if os.path.exists(name) else "File not found"
        raise ValueError(
            f"{what}: filepath={filepath}. Please ensure the file is an accessible `.keras` zip "
            "file."
        )
    raise ValueError(
        f"File format not supported: filepath={filepath}. Keras 3 only supports V3 `.keras` files, "
        "legacy H5 format files (`.h5` extension). Note that the legacy SavedModel format is not "
        "supported by `load_model()` in Keras 3."
    )


def _is_zip(filepath: Any) -> bool:
    try:
        return zipfile.is_zipfile(filepath)
    except OSError:
        return False
