"""The contract that every layer keeps, as a list of checks: what `run_layer_test` runs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from kohort.core import tree
from kohort.core.dtypes import is_float, standardize_dtype
from kohort.core.symbolic import KerasTensor
from kohort.layers import Layer
from kohort.losses import Loss
from kohort.models import Model
from kohort.ops import sum as total
from kohort.random import SeedGenerator
from kohort.testing.inputs import (
    check_dtypes,
    create_eager_tensors,
    create_keras_tensors,
    default_dtypes,
)
from kohort.tree import map_structure_up_to


@dataclasses.dataclass
class LayerContract:
    """The checks on one layer class; fields are the arguments of `TestCase.run_layer_test`."""

    case: Any
    layer_cls: type[Layer]
    init_kwargs: dict[str, Any] | None
    input_shape: Any
    input_dtype: Any
    input_sparse: bool
    input_ragged: bool
    input_data: Any
    call_kwargs: dict[str, Any] | None
    expected_output_shape: Any
    expected_output_dtype: Any
    expected_output_sparse: bool
    expected_output_ragged: bool
    expected_output: Any
    expected_num_trainable_weights: int | None
    expected_num_non_trainable_weights: int | None
    expected_num_non_trainable_variables: int | None
    expected_num_seed_generators: int | None
    expected_num_losses: int | None
    supports_masking: bool | None
    expected_mask_shape: tuple | None
    custom_objects: dict[str, Any] | None
    run_training_check: bool
    run_mixed_precision_check: bool
    assert_built_after_instantiation: bool
    tpu_atol: float | None
    tpu_rtol: float | None

    def run(self) -> None:
        """Run all checks; the first that fails raises AssertionError."""
        self.init_kwargs, self.call_kwargs = self.init_kwargs or {}, self.call_kwargs or {}
        self.check_arguments()
        self.check_serialization()
        if self.input_shape is None and self.input_data is None:
            return
        self.prepare_inputs()
        self.expect_same_counts()
        self.check_build()
        self.check_symbolic_call()
        if self.assert_built_after_instantiation:
            self.check_built_after_instantiation()
        self.check_eager_call()
        if self.run_mixed_precision_check:
            self.check_mixed_precision()

    # ---- what the checks work on

    def make(self, **changes: Any) -> Layer:
        """Return a fresh layer."""
        return self.layer_cls(**{**(self.init_kwargs or {}), **changes})

    def call(self, layer: Any, inputs: Any) -> Any:
        """Call a layer; a dict of inputs gives arguments by name."""
        if isinstance(inputs, dict):
            return layer(**inputs, **(self.call_kwargs or {}))
        return layer(inputs, **(self.call_kwargs or {}))

    def check_arguments(self) -> None:
        """Raise ValueError where arguments exclude each other."""
        if self.input_shape is not None and self.input_data is not None:
            raise ValueError("input_shape and input_data cannot be passed at the same time.")
        if self.expected_output_shape is not None and self.expected_output is not None:
            raise ValueError(
                "expected_output_shape and expected_output cannot be passed at the same time."
            )
        if self.expected_output is not None and self.input_data is None:
            raise ValueError("In order to use expected_output, input_data must be provided.")
        if self.expected_mask_shape is not None and self.supports_masking is not True:
            raise ValueError("In order to use expected_mask_shape, supports_masking must be True.")

    def prepare_inputs(self) -> None:
        """Make arrays and symbolic tensors of the inputs."""
        if self.input_data is not None:
            self.input_shape = tree.map_structure(lambda x: tuple(x.shape), self.input_data)
            self.symbolic = tree.map_structure(
                lambda x: KerasTensor(x.shape, dtype=standardize_dtype(x.dtype)), self.input_data
            )
            return
        if self.input_dtype is None:
            self.input_dtype = default_dtypes(self.input_shape)
        check_dtypes(self.input_shape, self.input_dtype)
        inputs = (self.input_shape, self.input_dtype, self.input_sparse, self.input_ragged)
        self.input_data = create_eager_tensors(*inputs)
        self.symbolic = create_keras_tensors(*inputs)

    def counts(self, layer: Layer) -> Iterator[tuple[str, int, int | None]]:
        """Yield what, how many a layer has, how many are expected."""
        for what in ("trainable_weights", "non_trainable_weights", "non_trainable_variables"):
            yield what, len(getattr(layer, what)), getattr(self, f"expected_num_{what}")
        found = [s for sub in layer._flatten_layers() for s in sub.held(SeedGenerator)]
        seeds = len({id(seed) for seed in found})
        yield "seed_generators", seeds, self.expected_num_seed_generators

    def expect_same_counts(self) -> None:
        """Where no number was told, `build` must create what a call creates."""
        layer = self.make()
        self.call(layer, self.input_data)
        for what, count, expected in self.counts(layer):
            if expected is None:
                setattr(self, f"expected_num_{what}", count)

    # ---- the checks

    def check_serialization(self) -> None:
        """The layer equals its copy from the configuration; it says whether it masks."""
        layer = self.make()
        copy = self.case.run_class_serialization_test(layer, self.custom_objects)
        for name, value in (self.init_kwargs or {}).items():
            kept = getattr(layer, name, None)
            if isinstance(value, (bool, int, float, str)) and isinstance(kept, type(value)):
                lost = f"`get_config()` loses the argument `{name}`"
                self.case.assertEqual(kept, getattr(copy, name, None), lost)
        if self.supports_masking is not None:
            self.case.assertEqual(
                layer.supports_masking, self.supports_masking, "Unexpected supports_masking value"
            )

    def check_built(self, layer: Layer) -> None:
        """The layer is built and has the expected numbers of variables."""
        self.case.assertTrue(layer.built)
        for what, count, expected in self.counts(layer):
            self.case.assertEqual(count, expected, f"Unexpected number of {what}")

    def check_build(self) -> None:
        """`build` creates all variables from shapes alone."""
        layer = self.make()
        if isinstance(self.input_data, dict):
            names = {name.removesuffix("_shape"): s for name, s in self.input_shape.items()}
            layer.build(**{f"{name}_shape": shape for name, shape in names.items()})
        else:
            layer.build(self.input_shape)
        self.check_built(layer)

    def check_symbolic_call(self) -> None:
        """A call on symbolic tensors tells shapes and dtypes of the outputs and the mask."""
        layer = self.make()
        outputs = self.call(layer, self.symbolic)
        self.check_built(layer)
        self.check_outputs(outputs)
        if self.expected_mask_shape is not None:
            mask = layer.compute_mask(self.symbolic)
            self.case.assertEqual(self.expected_mask_shape, mask.shape)

    def check_built_after_instantiation(self) -> None:
        """A layer without variables is built at once; one with a `build` of its own is not."""
        self.case.assertTrue(
            self.make().built,
            f"{self.layer_cls} is stateless, so it should be built after instantiation.",
        )

        class Rebuilt(self.layer_cls):  # type: ignore[name-defined]
            def build(self, *args: Any, **kwargs: Any) -> None:
                pass

        self.case.assertFalse(
            Rebuilt(**(self.init_kwargs or {})).built,
            f"The `build` of {self.layer_cls} is overridden, so it should not be built after "
            "instantiation.",
        )

    def check_outputs(self, outputs: Any) -> None:
        """Outputs, symbolic or not, have the expected shapes and dtypes."""
        if self.expected_output_shape is not None:
            fits = map_structure_up_to(outputs, _fits, self.expected_output_shape, outputs)
            self.case.assertTrue(
                all(tree.flatten(fits)),
                f"Expected output shapes {self.expected_output_shape} but received "
                f"{tree.map_structure(lambda x: x.shape, outputs)}",
            )
        if self.expected_output_dtype is not None:
            dtypes = tree.map_structure(lambda x: standardize_dtype(x.dtype), outputs)
            self.case.assertEqual(dtypes, self.expected_output_dtype, "Unexpected output dtypes")
        for x in tree.flatten(outputs):
            if self.expected_output_sparse:
                self.case.assertSparse(x)
            if self.expected_output_ragged:
                self.case.assertRagged(x)

    def check_eager_call(self) -> None:
        """A call on arrays gives the expected values and losses; the layer can be trained."""
        layer = self.make()
        outputs = self.call(layer, self.input_data)
        self.check_outputs(outputs)
        if self.expected_output is not None:
            tree.assert_same_structure(self.expected_output, outputs)
            pairs = zip(tree.flatten(self.expected_output), tree.flatten(outputs), strict=True)
            for expected, value in pairs:
                self.case.assertAllClose(
                    expected,
                    value,
                    tpu_atol=self.tpu_atol,
                    tpu_rtol=self.tpu_rtol,
                    msg="Unexpected output value",
                )
        if self.expected_num_losses is not None:
            self.case.assertLen(layer.losses, self.expected_num_losses)
        if self.run_training_check:
            self.train(layer, outputs)

    def train(self, layer: Layer, outputs: Any) -> None:
        """One step of compiled training on the sum of the outputs runs."""
        model = _Around(layer)
        model.compile(optimizer="sgd", loss=_Total())
        batches = itertools.repeat((self.input_data, outputs))
        model.fit(batches, steps_per_epoch=1, verbose=0)

    def check_mixed_precision(self) -> None:
        """In half precision the outputs are as announced, and weights stay float32."""
        layer = self.make(dtype="mixed_float16")

        def cast(x: KerasTensor) -> KerasTensor:
            half = layer.autocast and is_float(x.dtype)
            return KerasTensor(x.shape, dtype=layer.compute_dtype if half else x.dtype)

        announce = layer.compute_output_spec
        outputs = self.call(layer, self.input_data)
        specs = self.call(announce, tree.map_structure(cast, self.symbolic))
        for x, spec in zip(tree.flatten(outputs), tree.flatten(specs), strict=True):
            dtype = standardize_dtype(x.dtype)
            self.case.assertEqual(dtype, spec.dtype, f"expected output dtype {spec.dtype}")
        for weight in layer.weights:
            if is_float(weight.dtype):
                self.case.assertEqual(standardize_dtype(weight.dtype), "float32")


def _fits(expected: Any, x: Any) -> bool:
    """Whether a shape is as expected, where None fits any size."""
    return len(x.shape) == len(expected) and all(
        e is None or e == d for e, d in zip(expected, x.shape, strict=True)
    )


class _Around(Model):
    """A model that only calls the layer."""

    def __init__(self, layer: Layer):
        super().__init__()
        self.layer = layer

    def call(self, x: Any, training: bool = False) -> Any:
        return self.layer(x, training=training)


class _Total(Loss):
    """The sum of the predictions: every output gets a gradient, whatever its shape."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return total(y_pred)
