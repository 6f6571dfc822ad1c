"""Run by a test in a process of its own: a job on several cards, played by logical CPU devices.

python train_mirrored.py ROOT CARDS
"""

import os
import sys
import time

from entrypoint.cluster import Cluster
from entrypoint.dataset import find_channels, find_dataset
from entrypoint.directories import prepare_directories
from entrypoint.job import start_tensorflow
from entrypoint.parameters import load_parameters
from entrypoint.place import Place
from entrypoint.settings import read_settings
from entrypoint.signals import StopRequest
from entrypoint.storage.client import Storage
from entrypoint.user_code import load_user_code
from entrypoint.user_source import find_user_code
from entrypoint.warm_start import find_warm_start

settings = read_settings({**os.environ, "MODELMAKER_ROOT": sys.argv[1]})
prepare_directories(settings)
source = find_user_code(settings)
start_tensorflow(settings, source)

import tensorflow as tf  # noqa: E402 (start_tensorflow decides how it is imported)

from entrypoint.training import TrainingJob, train_and_export  # noqa: E402
from entrypoint.training.devices import Devices  # noqa: E402

names = tuple(f"/cpu:{index}" for index in range(int(sys.argv[2])))
(cpu,) = tf.config.list_physical_devices("CPU")
logical = [tf.config.LogicalDeviceConfiguration() for _ in names]
tf.config.set_logical_device_configuration(cpu, logical)
warm_start = find_warm_start(settings)
assert not isinstance(warm_start, str), "a path is enough here"
job = TrainingJob(
    settings=settings,
    parameters=load_parameters(settings),
    place=Place(
        cluster=Cluster(scheduler="none"), role="chief", task="chief", start_companion=print
    ),
    storage=Storage(None, StopRequest()),
    dataset_dir=find_dataset(settings),
    channel_dirs=find_channels(settings),
    code=load_user_code(source),
    devices=Devices(
        gpus=names, strategy_name="mirrored", strategy=tf.distribute.MirroredStrategy(names)
    ),
    started=time.monotonic(),
    warm_start=warm_start,
)
train_and_export(job, StopRequest())
