"""Make an Experiment and run it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from entrypoint.tensorflow1.contrib.learn.experiment import Experiment
from entrypoint.tensorflow1.contrib.learn.run_config import RunConfig
from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = ["run"]

NOT_SUPPLIED = {
    "EstimatorConfig": "use tf.estimator.RunConfig",
    "tune": "run one job for each choice of hyperparameters",
}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)


def run(
    experiment_fn: Callable[..., Any],
    output_dir: str | None = None,
    schedule: str | None = None,
    run_config: Any = None,
    hparams: Any = None,
) -> Any:
    """Make an Experiment and call one of its methods.

    Args:
        experiment_fn: of (run_config, hparams), or of output_dir alone; returns an Experiment
            whose Estimator has that configuration.
        output_dir: given in place of a configuration.
        schedule: the method; default `train_and_evaluate`, which in a cluster does what the task
            is there for.
        run_config: a `tf.contrib.learn.RunConfig` with a model_dir.
        hparams: passed on.

    Raises:
        ValueError: arguments are missing, or one too many, or there is no such method.
        TypeError: `experiment_fn` is no function, or returns no Experiment.
        RuntimeError: the Estimator has another configuration.
    """
    if output_dir is not None and run_config is not None:
        raise ValueError("Cannot provide both `output_dir` and `run_config`")
    if not callable(experiment_fn):
        raise TypeError(f'Experiment builder "{experiment_fn}" is not callable.')
    if run_config is not None:
        experiment = _checked(_make(experiment_fn, run_config, hparams))
        config = experiment.estimator.config
        if not isinstance(config, RunConfig) or config.uid() != run_config.uid():
            raise RuntimeError(
                "Pass the `run_config` argument of the `experiment_fn` to the Estimator in the"
                " Experiment, as config; the Estimator has another RunConfig."
            )
    elif not output_dir:
        raise ValueError("Must set value for `output_dir` or `run_config`")
    elif hparams is not None:
        raise ValueError("Must set `hparams` as None for `experiment_fn` with `output_dir`.")
    else:
        experiment = _checked(experiment_fn(output_dir=output_dir))
    schedule = schedule or "train_and_evaluate"
    method = getattr(experiment, schedule, None)
    if not callable(method):
        methods = [
            name
            for name in dir(experiment)
            if not name.startswith("_") and callable(getattr(experiment, name))
        ]
        raise ValueError(  # noqa: TRY004 (likewise)
            f"There is no schedule {schedule!r}; there are {', '.join(methods)}"
        )
    return method()


def _make(experiment_fn: Callable[..., Any], run_config: Any, hparams: Any) -> Any:
    if not isinstance(run_config, RunConfig):
        raise ValueError(  # noqa: TRY004 (as TensorFlow 1 does)
            "`run_config` must be `tf.contrib.learn.RunConfig` instance"
        )
    if not run_config.model_dir:
        raise ValueError("Must specify a model directory `model_dir` in `run_config`.")
    return experiment_fn(run_config, hparams)


def _checked(experiment: Any) -> Experiment:
    if not isinstance(experiment, Experiment):
        raise TypeError(
            f"Experiment builder did not return an Experiment instance, got {type(experiment)}"
            " instead."
        )
    return experiment
