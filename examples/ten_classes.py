"""Ten classes: 1000 random rows of 100 features, a network of three layers, ten epochs.

The program is written for Keras. There its first lines are

    import keras
    from keras import layers

and nothing else differs. The labels are random too, so that an accuracy of about .1 on new rows is all that
there is to be had.
"""
# ruff: noqa: NPY002 - the program stays as it was written

import numpy as np

import netwright as keras
from netwright import layers

np.random.seed(0)
keras.utils.set_random_seed(0)

X_train = np.random.random((1000, 100))
y_train = keras.utils.to_categorical(np.random.randint(10, size=(1000, 1)), num_classes=10)
X_test = np.random.random((100, 100))
y_test = keras.utils.to_categorical(np.random.randint(10, size=(100, 1)), num_classes=10)

model = keras.Sequential()
model.add(layers.Dense(64, activation="relu", input_shape=(100,)))
model.add(layers.Dense(64, activation="relu"))
model.add(layers.Dense(10, activation="softmax"))
model.summary()

model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(X_train, y_train, batch_size=32, epochs=10, validation_split=0.2)

loss, accuracy = model.evaluate(X_test, y_test)
print("Test loss:", loss)
print("Test accuracy:", accuracy)
