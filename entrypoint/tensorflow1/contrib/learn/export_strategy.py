"""How an Experiment exports."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["ExportStrategy"]


class ExportStrategy(NamedTuple):
    """A kind of export.

    Attributes:
        name: the directory, under that of all exports, in which these are.
        export_fn: of (estimator, export_path) and, if it takes them, checkpoint_path,
            eval_result and strip_default_attrs; returns the directory of the export.
        strip_default_attrs: leave default attributes out of the graph.
    """

    name: str
    export_fn: Callable[..., Any]
    strip_default_attrs: bool | None = None

    def export(
        self,
        estimator: Any,
        export_path: Any,
        checkpoint_path: Any = None,
        eval_result: Any = None,
    ) -> Any:
        """Export an Estimator.

        Raises:
            ValueError: `export_fn` takes an evaluation but not the checkpoint it is of.
        """
        takes = inspect.signature(self.export_fn).parameters
        if "eval_result" in takes and "checkpoint_path" not in takes:
            raise ValueError("An export_fn accepting eval_result must also accept checkpoint_path.")
        given = {
            "checkpoint_path": checkpoint_path,
            "eval_result": eval_result,
            "strip_default_attrs": self.strip_default_attrs,
        }
        arguments = {name: value for name, value in given.items() if name in takes}
        return self.export_fn(estimator, export_path, **arguments)
