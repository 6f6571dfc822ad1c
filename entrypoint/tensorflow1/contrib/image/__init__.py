"""`tf.contrib.image`: transforms, warps, components and colors of images."""

from __future__ import annotations

from entrypoint.tensorflow1.contrib.image.colors import adjust_hsv_in_yiq, random_hsv_in_yiq
from entrypoint.tensorflow1.contrib.image.matching import bipartite_match, connected_components
from entrypoint.tensorflow1.contrib.image.projective import (
    angles_to_projective_transforms,
    compose_transforms,
    flat_transforms_to_matrices,
    matrices_to_flat_transforms,
    rotate,
    transform,
    translate,
    translations_to_projective_transforms,
)
from entrypoint.tensorflow1.contrib.image.warps import (
    dense_image_warp,
    interpolate_spline,
    sparse_image_warp,
)
from entrypoint.tensorflow1.contrib.missing import explain_missing

__all__ = [
    "adjust_hsv_in_yiq",
    "angles_to_projective_transforms",
    "bipartite_match",
    "compose_transforms",
    "connected_components",
    "dense_image_warp",
    "flat_transforms_to_matrices",
    "interpolate_spline",
    "matrices_to_flat_transforms",
    "random_hsv_in_yiq",
    "rotate",
    "sparse_image_warp",
    "transform",
    "translate",
    "translations_to_projective_transforms",
]

NOT_SUPPLIED = {
    "single_image_random_dot_stereograms": (
        "TensorFlow dropped its operator; draw the stereogram outside the graph"
    ),
}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)
