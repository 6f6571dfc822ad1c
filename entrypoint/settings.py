"""Where everything is and what was asked for: the only reader of the process environment."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from entrypoint.errors import UsageError
from entrypoint.storage.locations import VARIABLES as LOCATION_VARIABLES
from entrypoint.storage.locations import Locations, read_locations

DEFAULT_ROOT = "/opt/ml"

VARIABLES = (
    "MODELMAKER_ROOT",
    "MODELMAKER_MODULE",
    "MODELMAKER_JOB_NAME",
    "MODELMAKER_LOG_FORMAT",
    "MODELMAKER_LOG_LEVEL",
    "MODELMAKER_REQUIRE_GPU",
    "MODELMAKER_TF_API",
    "MODELMAKER_WARM_START",
    "MODELMAKER_SCHEDULER",
    "MODELMAKER_HOSTS",
    "MODELMAKER_HOST_INDEX",
    "MODELMAKER_HOST_COUNT",
    "MODELMAKER_PORT",
    "MODELMAKER_START_SECONDS",
    "MODELMAKER_PEER_TIMEOUT_SECONDS",
    "MODELMAKER_EVALUATE_ON",
    "MODELMAKER_PARAMETERS",
    "MODELMAKER_DATASET_SHARD",
    "MODELMAKER_STORAGE_TIMEOUT_SECONDS",
    "MODELMAKER_STORAGE_RETRY_SECONDS",
    *LOCATION_VARIABLES.values(),
)

# The first of these that is set names the job in every log line.
JOB_NAME_VARIABLES = (
    "MODELMAKER_JOB_NAME",
    "TRAINING_JOB_NAME",  # SageMaker
    "AWS_BATCH_JOB_ID",
    "SLURM_JOB_ID",
)

# By these, schedulers describe the machines of a job.
CLUSTER_VARIABLES = (
    "MODELMAKER_HOSTS",
    "MODELMAKER_HOST_INDEX",
    "MODELMAKER_HOST_COUNT",
    "TF_CONFIG",  # Kubeflow's training operator and Vertex AI
    "CLUSTER_SPEC",  # Vertex AI
    "TRAINING_JOB_NAME",  # SageMaker
    "AWS_BATCH_JOB_ID",
    "AWS_BATCH_JOB_ATTEMPT",
    "AWS_BATCH_JOB_NUM_NODES",
    "AWS_BATCH_JOB_NODE_INDEX",
    "AWS_BATCH_JOB_MAIN_NODE_INDEX",
    "AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS",
    "PET_NNODES",  # Kubeflow Trainer
    "PET_NODE_RANK",
    "PET_MASTER_ADDR",
    "PET_MASTER_PORT",
    "JOB_COMPLETION_INDEX",  # Kubernetes
    "SLURM_JOB_ID",
    "SLURM_STEP_ID",
    "SLURM_STEP_NODELIST",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_STEP_TASKS_PER_NODE",
    "SLURM_PROCID",
    "SLURM_LOCALID",
    "SLURM_NODEID",
    "SLURM_GPUS_PER_TASK",
)
SCHEDULERS = (
    "tf_config",
    "vertex_ai",
    "sagemaker",
    "aws_batch",
    "kubernetes",
    "kubeflow_trainer",
    "slurm",
    "hosts",
    "none",
)

# The chief's membership listens here; TensorFlow's servers take the next two.
DEFAULT_PORT = 2221
MAX_PORT = 65_000
# Images are pulled and machines started one by one: the first task waits for the last.
DEFAULT_START_SECONDS = 600.0
DEFAULT_PEER_TIMEOUT_SECONDS = 30.0
DEFAULT_STORAGE_TIMEOUT_SECONDS = 60.0
DEFAULT_STORAGE_RETRY_SECONDS = 600.0

LogFormat = Literal["json", "text"]
TensorFlowApi = Literal["1", "2"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One job's paths and switches, fixed for its whole life.

    Attributes:
        root_dir: what every path of the container contract hangs off.
        module: the user's module, if MODELMAKER_MODULE names one.
        job_name: what this job is called in the log.
        log_format: "json" or "text" if forced, None to decide by looking at the output.
        log_level: the least level that is logged, a name of the `logging` module.
        require_gpu: True insists on a usable GPU, False waives one, None goes by what is there.
        tensorflow_api: which of TensorFlow's APIs user code sees, None to decide by reading it.
        warm_start: a checkpoint, or a directory of them, to take the first values from.
        unknown_variables: MODELMAKER_* variables that mean nothing, most likely misspelt.
        scheduler: who describes the cluster, one of SCHEDULERS, None to decide by looking.
        host_name: the full name of this machine.
        port: where the chief's membership listens.
        start_seconds: how long the tasks of a cluster wait for each other at the start.
        peer_timeout_seconds: a task from which nothing was heard for so long counts as lost.
        evaluate_on_gpu: whether the evaluator beside the chief may use its GPUs.
        cluster_environment: the variables by which schedulers describe a cluster, as found.
        locations: the inputs and outputs that are s3:// URIs.
        parameters_text: the JSON of MODELMAKER_PARAMETERS.
        dataset_by_key: each machine fetches its share of the dataset's objects, not all of them.
        storage_timeout_seconds: silence for so long ends a connection to the storage.
        storage_retry_seconds: how long what fails is tried again while nothing comes through.
    """

    root_dir: Path
    module: str | None = None
    job_name: str = "job"
    log_format: LogFormat | None = None
    log_level: str = "INFO"
    require_gpu: bool | None = None
    tensorflow_api: TensorFlowApi | None = None
    warm_start: str | None = None
    unknown_variables: tuple[str, ...] = ()
    scheduler: str | None = None
    host_name: str = "localhost"
    port: int = DEFAULT_PORT
    start_seconds: float = DEFAULT_START_SECONDS
    peer_timeout_seconds: float = DEFAULT_PEER_TIMEOUT_SECONDS
    evaluate_on_gpu: bool = False
    cluster_environment: Mapping[str, str] = field(default_factory=dict)
    locations: Locations = field(default_factory=Locations)
    parameters_text: str | None = None
    dataset_by_key: bool = False
    storage_timeout_seconds: float = DEFAULT_STORAGE_TIMEOUT_SECONDS
    storage_retry_seconds: float = DEFAULT_STORAGE_RETRY_SECONDS

    @property
    def code_dir(self) -> Path:
        """The user's module and whatever it imports."""
        return self.root_dir / "code"

    @property
    def parameters_file(self) -> Path:
        """Parameters, a JSON object."""
        return self.root_dir / "input" / "parameters.json"

    @property
    def config_dir(self) -> Path:
        """SageMaker's hyperparameters, inputdataconfig and resourceconfig."""
        return self.root_dir / "input" / "config"

    @property
    def data_dir(self) -> Path:
        """The dataset mount."""
        return self.root_dir / "input" / "data"

    @property
    def checkpoints_dir(self) -> Path:
        """Checkpoints: Estimator's model_dir."""
        return self.root_dir / "checkpoints"

    @property
    def model_dir(self) -> Path:
        """Holds exactly one numeric directory, the SavedModel, when the job is done."""
        return self.root_dir / "model"

    @property
    def output_dir(self) -> Path:
        """What the job says about itself."""
        return self.root_dir / "output"

    @property
    def failure_file(self) -> Path:
        """Why the job failed."""
        return self.output_dir / "failure"

    @property
    def metrics_file(self) -> Path:
        """Every progress and evaluation event, one JSON object a line."""
        return self.output_dir / "data" / "metrics.jsonl"

    @property
    def tensorboard_dir(self) -> Path:
        """TensorBoard event files."""
        return self.output_dir / "data" / "tensorboard"

    @property
    def report_file(self) -> Path:
        """The run in one JSON object."""
        return self.output_dir / "data" / "report.json"


