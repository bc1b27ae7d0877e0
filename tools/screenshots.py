"""Make the pictures of `docs/pictures`: pages of TensorBoard and of `kohort watch`.

    python tools/screenshots.py [FOLDER]

Trains small networks, runs `kohort improve iris`, and looks at all with a headless Chromium.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]  # as a script, from any folder

from tools.browser import browser, count, enter_frames, texts, until, watching  # noqa: E402

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SIZE = (1200, 750)
COLOURS = 256
WORDS = "bright clean fresh grand happy lovely bitter broken dull empty gloomy harsh".split()
ADDRESSES: Mapping[str, str] = {
    "scalars": "scalars&tagFilter=%5Eepoch_&_smoothingWeight=0",
    "histograms": "histograms&tagFilter=hidden",
    "graph": "graphs",
    "projector": "projector",
    "hparams": "hparams",
}


def write_fit(folder: Path, epochs: int) -> Any:
    """Train a network on words and numbers, with all that TensorBoard shows; return its history."""
    import numpy as np

    import kohort as keras

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, len(WORDS), (160, 6)), rng.normal(size=(160, 3))]
    labels = (rows[0] < 6).mean(axis=1) + 0.2 * rows[1][:, 0] > 0.5
    words, numbers = keras.Input((6,), name="words"), keras.Input((3,), name="numbers")
    x = keras.layers.Embedding(len(WORDS), output_dim=8, name="embedding")(words)
    x = keras.layers.GlobalAveragePooling1D(name="average")(x)
    x = keras.layers.Concatenate(name="both")([x, numbers])
    x = keras.layers.Dense(16, activation="relu", name="hidden")(x)
    answer = keras.layers.Dense(1, activation="sigmoid", name="answer")(x)
    model = keras.Model([words, numbers], answer)
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    board = keras.callbacks.TensorBoard(
        folder, histogram_freq=1, write_images=True, embeddings_freq=1, embeddings_metadata=WORDS
    )
    return model.fit(
        rows, labels, epochs=epochs, validation_split=0.2, callbacks=[board], verbose=0
    )


def write_search(folder: Path) -> None:
    """Write the trials of a small search for the HParams page."""
    import numpy as np

    import kohort as keras
    from kohort.monitor import write_hparams

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(120, 4)).astype("float32")
    labels = (rows[:, 0] * rows[:, 1] > 0).astype("float32")

    def build(hp: Any) -> Any:
        units = hp.Choice("units", [4, 16])
        rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
        model = keras.Sequential(
            [
                keras.layers.Dense(units, activation="relu"),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
        return model

    found = keras.search(build, rows, labels, trials=12, folds=2, epochs=8, verbose=0)
    write_hparams(found, folder)


def is_filled(driver: Chrome, page: str) -> bool:
    """Whether a page of TensorBoard shows what `write_fit` and `write_hparams` wrote."""
    if page == "scalars":
        tags = {"fit/train", "fit/validation", "epoch_loss", "epoch_accuracy"}
        return tags <= set(texts(driver)) and count(driver, "path.line") >= 5
    if page == "histograms":
        tags = {"activations/hidden/histogram", "gradients/hidden/kernel/histogram"}
        return tags <= set(texts(driver)) and count(driver, "g.histogram path") >= 15
    if page == "graph":
        layers = {"embedding", "average", "both", "hidden", "answer"}
        edges = count(driver, "g.edge path")
        return layers <= set(texts(driver, "text.nodelabel")) and edges >= len(layers)
    if page == "hparams":
        return any("trial_0001" in text for text in texts(driver)) and "units" in texts(driver)
    enter_frames(driver)
    found = texts(driver, ".numDataPoints") == [str(len(WORDS))] and count(driver, "canvas") > 0
    driver.switch_to.default_content()
    return found


def open_page(driver: Chrome, address: str, page: str) -> None:
    """Open a page of TensorBoard and wait until it is filled."""
    driver.get("about:blank")  # else a change behind the # loads nothing anew
    driver.get(f"{address}?darkMode=false#{ADDRESSES[page]}")
    until(lambda: is_filled(driver, page), f"TensorBoard's {page}, filled")


def save(driver: Chrome, path: Path) -> None:
    """Save what the browser shows as a small PNG."""
    from PIL import Image

    picture = Image.open(BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    picture = picture.resize(SIZE, Image.Resampling.LANCZOS)
    # The palette that covers most keeps small things in their colour: a button, a mark.
    method, dither = Image.Quantize.MAXCOVERAGE, Image.Dither.NONE
    picture.quantize(COLOURS, method, dither=dither).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1024:.0f} KiB")


def main(folder: Path) -> None:
    """Make all pictures."""
    from kohort.workflow.improve import improve

    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        work = Path(name)
        write_fit(work / "logs" / "fit", epochs=12)
        write_search(work / "logs" / "search")
        improve("iris", out="runs/iris", trials=4, epochs=20, quiet=True)
        improve("wine", out="runs/wine", trials=4, epochs=20, quiet=True)
        picture_tensorboard(work, folder)
        picture_watch(work, folder)


def picture_tensorboard(work: Path, folder: Path) -> None:
    """Save TensorBoard's pages on `logs`."""
    with browser() as driver, watching("logs", work) as address:
        for page in ADDRESSES:
            open_page(driver, address, page)
            time.sleep(2)  # for what moves into its place
            save(driver, folder / f"tensorboard_{page}.png")


def picture_watch(work: Path, folder: Path) -> None:
    """Save the page of reports on `runs`."""
    with browser() as driver, watching("runs", work) as address:
        driver.get(f"{address}#iris")
        until(lambda: "iris" in texts(driver, "a"), "the list of runs")
        time.sleep(2)
        save(driver, folder / "watch.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
