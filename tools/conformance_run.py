"""Start the runner of Keras's tests on Kohort: `conformance_run.py SHARED [arguments]`.

`conformance.py` calls it, once a test file. `kohort.testing.extra` lends the runner the classes of
operations. In place of TensorFlow there is an object that skips the test which uses it, so that
files may import it: such a test counts as internal. Of the libraries for trees, Keras's tests are
told that there is one.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
from typing import Any

sys.path.insert(0, sys.argv.pop(1))
import keras_tests

from kohort.testing.extra import operation_class

# Public modules that the runner does not know by itself, and TensorFlow's that test files import.
keras_tests.NAMESPACES += ["utils.bounding_boxes", "legacy.saving"]
TENSORFLOW = "python.eager python.lib.io compat.v1 core.util summary".split()
public = keras_tests.Resolver.public


def find(self: Any, parts: tuple[str, ...], name: str) -> Any:
    """What `keras.src.<parts>.<name>` is here, or None."""
    if name == "available":
        return parts[-1] == "optree"
    found = None
    parts = ("ops", "image") if parts == ("backend", "image") else parts
    if parts[:1] == ("applications",) or parts[:2] == ("ops", "image"):
        try:
            found = getattr(importlib.import_module(".".join(["kohort", *parts])), name, None)
        except ImportError:
            return None
        found = None if hasattr(found, "__spec__") else found  # modules are the runner's affair
    if found is None and parts[:1] == ("ops",) and name[:1].isupper():
        found = operation_class(name)
    return found or public(self, parts, name)


class Absent(keras_tests.Missing):
    """A module that is not installed: what is done with any part of it skips the test."""

    def __getattr__(self, name: str) -> Absent:
        if name.startswith("__"):
            raise AttributeError(name)
        # Colons: the part after the last dot is looked up among Keras's public names.
        return Absent(f"{self._shim_name}:{name}")


def pretend(path: str) -> Any:
    """Put a stand-in for a module, and for those above it, where imports look."""
    if path not in sys.modules:
        module: Any = Absent(path.replace(".", ":"))
        module.__path__, module.__spec__ = [], importlib.machinery.ModuleSpec(path, None)
        sys.modules[path] = module
        parent, _, name = path.rpartition(".")
        if parent:
            setattr(pretend(parent), name, module)
    return sys.modules[path]


if __name__ == "__main__":
    keras_tests.Resolver.public = find
    for module_name in TENSORFLOW:
        pretend(f"tensorflow.{module_name}")
    sys.exit(keras_tests.main(sys.argv[1:]))
