"""`tf.contrib.input_pipeline`: strings of a list in turn."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = ["obtain_next"]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


def obtain_next(string_list_tensor: Any, counter: Any) -> Any:
    """Advance a counter and return the string of a list that it then numbers.

    Args:
        string_list_tensor: a vector of strings.
        counter: an int64 variable, of shape [] or [1]; -1 before the first string. It begins again
            after the last one.
    """
    strings = tf.convert_to_tensor(string_list_tensor)
    length = tf.size(strings, out_type=tf.int64)
    following = tf.compat.v1.assign(counter, tf.math.floormod(counter + 1, length))
    return tf.gather(strings, tf.reshape(following, []))
