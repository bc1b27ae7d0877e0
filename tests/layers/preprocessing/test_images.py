"""Image layers beside those of Keras on JAX: equal seeds give equal images."""

import functools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort import layers, models
from kohort.layers.preprocessing import mixing
from tests.layers.preprocessing.cases import BATCH, DRAWN, IMAGES, MIXED

RNG = np.random.default_rng(0)


def _pixels(case):
    top = 1 if case.kwargs.get("value_range") == (0, 1) else 255
    return RNG.uniform(0, top, case.shapes[0]).astype("float32")


@pytest.mark.parametrize("case", IMAGES, ids=repr)
def test_images_are_those_of_keras(case):
    x = _pixels(case)
    mine, reference = (case.layer(m)(x, training=True) for m in (layers, keras.layers))
    assert mine.dtype == reference.dtype
    np.testing.assert_allclose(mine, reference, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("case", DRAWN, ids=repr)
def test_draws_are_those_of_keras(case):
    x = _pixels(case)
    mine, reference = (case.layer(m).get_random_transformation(x) for m in (layers, keras.layers))
    shared = mine.keys() & reference.keys()
    assert shared
    for name in shared:
        np.testing.assert_allclose(mine[name], reference[name], rtol=1e-6, atol=1e-6)


def test_cut_and_mixed(monkeypatch):
    """The boxes have the size that the drawn shares say; labels follow the boxes."""
    monkeypatch.setattr(mixing.random, "beta", lambda shape, *a, **k: jnp.full(shape, 0.64))
    layer = layers.CutMix(seed=1)
    drawn = jax.jit(functools.partial(layer._draw, (2, 10, 5, 1)))(jnp.array([1, 2], "uint32"))
    np.testing.assert_allclose(drawn["mix_weight"].ravel(), 0.64, rtol=1e-5)
    images = jnp.stack([jnp.zeros((10, 5, 1)), jnp.ones((10, 5, 1))])
    drawn["permutation_order"] = jnp.array([1, 0])
    inside = layer.transform_images(images, drawn)[0].sum()
    assert float(inside) == drawn["batch_masks"][0].sum() == 18  # 6 x 3 of 10 x 5
    labels = layer.transform_labels(np.eye(2), drawn)
    np.testing.assert_allclose(labels, [[0.64, 0.36], [0.36, 0.64]], rtol=1e-5)


def test_labels_and_masks_go_with_the_images():
    x = RNG.uniform(0, 255, BATCH).astype("float32")
    data = {"images": x, "segmentation_masks": x[..., :1], "labels": np.eye(2, dtype="float32")}
    flipped = layers.RandomFlip("horizontal", seed=3)(data)
    np.testing.assert_array_equal(flipped["segmentation_masks"], flipped["images"][..., :1])
    np.testing.assert_array_equal(flipped["labels"], data["labels"])
    cropped = layers.RandomCrop(3, 2, seed=1)(data)
    np.testing.assert_array_equal(cropped["segmentation_masks"], cropped["images"][..., :1])
    single = layers.RandomFlip(seed=3)({"images": x[0], "labels": data["labels"][0]})
    assert single["images"].shape == BATCH[1:]
    assert set(data) == set(flipped) and data["images"] is x  # the user's dict stays as it was


def test_mixed_labels_have_the_shares_of_the_images():
    layer = layers.MixUp(seed=1)
    images = jnp.stack([jnp.zeros((2, 2, 1)), jnp.ones((2, 2, 1))])
    drawn = {"mix_weight": jnp.array([0.3, 0.8]), "permutation_order": jnp.array([1, 0])}
    mixed = layer.transform_images(images, drawn)
    labels = layer.transform_labels(np.eye(2), drawn)
    np.testing.assert_allclose(mixed[:, 0, 0, 0], labels[:, 1], rtol=1e-6)
    assert labels[0].tolist() == pytest.approx([0.3, 0.7])


def test_erasing_with_a_colour():
    """A rectangle of the wanted sides has the colour, the rest is as it was."""
    layer = layers.RandomErasing((1, 1), (0.25, 0.25), fill_value=(1.0, 2.0, 3.0), seed=1)
    erase = jax.jit(lambda x: layer.stateless_call([], layer.non_trainable_variables, x)[0])
    erased = np.asarray(erase(np.zeros((4, 8, 6, 3), "float32")))
    assert {tuple(p) for p in erased.reshape(-1, 3).tolist()} == {(0.0, 0.0, 0.0), (1.0, 2.0, 3.0)}
    assert (erased[..., 0].sum((1, 2)) == 4 * 3).all()  # half of each side


def test_adaptive_equalization_is_that_of_keras():
    case = next(c for c in MIXED if c.name.startswith("Contrast"))
    x = _pixels(case)
    mine, reference = (jax.jit(case.layer(m))(x) for m in (layers, keras.layers))
    np.testing.assert_allclose(mine, reference, rtol=1e-5, atol=1e-3)


def test_equalized_tones_are_spread():
    x = np.linspace(100, 120, 64, dtype="float32").reshape(1, 8, 8, 1)
    out = np.asarray(jax.jit(layers.Equalization())(x)).ravel()
    tones = np.floor(x.ravel())
    share = (tones[:, None] >= tones).mean(1)  # of the pixels that are as dark or darker
    lowest = share.min()
    np.testing.assert_allclose(out, np.round(255 * (share - lowest) / (1 - lowest)), atol=1)


@pytest.mark.parametrize("name", ["RandAugment", "AugMix"])
def test_policies_use_their_layers(name):
    """With one operation drawn, the images are those of that layer."""
    layer = getattr(layers, name)(seed=1)
    chosen = layer._chosen()
    x = jnp.asarray(RNG.uniform(0, 255, BATCH).astype("float32"))
    assert len(chosen) == 11
    for number in (chosen.index(layer.auto_contrast), chosen.index(layer.solarization)):
        one = chosen[number]
        drawn = one._draw(BATCH, layer.generator)
        given = [None] * 11
        given[number] = drawn
        with jax.disable_jit():
            changed = layer._switch(jnp.int32(number), given, x)
        np.testing.assert_allclose(changed, one._apply(x, drawn), rtol=1e-6)


def test_bent_images_stay_in_range():
    layer = layers.RandomElasticTransform((1, 1), (0.8, 0.9), value_range=(0, 200), seed=1)
    x = jnp.asarray(RNG.uniform(0, 255, BATCH).astype("float32"))
    bent = jax.jit(lambda x: layer.stateless_call([], layer.non_trainable_variables, x)[0])(x)
    assert bent.shape == x.shape and not np.allclose(bent, jnp.clip(x, 0, 200))
    assert float(bent.min()) >= 0 and float(bent.max()) <= 200


def test_augmentation_inside_a_model():
    """Each step draws anew; evaluation sees the images as they are."""
    model = models.Sequential(
        [
            layers.Input((6, 5, 1)),
            layers.RandomFlip("horizontal", seed=1),
            layers.RandomBrightness(0.2, value_range=(0, 1), seed=2),
            layers.Rescaling(2.0),
            layers.Flatten(),
            layers.Dense(1, kernel_initializer="zeros", use_bias=False),
        ]
    )
    model.compile("sgd", "mse")
    x, y = RNG.uniform(0.4, 0.6, (4, 6, 5, 1)).astype("float32"), np.ones((4, 1))
    model.fit(x, y, epochs=2, batch_size=2, shuffle=False, verbose=0)
    assert [int(v.numpy()[1]) for v in model.non_trainable_variables] == [4, 4]
    kernel = model.layers[-1].kernel.numpy()
    np.testing.assert_allclose(
        model.predict(x, verbose=0), 2 * x.reshape(4, -1) @ kernel, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.RandomRotation(2.0), "factor"),
        (lambda: layers.RandomRotation(0.1, fill_mode="odd"), "Unknown `fill_mode`"),
        (lambda: layers.RandomZoom("much"), "height_factor"),
        (lambda: layers.RandomBrightness(0.1, value_range=3), "value_range"),
        (lambda: layers.RandomGaussianBlur(kernel_size=4), "odd number"),
        (lambda: layers.RandomErasing(fill_value=[1, 2]), "fill_value"),
        (lambda: layers.RandomPerspective(scale=2.0), "scale"),
        (lambda: layers.Resizing(2, 2).compute_output_shape((2, 2)), "rank"),
        (lambda: layers.RandomFlip()(np.ones((3, 3))), "rank 3"),
        (lambda: layers.RandomFlip()({"images": np.ones(BATCH), "bounding_boxes": 0}), "format"),
        (
            lambda: layers.RandomFlip(bounding_box_format="xyxy")(
                {"images": np.ones(BATCH), "bounding_boxes": 0}
            ),
            "keys 'boxes' and 'labels'",
        ),
        (lambda: layers.MelSpectrogram(fft_length=4, sequence_length=8), "fft_length"),
        (lambda: layers.STFTSpectrogram(mode="loud"), "mode"),
        (lambda: layers.Pipeline.from_config({"name": "p"}), "layers"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises((ValueError, NotImplementedError), match=message):
        make()
