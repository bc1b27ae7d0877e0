"""Inside a network: weights, activations, filters, saliency, Grad-CAM, embeddings."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import kohort as keras
from kohort import layers, plot


@pytest.fixture(scope="module")
def net():
    """Give a small convnet whose output is twice the mean of the first channel's positive part."""
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Conv2D(2, 1, activation="relu", name="conv"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(2, use_bias=False, name="out"),
        ]
    )
    kernel = np.array([1.0, -1.0]).reshape(1, 1, 1, 2)
    model.set_weights([kernel, np.zeros(2), np.array([[2.0, 0.0], [0.0, 0.0]])])
    return model


@pytest.fixture(scope="module")
def image():
    """Give an image with one bright place, one dark place."""
    x = np.zeros((4, 4, 1), np.float32)
    x[1, 2], x[3, 0] = 3.0, -2.0
    return x


def test_weights(net):
    assert list(plot.weights_data(net)) == ["conv/kernel", "conv/bias", "out/kernel"]
    figure = plot.weights(net, ["out"])
    assert figure.axes[0].get_title().startswith("out/kernel\n0.5 ±")


def test_activations(net, image):
    found = plot.activations_data(net, image[None], ["conv", "pool"])
    assert np.allclose(found["conv"][0, ..., 0], np.maximum(image[..., 0], 0))
    assert np.allclose(found["pool"], [[3 / 16, 2 / 16]])
    figure = plot.activations(net, image[None])
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["conv (4, 4, 2)", "pool (2,)", "out (2,)"]
    assert len(figure.axes[0].images) == 1 and len(figure.axes[1].patches) == 2


def test_filters(net):
    assert plot.filters_data(net).ravel().tolist() == [1, -1]
    figure = plot.filters(net, "conv")
    assert [ax.get_title() for ax in figure.axes[:2]] == ["0", "1"]


@pytest.mark.parametrize("draw", ["weights", "activations", "filters"])
def test_pictures_of_several_parts_take_an_ax(net, image, draw):
    figure = Figure()
    ax = figure.subplots()
    given = (net, image[None]) if draw == "activations" else (net,)
    assert getattr(plot, draw)(*given, ax=ax) is figure
    own = getattr(plot, draw)(*given)
    assert [panel.get_title() for panel in ax.child_axes] == [
        panel.get_title() for panel in own.axes if panel.get_label() != "<colorbar>"
    ]


def test_saliency_is_the_gradient(net, image):
    found = plot.saliency_data(net, image, output=0)
    assert np.isclose(found[1, 2], 2 / 16) and np.isclose(found[3, 0], 0)
    assert np.allclose(plot.saliency_data(net, image, output=1), 0)
    assert len(plot.saliency(net, image).images) == 1


def test_grad_cam_finds_what_speaks_for_the_output(net, image):
    found = plot.grad_cam_data(net, image, output=0)
    assert found.shape == (4, 4) and found[1, 2] == 1 and found.sum() == 1
    ax = plot.grad_cam(net, image)
    assert len(ax.images) == 2


def test_embedding():
    table = np.array([[0.0, 0, 5], [1, 0, 5], [2, 1, 5], [3, 1, 5]])
    places, shares = plot.embedding_data(table)
    centred = table - table.mean(axis=0)
    assert np.allclose(places @ places.T, centred @ centred.T) and np.isclose(shares.sum(), 1)
    ax = plot.embedding(table, ["a", "b", "a", "b"], names=list("wxyz"))
    assert len(ax.collections) == 2 and [text.get_text() for text in ax.texts] == list("wxyz")
    near, none = plot.embedding_data(np.vstack([table, table + 100]), "tsne")
    assert near.shape == (8, 2) and none is None
    between = np.linalg.norm(near[:4].mean(axis=0) - near[4:].mean(axis=0))
    assert between > np.linalg.norm(near[:4] - near[:4].mean(axis=0), axis=1).max()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m, x: plot.weights(m, ["dense"]), "layer .*: conv, pool, out. Received: 'dense'"),
        (lambda m, x: plot.filters(m, "out"), "those there are: conv. Received: layer 'out'"),
        (lambda m, x: plot.activations(m, x[None], row=1), "row 1 of 1"),
        (lambda m, x: plot.saliency(m, x[None]), r"shape \(4, 4, 1\).*shape \(1, 4, 4, 1\)"),
        (lambda m, x: plot.saliency(m, x, output=2), "from 0 to 1"),
        (lambda m, x: plot.saliency(keras.Model(), x), "must have one input"),
        (lambda m, x: plot.grad_cam(m, x, "pool"), "those there are: conv. Received: layer 'pool'"),
        (lambda m, x: plot.embedding(x), r"Received: shape \(4, 4, 1\)"),
        (lambda m, x: plot.embedding(np.eye(3), [1]), "1 labels for 3 vectors"),
        (lambda m, x: plot.embedding(np.eye(3), method="umap"), "pca, tsne. Received: 'umap'"),
    ],
)
def test_bad_input(net, image, call, words):
    with pytest.raises(plot.PlotError, match=words):
        call(net, image)
