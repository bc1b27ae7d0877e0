"""kohort.testing: assertions that fail when they should, and the contract of layers."""

from __future__ import annotations

import os

import numpy as np
import pytest

import kohort
from kohort import layers, ops, testing

ONES = np.ones((2, 3), "float32")


@pytest.fixture
def case():
    return testing.TestCase()


class Scale(layers.Layer):
    """A good layer."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")

    def call(self, inputs):
        return inputs * self.gain * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Forgetful(Scale):
    """Leaves its factor out of the configuration."""

    def get_config(self):
        config = super().get_config()
        del config["factor"]
        return config


class BuildsInCall(Scale):
    """Makes a second weight when it is called."""

    def call(self, inputs):
        if not hasattr(self, "late"):
            self.late = self.add_weight(shape=(), initializer="ones", name="late")
        return super().call(inputs) * self.late


class WrongShape(Scale):
    """Announces another shape than it returns."""

    def compute_output_shape(self, input_shape):
        return (*input_shape, 7)


class WrongDtype(Scale):
    """Computes in float32, whatever its policy says."""

    def call(self, inputs):
        return ops.cast(super().call(inputs), "float32")

    def compute_output_shape(self, input_shape):
        return input_shape


def contract(case, cls, *args, **kwargs):
    case.run_layer_test(cls, *args, custom_objects={cls.__name__: cls}, **kwargs)


class TestAssertions:
    @pytest.mark.parametrize(
        ("name", "good", "bad"),
        [
            ("assertAllClose", (ONES, ONES + 1e-7), (ONES, ONES + 1e-3)),
            ("assertNotAllClose", (ONES, ONES + 1e-3), (ONES, ONES + 1e-7)),
            ("assertAlmostEqual", (ONES, ONES + 1e-5), (ONES, ONES + 1e-2)),
            ("assertAllEqual", ([1, 2], np.array([1, 2])), ([1, 2], [1, 3])),
            ("assertLen", ([1, 2], 2), ([1, 2], 3)),
            ("assertDType", (ONES, "float32"), (ONES, "int32")),
            ("assertDType", (1, "int32"), (1, "float32")),
            ("assertSparse", (ONES, False), (ONES,)),
            ("assertRagged", (ONES, False), (ONES,)),
        ],
    )
    def test_it_passes_and_fails(self, case, name, good, bad):
        getattr(case, name)(*good)
        with pytest.raises(AssertionError):
            getattr(case, name)(*bad)

    def test_shapes_count(self, case):
        with pytest.raises(AssertionError):
            case.assertAllEqual(ONES, ONES[:1, :2])

    def test_variables_are_read(self, case):
        case.assertAllClose(kohort.Variable(ONES), ops.ones((2, 3)))

    def test_file_and_folder(self, case):
        folder = case.get_temp_dir()
        path = os.path.join(folder, "a")
        with pytest.raises(AssertionError, match="does not exist"):
            case.assertFileExists(path)
        open(path, "w").close()
        case.assertFileExists(path)
        case.doCleanups()
        assert not os.path.exists(folder)

    def test_set_up_starts_a_fresh_session(self, case):
        names = []
        for _ in range(2):
            case.setUp()
            names.append(layers.Dense(1).name)
        assert names == ["dense", "dense"]


class TestLayerContract:
    def test_a_good_layer_passes(self, case):
        contract(
            case,
            Scale,
            {"factor": 3.0},
            input_shape=(2, 3),
            expected_output_shape=(None, 3),
            expected_output_dtype="float32",
            expected_num_trainable_weights=1,
            expected_num_non_trainable_weights=0,
            expected_num_seed_generators=0,
            expected_num_losses=0,
            supports_masking=False,
        )
        contract(case, Scale, {"factor": 3.0}, input_data=ONES, expected_output=3 * ONES)

    def test_keras_layers_keep_it(self, case):
        case.run_layer_test(
            layers.Dropout,
            {"rate": 0.5},
            input_shape=(2, 3),
            call_kwargs={"training": True},
            expected_num_seed_generators=1,
            expected_num_non_trainable_variables=1,
            supports_masking=True,
            assert_built_after_instantiation=False,
        )
        case.run_layer_test(
            layers.Add, {}, input_shape=[(2, 3), (2, 3)], expected_output_shape=(2, 3)
        )

    @pytest.mark.parametrize(
        ("cls", "told", "message"),
        [
            (Forgetful, {}, "factor"),
            (BuildsInCall, {}, "Unexpected number of trainable_weights"),
            (WrongShape, {"expected_output_shape": (2, 3)}, "Expected output shapes"),
            (WrongDtype, {}, "expected output dtype float16"),
            (Scale, {"expected_output_dtype": "int32"}, "Unexpected output dtypes"),
            (Scale, {"expected_num_trainable_weights": 2}, "trainable_weights"),
            (Scale, {"expected_num_seed_generators": 1}, "seed_generators"),
            (Scale, {"expected_num_losses": 1}, "1"),
            (Scale, {"supports_masking": True}, "supports_masking"),
            (Scale, {"assert_built_after_instantiation": True}, "is stateless"),
        ],
    )
    def test_what_breaks_it_is_named(self, case, cls, told, message):
        with pytest.raises(AssertionError, match=message):
            contract(case, cls, {"factor": 5.0}, input_shape=(2, 3), **told)

    def test_a_wrong_value_is_named(self, case):
        with pytest.raises(AssertionError, match="Unexpected output value"):
            contract(case, Scale, input_data=ONES, expected_output=ONES)

    @pytest.mark.parametrize(
        ("told", "message"),
        [
            ({"input_data": ONES}, "cannot be passed at the same time"),
            ({"expected_output": ONES}, "input_data must be provided"),
            ({"expected_mask_shape": (2,)}, "supports_masking"),
            ({"input_sparse": True}, "[Ss]parse"),
            ({"input_dtype": ["float32"]}, "one dtype for each shape"),
            ({"input_dtype": "string"}, "standard float or int"),
        ],
    )
    def test_wrong_use_is_told(self, case, told, message):
        with pytest.raises(ValueError, match=message):
            contract(case, Scale, input_shape=(2, 3), **told)


class TestSerializationContract:
    def test_it_returns_the_copy(self, case):
        loss = kohort.losses.Huber(delta=0.5)
        assert case.run_class_serialization_test(loss).delta == 0.5

    def test_tuples_are_told_from_lists(self, case):
        class Holder(layers.Layer):
            def __init__(self, shape, **kwargs):
                super().__init__(**kwargs)
                self.shape = shape

            def get_config(self):
                return {**super().get_config(), "shape": list(self.shape)}

        with pytest.raises(AssertionError):
            holder = Holder((1, 2))
            holder.get_config = lambda: {**Holder.get_config(holder), "shape": (1, 2)}
            case.run_class_serialization_test(holder, {"Holder": Holder})
