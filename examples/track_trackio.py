"""A fit in trackio, which keeps everything on this machine: configuration and metrics by epoch.

pip install trackio, then: python examples/track_trackio.py, and: trackio show
"""

import numpy as np
import trackio

import kohort as keras


class TrackioTracker(keras.callbacks.Tracker):
    """Tells trackio; `options` are those of `trackio.init`."""

    def __init__(self, project, **options):
        super().__init__()
        self.project, self.options = project, options

    def start(self, params):
        self.run = trackio.init(self.project, config=params, **self.options)

    def log(self, step, metrics):
        self.run.log(metrics, step=step)

    def end(self, status):
        self.run.finish()


if __name__ == "__main__":
    x = np.random.default_rng(0).normal(size=(256, 4))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x, x.sum(axis=1), epochs=5, callbacks=[TrackioTracker("kohort")])
