"""Run by a test in a process of its own: a job on several cards, played by logical CPU devices.

python train_mirrored.py ROOT CARDS
"""

import os
import sys
import time

from entrypoint import estimator
from entrypoint.cluster import resolve_cluster
from entrypoint.dataset import find_dataset
from entrypoint.directories import prepare_directories
from entrypoint.parameters import load_parameters
from entrypoint.settings import read_settings
from entrypoint.signals import StopRequest
from entrypoint.user_code import load_user_code
from entrypoint.user_source import find_user_code

settings = read_settings({**os.environ, "MODELMAKER_ROOT": sys.argv[1]})
prepare_directories(settings)
estimator.revive()
estimator.behave_like_tensorflow1()
estimator.read_user_modules_from(settings.code_dir)

import tensorflow as tf  # noqa: E402 (revive decides how it is imported)

from entrypoint.training import TrainingJob, train_and_export  # noqa: E402
from entrypoint.training.devices import Devices  # noqa: E402

names = tuple(f"/cpu:{index}" for index in range(int(sys.argv[2])))
(cpu,) = tf.config.list_physical_devices("CPU")
logical = [tf.config.LogicalDeviceConfiguration() for _ in names]
tf.config.set_logical_device_configuration(cpu, logical)
job = TrainingJob(
    settings=settings,
    parameters=load_parameters(settings),
    cluster=resolve_cluster(settings),
    dataset_dir=find_dataset(settings),
    code=load_user_code(find_user_code(settings)),
    devices=Devices(gpus=names, strategy=tf.distribute.MirroredStrategy(names)),
    started=time.monotonic(),
)
train_and_export(job, StopRequest())
