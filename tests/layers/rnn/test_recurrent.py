"""Recurrent layers and cells beside Keras's; states, masks, protocols."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kohort import initializers, layers, models
from kohort.core.masks import get_mask
from tests.layers.beside import same

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 3)).astype("float32")
MASK = np.array([[1, 1, 0, 1], [0, 1, 1, 0]], bool)
H = RNG.normal(size=(2, 2)).astype("float32")


@pytest.mark.parametrize(
    ("name", "kwargs", "call"),
    [
        ("SimpleRNN", {"return_sequences": True, "return_state": True}, {"mask": MASK}),
        ("LSTM", {"return_sequences": True, "return_state": True}, {"mask": MASK}),
        ("GRU", {"go_backwards": True, "return_state": True}, {"mask": MASK}),
        ("LSTM", {"go_backwards": True, "return_sequences": True}, {"initial_state": [H, -H]}),
        ("LSTM", {"zero_output_for_mask": True}, {"mask": MASK}),
        ("GRU", {"unroll": True, "go_backwards": True, "return_sequences": True}, {"mask": MASK}),
        ("SimpleRNN", {"dropout": 0.4, "recurrent_dropout": 0.3}, {"training": True}),
        ("GRU", {"reset_after": False, "recurrent_dropout": 0.3}, {"training": True}),
        ("LSTM", {"dropout": 0.4, "use_bias": False, "activation": "relu"}, {"training": False}),
    ],
)
def test_layer(name, kwargs, call):
    same(lambda module: getattr(module, name)(2, seed=3, **kwargs), X, **call)


def test_stacked_cells_with_dropout_and_a_mask():
    def make(module):
        cells = [module.LSTMCell(3, dropout=0.3, recurrent_dropout=0.2, seed=1),
                 module.GRUCell(2, dropout=0.3, seed=2)]  # fmt: skip
        return module.RNN(cells, return_sequences=True, return_state=True)

    same(make, X, mask=MASK, training=True)


@pytest.mark.parametrize(
    ("mode", "kwargs", "call"),
    [
        ("concat", {"return_sequences": True}, {"mask": MASK}),
        (None, {"return_state": True}, {"initial_state": [H, H / 2]}),
        ("ave", {"dropout": 0.4}, {"training": True}),
    ],
)
def test_bidirectional(mode, kwargs, call):
    def make(module):
        return module.Bidirectional(module.GRU(2, seed=3, **kwargs), merge_mode=mode)

    same(make, X, **call)


def test_conv_lstm_channels_first():
    x = RNG.normal(size=(1, 2, 2, 3, 4)).astype("float32")

    def make(module):
        return module.ConvLSTM2D(2, 2, data_format="channels_first", recurrent_dropout=0.2, seed=1,
                                 return_state=True)  # fmt: skip

    same(make, x, training=True)


def test_cell_alone():
    same(lambda module: module.LSTMCell(2, seed=1), X[:, 0], [H, H])


def test_first_values_and_penalties_belong_to_their_weights():
    layer = layers.LSTM(
        2,
        kernel_initializer=initializers.Constant(0.1),
        recurrent_initializer=initializers.Constant(0.2),
        recurrent_regularizer="l2",
        recurrent_constraint="non_neg",
    )
    layer.build((None, 4, 3))
    kernel, recurrent, bias = layer.weights
    assert np.all(kernel.numpy() == np.float32(0.1))
    assert np.all(recurrent.numpy() == np.float32(0.2))
    np.testing.assert_array_equal(bias.numpy(), [0, 0, 1, 1, 0, 0, 0, 0])
    assert kernel.regularizer is None and recurrent.regularizer is not None
    assert recurrent.constraint is not None
    assert float(layer.losses[0]) == pytest.approx(0.01 * 16 * 0.04)


class Sum(layers.Layer):
    """A user's cell: it adds what comes, and counts its steps in a variable."""

    state_size = 3

    def build(self, input_shape):
        self.steps = self.add_weight(name="steps", initializer="zeros", trainable=False)

    def call(self, inputs, states):
        self.steps.assign(self.steps + 1)
        total = states[0] + inputs
        return total * 2, (total,)


