"""The base of optimisers: construction, state, steps, and what users write on it."""

import inspect
import pickle
import warnings

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort import constraints, ops, optimizers
from kohort.core.component import hyper, leaf_fields
from kohort.core.frame import Frame
from kohort.core.variable import Variable
from kohort.optimizers import SGD, Adam, Optimizer, schedules

CLASSES = [
    name
    for name, cls in vars(keras.optimizers).items()
    if isinstance(cls, type) and hasattr(optimizers, name)
]
ONES = jnp.ones(2)


def variable(value=(1.0, 2.0), **options):
    return Variable(jnp.asarray(value, "float32"), **options)


@pytest.mark.parametrize("name", CLASSES)
def test_signatures_are_keras_signatures(name):
    ours, theirs = (
        [
            (p.name, p.default)
            for p in inspect.signature(getattr(k, name).__init__).parameters.values()
        ]
        for k in (optimizers, keras.optimizers)
    )
    assert ours == theirs


def test_every_name_of_keras_exists():
    for name in vars(keras.optimizers):
        assert name.startswith("_") or hasattr(optimizers, name), name
    for name in vars(keras.optimizers.schedules):
        assert name.startswith("_") or hasattr(schedules, name), name
    for name in ("SGD", "Adam", "RMSprop", "Adagrad", "Ftrl", "Optimizer"):
        assert getattr(optimizers.legacy, name) is getattr(optimizers, name)


def test_arguments_by_position():
    optimizer = SGD(0.1, 0.9, True)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)
    assert optimizers.AdamW(0.1, 0.02, 0.8).beta_1 == 0.8
    with pytest.raises(TypeError, match="multiple values for argument 'momentum'"):
        SGD(0.1, 0.9, momentum=0.9)


def test_the_spellings_of_keras_2():
    with pytest.warns(UserWarning, match="`lr` argument is deprecated"):
        optimizer = optimizers.rmsprop(lr=0.5)
    assert optimizer.lr.numpy() == 0.5
    optimizer.lr = 0.25
    assert optimizer.learning_rate.numpy() == 0.25
    with pytest.warns(UserWarning, match="decay"):
        decaying = SGD(learning_rate=1.0, decay=0.5)
    p = variable()
    for expected in (0.0, -2 / 3):  # 1 - 1, then - 1 / (1 + 0.5)
        decaying.apply([ONES], [p])
        assert p.numpy()[0] == pytest.approx(expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SGD(decay=0.0).learning_rate.numpy() == pytest.approx(0.01)


def test_the_learning_rate_is_state():
    optimizer = Adam(1)
    assert [v.name for v in optimizer.variables] == ["iteration", "learning_rate"]
    optimizer.learning_rate = 0.5
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate = schedules.PolynomialDecay(optimizer.learning_rate, 4)
    assert len(optimizer.variables) == 1
    assert float(SGD(lambda: 0.125).learning_rate) == 0.125


def test_hyperparameters_are_leaves():
    names = {name for name, _ in leaf_fields(Adam)}
    assert names >= {"beta_1", "beta_2", "epsilon", "weight_decay", "clipnorm", "ema_momentum"}
    optimizer, p = SGD(1.0, momentum=0.5, clipvalue=9.0), variable([0.0])
    optimizer.build([p])
    state, traces = [v.value for v in optimizer.variables], []

    @jax.jit
    def step(state, values, momentum, limit):
        traces.append(1)
        leaves = {(id(optimizer), "momentum"): momentum, (id(optimizer), "clipvalue"): limit}
        with Frame(leaves=leaves):
            return optimizer.stateless_apply(state, [jnp.ones(1)], values)

    for momentum, limit in [(0.5, 9.0), (0.9, 0.25), (0.0, 9.0)]:
        values, new = step(state, [p.value], jnp.float32(momentum), jnp.float32(limit))
        values, _ = step(new, values, jnp.float32(momentum), jnp.float32(limit))
        assert float(values[0][0]) == pytest.approx(-min(limit, 1.0) * (2 + momentum))
    assert len(traces) == 1


def test_stateless_apply_changes_nothing():
    optimizer, p = Adam(0.1), variable()
    with pytest.raises(ValueError, match="must be built"):
        optimizer.stateless_apply([], [ONES], [p.value])
    optimizer.build([p])
    before = [v.numpy() for v in (*optimizer.variables, p)]
    values, state = optimizer.stateless_apply(
        [v.value for v in optimizer.variables], [ONES], [p.value]
    )
    after = [v.numpy() for v in (*optimizer.variables, p)]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))
    optimizer.apply([ONES])
    np.testing.assert_allclose(p.numpy(), values[0])
    assert int(state[0]) == int(optimizer.iterations) == 1
    with pytest.raises(ValueError, match="corresponding 1:1"):
        optimizer.stateless_apply([], [ONES], [p.value])


