"""Give the flags that user code defines (`tf.app.flags`, absl) the values of its parameters."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from entrypoint.errors import ParametersError

logger = logging.getLogger(__name__)


def set_user_flags(parameters: Mapping[str, Any], code_dir: Path) -> None:
    """Set every flag that a user's module defines and a parameter of the same name gives.

    What used to be `--learning_rate=0.1` is `"learning_rate": 0.1` in the parameters; code that
    reads it from the flags finds it there. Flags of libraries are left alone.

    Args:
        parameters: as the user's functions get them.
        code_dir: where the user's modules are.

    Raises:
        ParametersError: a flag does not take the value that is given, or a required one has none.
    """
    users = {name for name in flags.FLAGS if _is_users(name, code_dir)}
    if not users:
        return
    problems: list[str] = []
    done: list[str] = []
    for name, value in parameters.items():
        if value is None or name not in users:
            continue
        try:
            flags.FLAGS[name].parse(_as_argument(value))
        except flags.IllegalFlagValueError as error:
            problems.append(str(error))
        else:
            flags.FLAGS[name].using_default_value = False
            done.append(name)
    if not problems:
        try:
            # There are no arguments; absl wants to have seen them before a flag is read.
            flags.FLAGS(sys.argv[:1], known_only=True)
        except flags.Error as error:
            problems.append(str(error))
    if problems:
        raise ParametersError(
            "; ".join(problems), hint="give the parameter of the flag's name a value that it takes"
        )
    if done:
        logger.info(
            "flags set from parameters: %s", ", ".join(done), extra={"event": "flags", "set": done}
        )


def _is_users(flag: str, code_dir: Path) -> bool:
    module = sys.modules.get(flags.FLAGS.find_module_defining_flag(flag) or "")
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).is_relative_to(code_dir)


def _as_argument(value: Any) -> str:
    """Return a value as it would stand behind `--flag=`."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)