def read_root_dir(environment: Mapping[str, str]) -> Path:
    """Return what every path of the container contract hangs off."""
    return Path(environment.get("MODELMAKER_ROOT") or DEFAULT_ROOT).absolute()


def read_job_name(environment: Mapping[str, str]) -> str:
    """Return what the job is called: as a scheduler or the user says, else as the host."""
    names = filter(None, map(environment.get, JOB_NAME_VARIABLES))
    return next(names, None) or socket.gethostname()


def read_early_settings(environment: Mapping[str, str]) -> Settings:
    """Read what it takes to report that the rest cannot be read."""
    is_text = (environment.get("MODELMAKER_LOG_FORMAT") or "").lower() == "text"
    return Settings(
        root_dir=read_root_dir(environment),
        job_name=read_job_name(environment),
        log_format="text" if is_text else None,
    )


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the job's settings out of an environment.

    Raises:
        UsageError: a MODELMAKER_* variable has a value that means nothing; all such are named.
    """
    problems: list[str] = []

    def choice(name: str, choices: tuple[str, ...]) -> str | None:
        value = environment.get(name)
        if not value:
            return None
        if value.lower() not in choices:
            problems.append(f"{name}={value!r} is not one of {', '.join(choices)}")
        return value.lower()

    def number(name: str, default: float, least: float, most: float) -> float:
        value = environment.get(name)
        if not value:
            return default
        # No more digits than a number in these bounds has, so that reading it takes no time.
        if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII):
            problems.append(f"{name}={value!r} is not a number")
            return default
        if not least <= float(value) <= most:
            problems.append(f"{name}={value} is not between {least:g} and {most:g}")
        return float(value)

    log_format = choice("MODELMAKER_LOG_FORMAT", ("json", "text"))
    log_level = choice("MODELMAKER_LOG_LEVEL", ("debug", "info", "warning", "error"))
    require_gpu = choice("MODELMAKER_REQUIRE_GPU", ("0", "1"))
    tensorflow_api = choice("MODELMAKER_TF_API", ("1", "2"))
    scheduler = choice("MODELMAKER_SCHEDULER", SCHEDULERS)
    evaluate_on = choice("MODELMAKER_EVALUATE_ON", ("cpu", "gpu"))
    port = number("MODELMAKER_PORT", DEFAULT_PORT, 1, MAX_PORT)
    if port != int(port):
        problems.append(f"MODELMAKER_PORT={port} is not a whole number")
    start_seconds = number("MODELMAKER_START_SECONDS", DEFAULT_START_SECONDS, 1, 86_400)
    peer_timeout_seconds = number(
        "MODELMAKER_PEER_TIMEOUT_SECONDS", DEFAULT_PEER_TIMEOUT_SECONDS, 1, 3_600
    )
    dataset_shard = choice("MODELMAKER_DATASET_SHARD", ("all", "by-key"))
    locations = read_locations(environment)
    dataset_by_key = dataset_shard == "by-key"
    problems += _without_dataset(locations, dataset_by_key=dataset_by_key)
    storage_timeout_seconds = number(
        "MODELMAKER_STORAGE_TIMEOUT_SECONDS", DEFAULT_STORAGE_TIMEOUT_SECONDS, 1, 3_600
    )
    storage_retry_seconds = number(
        "MODELMAKER_STORAGE_RETRY_SECONDS", DEFAULT_STORAGE_RETRY_SECONDS, 0, 86_400
    )
    if problems:
        raise UsageError(
            "; ".join(problems), hint="correct the variable, or leave it out for the default"
        )
    return Settings(
        root_dir=read_root_dir(environment),
        module=environment.get("MODELMAKER_MODULE") or None,
        job_name=read_job_name(environment),
        log_format="text" if log_format == "text" else "json" if log_format else None,
        log_level=(log_level or "info").upper(),
        require_gpu=None if require_gpu is None else require_gpu == "1",
        tensorflow_api="1" if tensorflow_api == "1" else "2" if tensorflow_api else None,
        warm_start=environment.get("MODELMAKER_WARM_START") or None,
        unknown_variables=tuple(
            name
            for name in sorted(environment)
            if name.startswith("MODELMAKER_") and name not in VARIABLES
        ),
        scheduler=scheduler,
        host_name=socket.getfqdn(),
        port=int(port),
        start_seconds=start_seconds,
        peer_timeout_seconds=peer_timeout_seconds,
        evaluate_on_gpu=evaluate_on == "gpu",
        cluster_environment={
            name: environment[name] for name in CLUSTER_VARIABLES if name in environment
        },
        locations=locations,
        parameters_text=environment.get("MODELMAKER_PARAMETERS") or None,
        dataset_by_key=dataset_by_key,
        storage_timeout_seconds=storage_timeout_seconds,
        storage_retry_seconds=storage_retry_seconds,
    )


def _without_dataset(locations: Locations, *, dataset_by_key: bool) -> list[str]:
    if dataset_by_key and not locations.dataset:
        return ["MODELMAKER_DATASET_SHARD=by-key is given without MODELMAKER_DATASET_URI"]
    return []
