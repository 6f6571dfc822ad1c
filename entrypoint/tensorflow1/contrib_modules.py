"""The modules that `tf.contrib` was made of, below each package's `python` directory.

User code imports from them although their names are in the packages as well:
`from tensorflow.contrib.layers.python.layers import initializers`.
"""

from __future__ import annotations

MODULES = {
    "checkpoint": "containers python_state split_dependency visualize",
    "cluster_resolver": (
        "cluster_resolver gce_cluster_resolver kubernetes_cluster_resolver"
        " slurm_cluster_resolver tfconfig_cluster_resolver tpu_cluster_resolver"
        " training"
    ),
    "crf": "crf ops",
    "cudnn_rnn": "cudnn_rnn cudnn_rnn_ops layers ops",
    "data": (
        "batching counter enumerate_ops error_ops get_single_element grouping"
        " interleave_ops iterator_ops ops parsing_ops prefetching_ops random_ops"
        " readers resampling scan_ops shuffle_ops sliding threadpool unique writers"
    ),
    "distribute": (
        "collective_all_reduce_strategy mirrored_strategy monitor one_device_strategy"
        " parameter_server_strategy tpu_strategy"
    ),
    "eager": "datasets metrics metrics_impl network parameter_server saver tfe",
    "estimator": (
        "boosted_trees dnn_with_layer_annotations early_stopping estimator export"
        " exporter extenders head hooks logit_fns multi_head replicate_model_fn rnn"
        " saved_model_estimator"
    ),
    "feature_column": "feature_column sequence_feature_column",
    "framework": (
        "arg_scope audio_ops checkpoint_ops checkpoint_utils experimental framework"
        " gen_variable_ops graph_util ops prettyprint_ops script_ops sort_ops"
        " tensor_util variables"
    ),
    "hooks": "profiler_hook training",
    "image": (
        "dense_image_warp distort_image_ops image_ops interpolate_spline ops"
        " single_image_random_dot_stereograms sparse_image_warp"
    ),
    "integrate": "odes ops",
    "layers": (
        "bucketization_op embedding_ops encoders feature_column feature_column_ops"
        " initializers layers normalization ops optimizers regularizers rev_block_lib"
        " sparse_feature_cross_op sparse_ops summaries target_column utils"
    ),
    "learn": (
        "base basic_session_run_hooks categorical categorical_vocabulary"
        " composable_model constants dask_io data data_feeder datasets debug dnn"
        " dnn_linear_combined dynamic_rnn_estimator embeddings_ops estimator"
        " estimator_test_utils estimators evaluable experiment export export_strategy"
        " gc generator_io graph_actions graph_io head input_fn_utils"
        " inspect_checkpoint kmeans learn learn_io learn_runner learn_runner_lib"
        " linear logistic_regressor losses_ops metric_key metric_spec mnist model_fn"
        " models monitored_session monitors numpy_io ops pandas_io prediction_key"
        " preprocessing produce_small_datasets rnn_common run_config"
        " saved_model_export_utils seq2seq_ops session_run_hook"
        " state_saving_rnn_estimator summary_writer_cache svm synthetic"
        " tensor_signature test_data tests text text_datasets trainable utils"
    ),
    "legacy_seq2seq": "ops seq2seq",
    "losses": "loss_ops losses metric_learning metric_loss_ops",
    "metrics": ("classification confusion_matrix_ops histogram_ops metric_ops metrics ops set_ops"),
    "nn": "alpha_dropout cross_entropy fwd_gradients ops sampling_ops scaled_softplus",
    "opt": (
        "adam_gs_optimizer adamax addsign agn_optimizer drop_stale_gradient_optimizer"
        " elastic_average_optimizer external_optimizer ggt lars_optimizer"
        " lazy_adam_gs_optimizer lazy_adam_optimizer matrix_functions"
        " model_average_optimizer moving_average_optimizer multitask_optimizer_wrapper"
        " nadam_optimizer powersign reg_adagrad_optimizer shampoo sign_decay training"
        " variable_clipping_optimizer weight_decay_optimizers"
    ),
    "rnn": ("checkpoint_convert core_rnn_cell fused_rnn_cell gru_ops lstm_ops ops rnn rnn_cell"),
    "saved_model": "keras_saved_model reader saved_model",
    "seq2seq": (
        "attention_wrapper basic_decoder beam_search_decoder beam_search_ops decoder"
        " helper loss ops sampler"
    ),
    "slim": (
        "alexnet data data_decoder data_provider dataset dataset_data_provider"
        " evaluation inception inception_v1 inception_v2 inception_v3 learning"
        " model_analyzer nets overfeat parallel_reader prefetch_queue queues"
        " resnet_utils resnet_v1 resnet_v2 slim summaries tfexample_decoder vgg"
    ),
    "sparsemax": "ops sparsemax sparsemax_loss",
    "tpu": (
        "async_checkpoint bfloat16 datasets device_assignment error_handling"
        " feature_column functional keras_support keras_tpu_variables ops profiler"
        " session_support tensor_tracer topology tpu tpu_config tpu_context"
        " tpu_embedding tpu_embedding_gradient tpu_estimator tpu_feed tpu_function"
        " tpu_ops tpu_optimizer tpu_sharding tpu_system_metadata training_loop util"
    ),
    "training": (
        "bucket_ops device_setter evaluation feeding_queue_runner hparam hparam_pb2"
        " resample sampling_ops sequence_queueing_state_saver training tuner"
    ),
}

# Those directly below a package.
BESIDE = {
    "lookup": "lookup_ops",
    "predictor": (
        "contrib_estimator_predictor core_estimator_predictor predictor predictor_factories"
        " saved_model_predictor"
    ),
    "summary": "summary",
}
