"""`tf.contrib.learn.datasets`: readers of small files."""

from __future__ import annotations

from entrypoint.tensorflow1.contrib.learn.datasets import base, mnist
from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = ["base", "mnist"]

NOT_SUPPLIED = {
    **{name: base.NOT_SUPPLIED[name] for name in ("load_boston", "load_iris")},
    "load_dataset": "read the files with tf.contrib.learn.datasets.base or mnist",
    "make_dataset": "use sklearn.datasets",
    "synthetic": "use sklearn.datasets",
    "text_datasets": "download the files before the job, and read them with tf.data",
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
