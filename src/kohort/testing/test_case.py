"""TestCase: assertions on arrays, and the contracts of serialisable objects and layers."""

from __future__ import annotations

import shutil
import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np

from kohort.core.dtypes import standardize_dtype
from kohort.core.registry import CustomObjectScope
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.session import clear_session
from kohort.core.symbolic import KerasTensor
from kohort.core.variable import Variable
from kohort.testing.config_json import from_json, to_json
from kohort.testing.devices import uses_tpu

try:  # with absl at hand, its parameterised tests work in subclasses
    from absl.testing.parameterized import TestCase as _Base
except ImportError:
    _Base = unittest.TestCase  # type: ignore[misc,assignment]


class TestCase(_Base):
    """A `unittest.TestCase` for tests of layers, losses, metrics and models.

    Each test starts in a fresh session (names count from zero).

    >>> import kohort
    >>> class Scale(kohort.layers.Layer):
    ...     factor: float = 2.0
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> TestCase().run_layer_test(
    ...     Scale, {"factor": 3.0}, input_data=np.ones((2, 3)), expected_output=3 * np.ones((2, 3)),
    ...     custom_objects={"Scale": Scale},
    ... )
    """

    maxDiff = None  # type: ignore[assignment]

    def setUp(self) -> None:
        """Start a fresh session."""
        clear_session(free_memory=False)

    def get_temp_dir(self) -> str:
        """Make a folder that is removed after the test."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def convert_to_numpy(self, x: Any) -> np.ndarray:
        """Return an array, variable or list as a NumPy array."""
        return x.numpy() if isinstance(x, Variable) else np.asarray(x)

    # ---- assertions

    def assertAllClose(
        self,
        actual: Any,
        desired: Any,
        atol: float = 1e-6,
        rtol: float = 1e-6,
        tpu_atol: float | None = None,
        tpu_rtol: float | None = None,
        msg: str | None = None,
    ) -> None:
        """Fail unless shapes are equal and values differ by at most `atol + rtol * |desired|`."""
        if uses_tpu():
            atol = atol if tpu_atol is None else tpu_atol
            rtol = rtol if tpu_rtol is None else tpu_rtol
        actual, desired = self.convert_to_numpy(actual), self.convert_to_numpy(desired)
        np.testing.assert_allclose(actual, desired, atol=atol, rtol=rtol, err_msg=msg or "")

    def assertNotAllClose(
        self, x1: Any, x2: Any, atol: float = 1e-6, rtol: float = 1e-6, msg: str | None = None
    ) -> None:
        """Fail if all values are close."""
        try:
            self.assertAllClose(x1, x2, atol=atol, rtol=rtol)
        except AssertionError:
            return
        raise AssertionError(f"The two values are close at all elements. {msg or ''}\nValues: {x1}")

    def assertAlmostEqual(  # type: ignore[override]
        self,
        actual: Any,
        desired: Any,
        decimal: int = 3,
        tpu_decimal: int | None = None,
        msg: str | None = None,
    ) -> None:
        """Fail unless values are equal up to `decimal` decimal places."""
        if tpu_decimal is not None and uses_tpu():
            decimal = tpu_decimal
        actual, desired = self.convert_to_numpy(actual), self.convert_to_numpy(desired)
        np.testing.assert_almost_equal(actual, desired, decimal=decimal, err_msg=msg or "")

    def assertAllEqual(self, actual: Any, desired: Any, msg: str | None = None) -> None:
        """Fail unless shapes and values are equal."""
        actual, desired = self.convert_to_numpy(actual), self.convert_to_numpy(desired)
        np.testing.assert_array_equal(actual, desired, err_msg=msg or "")

    def assertLen(self, iterable: Any, expected_len: int, msg: str | None = None) -> None:
        """Fail unless there are `expected_len` items."""
        self.assertEqual(len(iterable), expected_len, msg)

    def assertSparse(self, x: Any, sparse: bool = True) -> None:
        """Fail unless `x` is sparse (only symbolic tensors can be, by name)."""
        self.assertEqual(isinstance(x, KerasTensor) and x.sparse, sparse)

    def assertRagged(self, x: Any, ragged: bool = True) -> None:
        """Fail unless `x` is ragged (only symbolic tensors can be, by name)."""
        self.assertEqual(isinstance(x, KerasTensor) and x.ragged, ragged)

    def assertDType(self, x: Any, dtype: Any, msg: str | None = None) -> None:
        """Fail unless an array, variable or Python number has this dtype."""
        found = standardize_dtype(x.dtype if hasattr(x, "dtype") else type(x))
        self.assertEqual(
            found,
            standardize_dtype(dtype),
            msg
            or "The dtype of x does not match the expected one. "
            f"Received: x.dtype={found} and dtype={dtype}",
        )

    def assertFileExists(self, path: Any) -> None:
        """Fail unless there is a file at `path`."""
        if not Path(path).is_file():
            raise AssertionError(f"File {path} does not exist")

    # ---- contracts

    def run_class_serialization_test(
        self, instance: Any, custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """Check that an object survives its configuration, by class and by serialisation.

        Both copies must have an equal configuration and the same public attributes. Returns the
        second.
        """
        config = instance.get_config()
        before, attributes = to_json(config), _attributes(instance)
        with CustomObjectScope(custom_objects):
            copy = type(instance).from_config(config)
        self.assertEqual(before, to_json(copy.get_config()))
        self.assertEqual(attributes, _attributes(copy))

        text = to_json(serialize_keras_object(instance))
        with CustomObjectScope(custom_objects):
            copy = deserialize_keras_object(from_json(text))
        self.assertEqual(before, to_json(copy.get_config()))
        self.assertEqual(attributes, _attributes(copy))
        return copy

    def run_layer_test(
        self,
        layer_cls: type,
        init_kwargs: dict[str, Any] | None = None,
        input_shape: Any = None,
        input_dtype: Any = None,
        input_sparse: bool = False,
        input_ragged: bool = False,
        input_data: Any = None,
        call_kwargs: dict[str, Any] | None = None,
        expected_output_shape: Any = None,
        expected_output_dtype: Any = None,
        expected_output_sparse: bool = False,
        expected_output_ragged: bool = False,
        expected_output: Any = None,
        expected_num_trainable_weights: int | None = None,
        expected_num_non_trainable_weights: int | None = None,
        expected_num_non_trainable_variables: int | None = None,
        expected_num_seed_generators: int | None = None,
        expected_num_losses: int | None = None,
        supports_masking: bool | None = None,
        expected_mask_shape: tuple | None = None,
        custom_objects: dict[str, Any] | None = None,
        run_training_check: bool = True,
        run_mixed_precision_check: bool = True,
        assert_built_after_instantiation: bool = False,
        tpu_atol: float | None = None,
        tpu_rtol: float | None = None,
    ) -> None:
        """Check that a layer keeps the contract of layers.

        A copy from its configuration is equal; `build` creates all variables from shapes alone;
        a call on symbolic tensors and one on arrays agree with what is expected; a compiled
        step of training runs; in mixed precision the outputs have the announced dtypes.

        Args:
            layer_cls: the class.
            init_kwargs: arguments of its constructor.
            input_shape, input_dtype: shape and dtype of the inputs, as one, a list, a tuple or a
                dict of `<argument>_shape`; float32 unless told.
            input_data: inputs to use instead.
            call_kwargs: further arguments of the call.
            expected_output_shape, expected_output_dtype: of each output; None fits any size.
            expected_output: the output for `input_data`.
            expected_num_...: how many weights, variables, seed generators and losses there are
                once the layer is built. What is not told must be the same on all ways of building.
            supports_masking: whether the layer passes masks on.
            expected_mask_shape: the shape of its mask.
            custom_objects: classes that the configuration names, by name.
            run_training_check, run_mixed_precision_check: whether to run these checks.
            assert_built_after_instantiation: the layer has no variables, so is built at once.
            tpu_atol, tpu_rtol: the tolerances of `expected_output` on a TPU.
        """
        from kohort.testing.layer_contract import LayerContract

        arguments = {name: value for name, value in locals().items() if name != "self"}
        del arguments["LayerContract"]
        LayerContract(self, **arguments).run()


def _attributes(obj: Any) -> set[str]:
    return {name for name in dir(obj) if not name.startswith("_")}
