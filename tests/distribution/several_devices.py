"""Run by `test_distribution.py` in a process with four devices: prints what it found as JSON."""

import json

import jax
import numpy as np

import kohort as keras

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(18, 5)).astype("float32"), rng.normal(size=(18, 1)).astype("float32")


def trained(*data, judged=False):
    """The model and its numbers after a training whose last batch is smaller than the mesh."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [layers.Dense(8), layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(0.02, momentum=0.9), "mse")
    logs = model.fit(*data, batch_size=8, verbose=0, shuffle=False).history["loss"]
    numbers = [*model.get_weights(), np.array(logs)]
    if judged:
        numbers.append(model.evaluate(X, Y, batch_size=18, verbose=0))
        numbers.append(model.predict(X, batch_size=18, verbose=0))
    return model, np.concatenate([np.ravel(a) for a in numbers]).tolist()


def part_of(variable):
    """The shape of the part of a variable that one device has."""
    return list(variable.value.addressable_shards[0].data.shape)


def main():
    """Train in several ways."""
    found = {"devices": len(jax.devices())}
    _, found["alone"] = trained(X, Y, judged=True)
    with keras.distribution.DataParallel().scope():
        model, found["data"] = trained(X, Y, judged=True)
        _, found["batches"] = trained(keras.data.Dataset.from_tensor_slices((X, Y)).batch(8))
    found["replicas"] = len(model.layers[0].kernel.value.sharding.device_set)
    found["afterwards"] = np.ravel(model(X)).tolist()

    mesh = keras.distribution.DeviceMesh((2, 2), ("batch", "model"))
    layouts = keras.distribution.LayoutMap(mesh)
    layouts["(sequential/)?dense/kernel"] = (None, "model")
    with keras.distribution.ModelParallel(layout_map=layouts).scope():
        model, found["model"] = trained(X, Y)
    found["kernel"] = part_of(model.layers[0].kernel)
    found["slot"] = next(
        part_of(v) for v in model.optimizer.variables if v.name.endswith("momentum")
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