@pytest.mark.parametrize("unroll", [False, True])
def test_a_users_cell_that_writes(unroll):
    layer = layers.RNN(Sum(), return_state=True, unroll=unroll)
    output, state = layer(X)
    np.testing.assert_allclose(state, X.sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(output, 2 * X.sum(axis=1), rtol=1e-5)
    assert float(layer.cell.steps.value) == 4


def test_states_go_on_from_batch_to_batch():
    x = RNG.normal(size=(4, 4, 3)).astype("float32")
    model = models.Sequential([layers.Input(batch_shape=(2, 2, 3)), layers.LSTM(2, stateful=True)])
    model.compile("sgd", "mse")
    halves = np.concatenate([x[:2, :2], x[:2, 2:]])  # two batches: the steps of the same rows
    layer = model.layers[0]
    both = model.predict(halves, batch_size=2, verbose=0)
    plain = layers.LSTM(2)
    plain(x)
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(both[2:], plain(x[:2]), rtol=1e-5, atol=1e-6)
    assert [v.name for v in layer.weights] == ["kernel", "recurrent_kernel", "bias"]
    state = [v.numpy() for v in layer.states]
    model.fit(halves, np.zeros((4, 2)), batch_size=2, shuffle=False, verbose=0)
    assert all(np.any(v.numpy() != before) for v, before in zip(layer.states, state, strict=True))
    layer.reset_state()
    assert not np.any(layer.states[0].numpy())


def test_masks_travel():
    x = np.array([[1, 2, 0], [3, 0, 0]])
    embedded = layers.Embedding(4, 3, mask_zero=True)(x)
    whole = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(embedded)
    np.testing.assert_array_equal(get_mask(whole), x != 0)
    assert not np.any(np.asarray(whole)[x == 0])
    assert get_mask(layers.GRU(2)(whole)) is None


def test_gradient_reaches_states_and_weights():
    layer = layers.GRU(2)
    layer.build(X.shape)
    weights = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]

    def loss(weights, h):
        return layer.stateless_call(weights, fixed, X, initial_state=[h])[0].sum()

    grads, dh = jax.jit(jax.grad(loss, argnums=(0, 1)))(weights, H)
    step = 1e-2 * jnp.ones_like(H)
    slope = (loss(weights, H + step) - loss(weights, H - step)) / 2e-2
    assert float(dh.sum()) == pytest.approx(float(slope), abs=1e-3)
    assert all(np.any(np.asarray(g)) for g in grads)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.LSTM(0), "positive integer"),
        (lambda: layers.GRU(2, dropout=1.5), "dropout"),
        (lambda: layers.LSTM(2, use_cudnn="yes"), "use_cudnn"),
        (lambda: layers.RNN(layers.Dense(2)), "state_size"),
        (lambda: layers.StackedRNNCells([layers.Dense(2)]), "state_size"),
        (lambda: layers.LSTM(2)(np.ones((2, 3))), "expected ndim=3"),
        (lambda: layers.LSTM(2, stateful=True).build((None, 4, 3)), "batch size must be static"),
        (lambda: layers.Bidirectional(layers.LSTM(2), merge_mode="max"), "merge mode"),
        (lambda: layers.Bidirectional(3), "instance"),
        (lambda: layers.Bidirectional(layers.LSTM(2), backward_layer=layers.LSTM(2)), "different"),
        (lambda: layers.ConvLSTM2D(2, 3, padding="causal"), "padding"),
        (lambda: layers.ConvLSTM1D(2, 3).build((None, 4, None, 3)), "static sizes"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_unknown_arguments():
    with pytest.raises(TypeError, match="units"):
        layers.LSTM()
    with pytest.raises(ValueError, match="time_major"):
        layers.LSTM(2, time_major=True)
