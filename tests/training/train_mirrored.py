"""Run by a test in a process of its own: a job on two cards, played by two logical CPU devices.

    python train_mirrored.py ROOT
"""

import os
import sys

from entrypoint import estimator, job
from entrypoint.settings import Settings, read_settings
from entrypoint.signals import StopRequest

estimator.revive()

import tensorflow as tf  # noqa: E402 (revive decides how it is imported)

from entrypoint.training import job as training_job  # noqa: E402
from entrypoint.training.devices import Devices  # noqa: E402

(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def two_cards(_settings: Settings) -> Devices:
    return Devices(gpus=("a", "b"), strategy=tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"]))


training_job.find_devices = two_cards
job.train(read_settings({**os.environ, "MODELMAKER_ROOT": sys.argv[1]}), StopRequest())
