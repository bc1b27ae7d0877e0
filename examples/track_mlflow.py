"""A fit in MLflow: parameters, metrics by epoch, and how it ended.

pip install mlflow, then: python examples/track_mlflow.py, and: mlflow ui
"""

import mlflow
import numpy as np

import kohort as keras


class MLflowTracker(keras.callbacks.Tracker):
    """Tells MLflow, in the experiment and at the address that are set there."""

    def __init__(self, run_name=None):
        super().__init__()
        self.run_name = run_name

    def start(self, params):
        mlflow.start_run(run_name=self.run_name)
        mlflow.log_params(params)

    def log(self, step, metrics):
        mlflow.log_metrics(metrics, step=step)

    def end(self, status):
        ends = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
        mlflow.end_run(ends[status])


if __name__ == "__main__":
    x = np.random.default_rng(0).normal(size=(256, 4))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x, x.sum(axis=1), epochs=5, callbacks=[MLflowTracker("sum of four")])
