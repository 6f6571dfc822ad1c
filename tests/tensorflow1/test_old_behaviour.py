"""What TensorFlow 1's code relies on that TensorFlow and Keras no longer do by themselves."""

from __future__ import annotations

import pytest
import tensorflow as tf

from entrypoint.tensorflow1.old_behaviour import (
    NameScope,
    restore_keras_methods,
    take_whole_floats_for_dimensions,
)

v1 = tf.compat.v1


def test_a_layer_can_be_applied() -> None:
    restore_keras_methods()
    with tf.Graph().as_default(), v1.Session() as session:
        one = v1.keras.layers.Dense(2, kernel_initializer="ones").apply(tf.ones([1, 3]))
        session.run(v1.global_variables_initializer())
        assert session.run(one).tolist() == [[3.0, 3.0]]


def test_an_update_may_name_its_inputs() -> None:
    restore_keras_methods()

    class Counting(tf.compat.v1.keras.layers.Layer):
        def build(self, shape: object) -> None:
            del shape
            self.calls = self.add_weight("calls", (), initializer="zeros", trainable=False)

        def call(self, inputs: tf.Tensor) -> tf.Tensor:
            self.add_update(v1.assign_add(self.calls, 1.0), inputs)
            return inputs

    with tf.Graph().as_default(), v1.Session() as session:
        layer = Counting()
        layer(tf.ones([1]))
        session.run(v1.global_variables_initializer())
        session.run(layer.updates)
        assert session.run(layer.calls) == 1.0


def test_a_name_scope_may_be_given_its_values_second() -> None:
    with tf.Graph().as_default():
        with NameScope("boxes", [tf.constant(1)]) as scope:
            assert scope == "boxes/"
            assert tf.constant(1).op.name == "boxes/Const"
        with NameScope(None, "other") as scope:
            assert scope == "other/"


def test_a_whole_float_is_a_dimension() -> None:
    take_whole_floats_for_dimensions()
    with tf.Graph().as_default():
        assert v1.get_variable("v", [3, 8 / 2]).shape.as_list() == [3, 4]


@pytest.mark.parametrize("value", [2.5, "x"])
def test_nothing_else_is(value: object) -> None:
    take_whole_floats_for_dimensions()
    with pytest.raises(TypeError):
        tf.TensorShape([value])