def test_constraints_follow_the_update():
    p = variable([-1.0, 5.0])
    p.constraint = constraints.NonNeg()
    SGD(1.0).apply([ONES], [p])
    assert p.numpy().tolist() == [0.0, 4.0]


def test_weight_decay_can_be_left_out():
    p, q, r = variable(), variable(name="bias"), variable()
    optimizer = SGD(1.0, weight_decay=0.5)
    plain = optimizer.structure()
    optimizer.exclude_from_weight_decay(var_list=[r], var_names=["bias"])
    optimizer.apply([ONES * 0] * 3, [p, q, r])
    assert [v.numpy()[0] for v in (p, q, r)] == [0.5, 1.0, 1.0]
    assert optimizer.structure() != plain


def test_gradients_may_be_missing_or_values():
    p, q = variable(), variable()
    with pytest.raises(ValueError, match="No gradients provided for any variable"):
        SGD().apply([None], [p])
    with pytest.warns(UserWarning, match="Gradients do not exist for variables"):
        SGD(1.0).apply_gradients([(None, p), (ONES, q)])
    assert (p.numpy() - q.numpy() == 1).all()
    p.overwrite_with_gradient = True
    optimizer = Adam()
    optimizer.apply([ONES * 7], [p])
    assert p.numpy().tolist() == [7.0, 7.0] and len(optimizer.variables) == 2


def test_only_known_variables():
    optimizer = SGD()
    with pytest.raises(ValueError, match="must already be built"):
        optimizer.apply([ONES])
    optimizer.build([variable()])
    with pytest.raises(ValueError, match="Unknown variable"):
        optimizer.apply([ONES], [variable()])
    with pytest.raises(ValueError, match="Received a list of 2 gradients"):
        optimizer.apply([ONES, ONES])


def test_averages_become_the_weights():
    optimizer, p = SGD(1.0, use_ema=True, ema_momentum=0.5), variable([0.0])
    for _ in range(2):
        optimizer.apply([jnp.ones(1)], [p])
    optimizer.finalize_variable_values([p])
    assert p.numpy().tolist() == [-1.5]


