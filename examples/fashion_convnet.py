"""Fashion-MNIST with separable convolutions and batch normalisation: at least 91 % on the test set.

python examples/fashion_convnet.py [--epochs 10] [--plot fashion_convnet.png]
"""

from common import arguments, finish

import kohort as keras
from kohort import layers

options = arguments(__doc__, epochs=10, batch_size=128)

(x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
x_train, x_test = x_train[..., None].astype("float32") / 255, x_test[..., None] / 255

x = inputs = layers.Input((28, 28, 1))
x = layers.Conv2D(32, 3, padding="same", use_bias=False)(x)
x = layers.Activation("relu")(layers.BatchNormalization()(x))
x = layers.MaxPooling2D(2)(x)
for filters in (64, 128):
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
x = layers.MaxPooling2D(2)(x)
x = layers.SeparableConv2D(128, 3, padding="same", activation="relu")(x)
x = layers.Dropout(0.4)(layers.Flatten()(x))
model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))

steps = options.epochs * 54_000 // options.batch_size
schedule = keras.optimizers.schedules.CosineDecay(2e-3, steps)
model.compile(
    keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
history = model.fit(
    x_train,
    y_train,
    epochs=options.epochs,
    batch_size=options.batch_size,
    validation_split=0.1,
    verbose=options.verbose,
)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
finish("Fashion-MNIST test accuracy", accuracy, history, options, least=0.91)
