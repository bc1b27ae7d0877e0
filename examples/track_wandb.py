"""A fit in Weights & Biases: configuration, metrics by epoch, and how it ended.

pip install wandb, wandb login (or WANDB_MODE=offline), then: python examples/track_wandb.py
"""

import numpy as np
import wandb

import kohort as keras


class WandbTracker(keras.callbacks.Tracker):
    """Tells Weights & Biases; `options` are those of `wandb.init`."""

    def __init__(self, **options):
        super().__init__()
        self.options = options

    def start(self, params):
        self.run = wandb.init(config=params, **self.options)

    def log(self, step, metrics):
        self.run.log(metrics, step=step)

    def end(self, status):
        self.run.finish(exit_code=0 if status == "finished" else 1)


if __name__ == "__main__":
    x = np.random.default_rng(0).normal(size=(256, 4))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x, x.sum(axis=1), epochs=5, callbacks=[WandbTracker(project="kohort")])
