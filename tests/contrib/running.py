"""Run what a test built in the default graph."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def run(fetches: Any, feed_dict: Any = None) -> Any:
    """Initialize every variable and table of the default graph and return the fetched values."""
    v1 = tf.compat.v1
    with v1.Session() as session:
        session.run(
            [
                v1.global_variables_initializer(),
                v1.local_variables_initializer(),
                v1.tables_initializer(),
            ]
        )
        return session.run(fetches, feed_dict)
