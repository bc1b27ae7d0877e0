"""What the examples share: options, the plot of the history, the closing line."""

import argparse
import sys
from typing import Any

import numpy as np


def arguments(doc: str, epochs: int, batch_size: int) -> argparse.Namespace:
    """The command line of an example."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--batch-size", type=int, default=batch_size)
    parser.add_argument("--plot", help="write the curves to this PNG file")
    parser.add_argument("--verbose", type=int, default=2)
    return parser.parse_args()


def multi_hot(sequences: np.ndarray, words: int) -> np.ndarray:
    """(n,) lists of word numbers -> (n, words) of 0 and 1."""
    rows = np.zeros((len(sequences), words), "float32")
    for row, sequence in zip(rows, sequences, strict=True):
        row[sequence] = 1
    return rows


def plot_history(history: Any, path: str, title: str) -> None:
    """Draw training against validation, a panel for each value."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = [name for name in history.history if not name.startswith("val_")]
    figure, axes = plt.subplots(1, len(names), figsize=(5 * len(names), 3.6), squeeze=False)
    for ax, name in zip(axes[0], names, strict=True):
        epochs = range(1, len(history.history[name]) + 1)
        ax.plot(epochs, history.history[name], "o", color="0.5", label="training")
        if f"val_{name}" in history.history:
            ax.plot(epochs, history.history[f"val_{name}"], color="tab:blue", label="validation")
        ax.set(xlabel="epoch", title=name)
        ax.legend(frameon=False)
        ax.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def finish(
    what: str, value: float, history: Any, options: argparse.Namespace,
    least: float = float("-inf"), most: float = float("inf"),
) -> None:  # fmt: skip
    """Print the result, draw the plot, and fail where the result is not what was promised."""
    print(f"{what}: {value:.4f}")
    if options.plot:
        plot_history(history, options.plot, f"{what}: {value:.3f}")
        print(f"curves: {options.plot}")
    if not least <= value <= most:
        sys.exit(f"expected between {least} and {most}")
