"""TPUEstimator and its optimizer where no TPU is: they train on CPU and GPU.

The classes are those of `tensorflow-estimator` and TensorFlow, which take one CPU or GPU for one
shard, mended where they reach for a TPU all the same.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.tpu import tpu_optimizer
from tensorflow_estimator.python.estimator.tpu import tpu_config, tpu_estimator


class TPUEstimator(tpu_estimator.TPUEstimator):
    """An `Estimator` whose batch sizes reach `input_fn` and `model_fn` as `params["batch_size"]`.

    The batch size in `params` is that of the mode; predictions and exports may have none.
    `model_fn` returns a `TPUEstimatorSpec` or an `EstimatorSpec`. What is exported is the graph
    for CPU and GPU alone, whatever `export_to_tpu` says: a SavedModel with a second graph cannot
    be loaded without tags.

    Args:
        model_fn: as for `Estimator`.
        model_dir: likewise.
        config: a `tf.contrib.tpu.RunConfig`, or one of Estimator's own, which stands for it.
        params: must not have a "batch_size".
        use_tpu: must be False.
        train_batch_size: in `params` while training.
        eval_batch_size: in `params` while evaluating.
        predict_batch_size: in `params` while predicting.
        batch_axis: accepted; there is one shard.
        eval_on_tpu: accepted.
        export_to_tpu: accepted.
        export_to_cpu: must be True.
        warm_start_from: as for `Estimator`.
        embedding_config_spec: must be None.
        export_saved_model_api_version: accepted.

    Raises:
        ValueError: TPUs are asked for, or `config` or `params` are not as said.
    """

    _config: Any
    _log_every_n_secs: Any
    _log_every_n_steps: Any

    def __init__(
        self,
        model_fn: Any = None,
        model_dir: str | None = None,
        config: Any = None,
        params: Any = None,
        use_tpu: bool = True,
        train_batch_size: int | None = None,
        eval_batch_size: int | None = None,
        predict_batch_size: int | None = None,
        batch_axis: Any = None,
        eval_on_tpu: bool = True,
        export_to_tpu: bool = True,
        export_to_cpu: bool = True,
        warm_start_from: Any = None,
        embedding_config_spec: Any = None,
        export_saved_model_api_version: Any = 1,
    ) -> None:
        if use_tpu:
            raise ValueError(
                "TPUEstimator(use_tpu=True): no TPU runs here; set use_tpu=False to train on CPU"
                " or GPU"
            )
        if not export_to_cpu:
            raise ValueError(
                "TPUEstimator(export_to_cpu=False): only the graph for CPU and GPU can be"
                " exported; set export_to_cpu=True"
            )
        if embedding_config_spec is not None:
            raise ValueError(
                "TPUEstimator(embedding_config_spec=...): no TPU runs here; use tf.feature_column"
                " embeddings, which run on CPU and GPU"
            )
        config = _for_tpu_estimator(config)
        super().__init__(
            model_fn=model_fn,
            model_dir=model_dir,
            config=config,
            params=params,
            use_tpu=False,
            train_batch_size=train_batch_size,
            eval_batch_size=eval_batch_size,
            predict_batch_size=predict_batch_size,
            batch_axis=batch_axis,
            eval_on_tpu=False,
            export_to_tpu=False,
            warm_start_from=warm_start_from,
            export_saved_model_api_version=export_saved_model_api_version,
        )
        self._log_speed(config.log_step_count_steps, train_batch_size)

    def _log_speed(self, every_steps: int | None, train_batch_size: int | None) -> None:
        """Log as often as asked for: off a TPU a session runs one step, not iterations_per_loop."""
        if self._log_every_n_secs is None:
            self._log_every_n_steps = every_steps
        if train_batch_size is None:  # no examples per second to log, so Estimator logs its steps
            self._log_every_n_secs = self._log_every_n_steps = None
            self._config = self._config.replace(log_step_count_steps=every_steps)


def _for_tpu_estimator(config: Any) -> Any:
    """Return a RunConfig of Estimator's as the kind that TPUEstimator takes."""
    if not isinstance(config, tf.estimator.RunConfig) or isinstance(config, tpu_config.RunConfig):
        return config
    made = tpu_config.RunConfig(model_dir=config.model_dir)
    vars(made).update(vars(config))
    return made


class CrossShardOptimizer(tpu_optimizer.CrossShardOptimizer):
    """An optimizer as it is: the sum and the mean over one shard are the same.

    Under a strategy of `tf.distribute` the optimizer reduces over its replicas itself.

    Args:
        opt: a `tf.train.Optimizer`.
        reduction: SUM or MEAN of `tf.losses.Reduction`.
        name: the name of the operations.
        group_assignment: must be None or `[[0]]`.

    Raises:
        ValueError: another reduction or assignment.
        TypeError: the optimizer is one of Keras.
    """

    def __init__(
        self,
        opt: Any,
        reduction: Any = tf.losses.Reduction.MEAN,
        name: str = "CrossShardOptimizer",
        group_assignment: Any = None,
    ) -> None:
        super().__init__(opt, reduction, name, group_assignment)
        self._verify_and_get_subgroup_size(group_assignment, 1)

    def compute_gradients(self, loss: Any, var_list: Any = None, **kwargs: Any) -> Any:
        """Return the wrapped optimizer's gradients."""
        return self._opt.compute_gradients(loss, var_list=var_list, **kwargs)

    def apply_gradients(
        self, grads_and_vars: Any, global_step: Any = None, name: str | None = None
    ) -> Any:
        """Apply gradients with the wrapped optimizer."""
        return self._opt.apply_gradients(grads_and_vars, global_step, name)
