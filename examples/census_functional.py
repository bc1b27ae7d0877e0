"""Census: who earns over 50,000 a year, and who is married? One network, two inputs, two outputs.

A functional model that takes raw rows: numbers are normalised and words looked up by layers of
the model, which learn from the training rows alone and are saved with it.

    python examples/census_functional.py [--epochs 8] [--plot census.png]
"""

import csv
import gzip
import os
import tempfile
from pathlib import Path

import numpy as np
from common import arguments, finish

import kohort as keras

COLUMNS = (
    "age workclass weight education education_years marital_status occupation relationship race "
    "sex capital_gain capital_loss hours country income"
).split()
NUMBERS = ["age", "education_years", "capital_gain", "capital_loss", "hours"]
WORDS = ["workclass", "education", "occupation", "race", "sex", "country"]

options = arguments(__doc__, epochs=8, batch_size=128)
folder = Path(os.environ.get("KOHORT_DATA", "../shared/data").split(os.pathsep)[0])
with gzip.open(folder / "adult.data.gz", "rt") as file:
    table = [row for row in csv.reader(file, skipinitialspace=True) if row]
columns = dict(zip(COLUMNS, np.array(table).T, strict=True))

x = {
    "numbers": np.stack([columns[name].astype("float32") for name in NUMBERS], axis=1),
    "words": np.stack([columns[name] for name in WORDS], axis=1),
}
y = {
    "income": (columns["income"] == ">50K").astype("float32"),
    "married": np.char.startswith(columns["marital_status"], "Married").astype("float32"),
}
order = np.random.default_rng(1).permutation(len(table))
train, test = order[:-6000], order[-6000:]


def rows(part: dict, chosen: np.ndarray) -> dict:
    """Some rows of all columns."""
    return {name: values[chosen] for name, values in part.items()}


keras.utils.set_random_seed(1)
scale = keras.layers.Normalization()
scale.adapt(x["numbers"][train])
lookup = keras.layers.StringLookup(output_mode="multi_hot")
lookup.adapt(x["words"][train])

numbers = keras.Input((len(NUMBERS),), name="numbers")
words = keras.Input((len(WORDS),), dtype="string", name="words")
features = keras.layers.Concatenate()([scale(numbers), lookup(words)])
hidden = keras.layers.Dense(64, activation="relu")(features)
hidden = keras.layers.Dropout(0.2)(hidden)
outputs = {
    "income": keras.layers.Dense(1, activation="sigmoid", name="income")(hidden),
    "married": keras.layers.Dense(1, activation="sigmoid", name="married")(hidden),
}
model = keras.Model({"numbers": numbers, "words": words}, outputs)
model.compile(
    "adam",
    loss={"income": "binary_crossentropy", "married": "binary_crossentropy"},
    metrics={"income": ["accuracy"], "married": ["accuracy"]},
)
history = model.fit(
    rows(x, train), rows(y, train), epochs=options.epochs, batch_size=options.batch_size,
    validation_split=0.1, verbose=options.verbose,
)  # fmt: skip
scores = model.evaluate(rows(x, test), rows(y, test), verbose=0, return_dict=True)
print(f"married: accuracy {scores['married_accuracy']:.4f}")

with tempfile.TemporaryDirectory() as place:  # the file holds the vocabulary too
    model.save(Path(place, "census.keras"))
    again = keras.models.load_model(Path(place, "census.keras"))
few = rows(x, test[:5])
assert np.allclose(again.predict(few, verbose=0)["income"], model.predict(few, verbose=0)["income"])

finish("Census income test accuracy", scores["income_accuracy"], history, options, least=0.83)
