"""`tf.contrib.seq2seq`: decoders, attention and beam search for recurrent sequence models.

TensorFlow removed all of it in 2.0; this is a small implementation on the operators that remain.
The modules below have the names and hold the private names that TensorFlow 1.15's modules had
where user code is known to subclass or import them.
"""

from __future__ import annotations

from entrypoint.tensorflow1.contrib.missing import explain_missing
from entrypoint.tensorflow1.contrib.seq2seq.attention import (
    AttentionMechanism,
    BahdanauAttention,
    LuongAttention,
    hardmax,
)
from entrypoint.tensorflow1.contrib.seq2seq.attention_wrapper import (
    AttentionWrapper,
    AttentionWrapperState,
)
from entrypoint.tensorflow1.contrib.seq2seq.basic_decoder import BasicDecoder, BasicDecoderOutput
from entrypoint.tensorflow1.contrib.seq2seq.beam_search_decoder import (
    BeamSearchDecoder,
    FinalBeamSearchDecoderOutput,
    tile_batch,
)
from entrypoint.tensorflow1.contrib.seq2seq.beam_search_ops import gather_tree
from entrypoint.tensorflow1.contrib.seq2seq.beam_search_step import (
    BeamSearchDecoderOutput,
    BeamSearchDecoderState,
)
from entrypoint.tensorflow1.contrib.seq2seq.decoder import Decoder, dynamic_decode
from entrypoint.tensorflow1.contrib.seq2seq.helper import CustomHelper, Helper, TrainingHelper
from entrypoint.tensorflow1.contrib.seq2seq.inference_helper import (
    GreedyEmbeddingHelper,
    InferenceHelper,
    SampleEmbeddingHelper,
)
from entrypoint.tensorflow1.contrib.seq2seq.loss import sequence_loss
from entrypoint.tensorflow1.contrib.seq2seq.monotonic import (
    BahdanauMonotonicAttention,
    LuongMonotonicAttention,
    monotonic_attention,
    safe_cumprod,
)
from entrypoint.tensorflow1.contrib.seq2seq.scheduled_sampling import (
    ScheduledEmbeddingTrainingHelper,
    ScheduledOutputTrainingHelper,
)

__all__ = [
    "AttentionMechanism",
    "AttentionWrapper",
    "AttentionWrapperState",
    "BahdanauAttention",
    "BahdanauMonotonicAttention",
    "BasicDecoder",
    "BasicDecoderOutput",
    "BeamSearchDecoder",
    "BeamSearchDecoderOutput",
    "BeamSearchDecoderState",
    "CustomHelper",
    "Decoder",
    "FinalBeamSearchDecoderOutput",
    "GreedyEmbeddingHelper",
    "Helper",
    "InferenceHelper",
    "LuongAttention",
    "LuongMonotonicAttention",
    "SampleEmbeddingHelper",
    "ScheduledEmbeddingTrainingHelper",
    "ScheduledOutputTrainingHelper",
    "TrainingHelper",
    "dynamic_decode",
    "gather_tree",
    "hardmax",
    "monotonic_attention",
    "safe_cumprod",
    "sequence_loss",
    "tile_batch",
]
NOT_SUPPLIED: dict[str, str] = {}
__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
