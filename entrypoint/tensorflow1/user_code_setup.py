"""Set TensorFlow and the imports of user code up for the API that the code is written for."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from pathlib import Path

from entrypoint.estimator import behave_like_tensorflow1
from entrypoint.settings import TensorFlowApi
from entrypoint.tensorflow1.api_choice import ApiChoice, choose_api
from entrypoint.tensorflow1.old_behaviour import (
    restore_keras_methods,
    take_whole_floats_for_dimensions,
)
from entrypoint.tensorflow1.source_files import files_of
from entrypoint.tensorflow1.user_import import UserImport
from entrypoint.tensorflow1.user_modules import load_user_modules
from entrypoint.user_source import UserSource

logger = logging.getLogger(__name__)


def set_up_user_code(
    source: UserSource, site_dirs: Sequence[Path] = (), wanted_api: TensorFlowApi | None = None
) -> TensorFlowApi:
    """Give user code the API it is written for, and this process the behaviour that goes with it.

    Call it once, after `revive` and before any graph is built.

    Args:
        source: the user's module.
        site_dirs: where the user's requirements are installed. Packages in them that are written
            for TensorFlow 1 see its API too; the others see the real TensorFlow.
        wanted_api: the API to use whatever the code says.

    Returns:
        The API: "1" goes with graph mode, v1 control flow, variables and shapes; "2" leaves
        TensorFlow as it is.
    """
    if wanted_api is None:
        files = files_of(source.module, source.code_dir)
        choice = choose_api(files, source.code_dir, default="1")
    else:
        choice = ApiChoice(api=wanted_api, reason="MODELMAKER_TF_API says so")
    other = "2" if choice.api == "1" else "1"
    change = "" if wanted_api else f"; MODELMAKER_TF_API={other} would choose the other"
    logger.info(
        "user code sees TensorFlow %s's API: %s%s",
        choice.api,
        choice.reason,
        change,
        extra={"event": "tensorflow_api", "api": choice.api},
    )
    if choice.api == "1":
        behave_like_tensorflow1()
        take_whole_floats_for_dimensions()
    restore_keras_methods()
    _load_with_api(choice.api, source.code_dir, site_dirs)
    return choice.api


def _load_with_api(api: TensorFlowApi, code_dir: Path, site_dirs: Sequence[Path]) -> None:
    user_import = functools.cache(UserImport)

    @functools.cache
    def is_written_for_tensorflow1(package: Path) -> bool:
        files = [package] if package.is_file() else sorted(package.rglob("*.py"))
        return choose_api(files, package.parent, default="2").api == "1"

    def choose(file: Path) -> UserImport | None:
        if file.is_relative_to(code_dir):
            return user_import(api)
        for site_dir in site_dirs:
            if file.is_relative_to(site_dir):
                package = site_dir / file.relative_to(site_dir).parts[0]
                return user_import("1") if is_written_for_tensorflow1(package) else None
        return None

    load_user_modules(choose)