def test_saving_and_loading_variables():
    optimizer, p, store = Adam(), variable(), {}
    optimizer.apply([ONES], [p])
    optimizer.save_own_variables(store)
    assert list(store) == ["0", "1", "2", "3"]
    again = Adam()
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer"):
        again.load_own_variables(store)
    with pytest.raises(ValueError, match="You are calling `set_weights"):
        again.set_weights(optimizer.get_weights())
    again.build([p])
    again.load_own_variables(store)
    for a, b in zip(again.get_weights(), optimizer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="not compatible with provided weight shape"):
        again.set_weights([np.ones(3)] * 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": -1.0}, "`momentum` must be a float between \\[0, 1\\]"),
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "Only one of `clipnorm`"),
        ({"gradient_accumulation_steps": 1}, "must be an integer >= 2"),
        ({"use_ema": True, "ema_momentum": 2.0}, "`ema_momentum` must be in the range"),
        ({"use_ema": True, "ema_overwrite_frequency": 0.5}, "must be an integer >= 1"),
        ({"learning_rate": "fast"}, "`learning_rate` should be float"),
        ({"speed": 1}, "Argument\\(s\\) not recognized: {'speed': 1}"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        SGD(**options)


def test_errors_of_single_optimizers():
    with pytest.raises(ValueError, match="weight_decay=None"):
        optimizers.AdamW(weight_decay=None)
    with pytest.raises(ValueError, match="degenerates to SignSGD"):
        optimizers.Lion(beta_1=0)
    with pytest.raises(ValueError, match="needs to be negative or zero"):
        optimizers.Ftrl(learning_rate_power=0.5)
    with pytest.raises(ValueError, match="on the `inner_optimizer`"):
        optimizers.LossScaleOptimizer(SGD(), clipnorm=1.0)


def test_get():
    assert optimizers.get(None) is None
    assert isinstance(optimizers.get("rmsprop"), optimizers.RMSprop)
    assert isinstance(optimizers.get("RMSprop"), optimizers.RMSprop)
    assert isinstance(optimizers.get(Adam), Adam)
    optimizer = Adam()
    assert optimizers.get(optimizer) is optimizer
    assert optimizers.get({"class_name": "adamw", "config": {"beta_1": 0.5}}).beta_1 == 0.5
    for bad in ("typo", 3):
        with pytest.raises(ValueError, match=f"Could not interpret optimizer identifier: {bad}"):
            optimizers.get(bad)


def test_pickle():
    optimizer, p = Adam(0.3), variable()
    optimizer.apply([ONES], [p])
    again = pickle.loads(pickle.dumps(optimizer))
    assert again.get_config() == optimizer.get_config()
    again.apply([ONES])
    assert int(again.iterations) == 2


class Rule(Optimizer):
    """A rule for one parameter, in Kohort's way."""

    learning_rate: float = 0.5
    factor: float = hyper(2.0, low=0)
    slots = ("memory",)

    def update(self, p, g, lr, step, memory):
        return p - lr * self.factor * g, (memory + g,)


class Steps(Optimizer):
    """The same in Keras's way."""

    def __init__(self, learning_rate=0.5, factor=2.0, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.factor = factor

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.memories = [self.add_variable_from_reference(v, name="memory") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        lr = ops.cast(learning_rate, variable.dtype)
        memory = self.memories[self._get_variable_index(variable)]
        self.assign_add(memory, gradient)
        self.assign_sub(variable, ops.multiply(lr * self.factor, gradient))

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@pytest.mark.parametrize("cls", [Rule, Steps])
@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 2, "use_ema": True}])
def test_users_write_optimizers(cls, options):
    optimizer, p = cls(factor=3.0, **options), variable([0.0, 0.0], name="p")
    for _ in range(2):
        optimizer.apply([ONES], [p])
    assert p.numpy().tolist() == ([-1.5, -1.5] if options else [-3.0, -3.0])
    memory = optimizer.variables[-1]
    assert memory.name == "p_memory" and memory.numpy()[0] == (1.0 if options else 2.0)
    assert cls.from_config(optimizer.get_config()).factor == 3.0


def test_super_init_first():
    class Late(Optimizer):
        def __init__(self):
            self.factor = 1.0

    with pytest.raises(RuntimeError, match="you forgot to call `super"):
        Late()
    with pytest.raises(NotImplementedError, match="must define `update`"):
        Optimizer(0.1).apply([ONES], [variable()])


def test_multi_optimizer():
    p, q = variable(name="kernel"), variable(name="bias")
    mapping = optimizers.OptimizerMap(SGD(1.0), {".*bias": SGD(0.5)})
    optimizer = optimizers.MultiOptimizer(mapping)
    optimizer.build([p, q])
    values, _ = optimizer.stateless_apply(
        [v.value for v in optimizer.variables], [ONES, ONES], [p.value, q.value]
    )
    optimizer.apply([ONES, ONES])
    for new in ([v.tolist() for v in values], [p.numpy().tolist(), q.numpy().tolist()]):
        assert new == [[0.0, 1.0], [0.5, 1.5]]
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    again.build([p, q])
    assert float(again._optimizer_map(q).learning_rate) == 0.5
    with pytest.raises(AttributeError, match="individual sub-optimizers"):
        optimizer.learning_rate = 1.0
    with pytest.raises(ValueError, match="cannot be LossScaleOptimizer"):
        mapping["x"] = optimizers.LossScaleOptimizer(SGD())
