"""Minimize a loss with an optimizer outside the graph, such as SciPy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

_v1 = tf.compat.v1


class ExternalOptimizerInterface:
    """The base of optimizers outside the graph, which see the variables as one flat vector.

    Args:
        loss: a scalar to minimize.
        var_list: what to change; all trainable variables if not given.
        equalities: scalars to hold at zero.
        inequalities: scalars to hold at zero or above.
        var_to_bounds: for a variable, a pair of bounds that broadcast to its shape.
        **optimizer_kwargs: for the subclass's `_minimize`.
    """

    def __init__(
        self,
        loss: Any,
        var_list: Any = None,
        equalities: list[Any] | None = None,
        inequalities: list[Any] | None = None,
        var_to_bounds: dict[Any, Any] | None = None,
        **optimizer_kwargs: Any,
    ) -> None:
        self._loss = loss
        self._vars = _v1.trainable_variables() if var_list is None else list(var_list)
        self._equalities = equalities or []
        self._inequalities = inequalities or []
        self.optimizer_kwargs = optimizer_kwargs
        self._shapes = [tuple(var.shape.as_list()) for var in self._vars]
        self._packed_bounds = None if var_to_bounds is None else self._pack_bounds(var_to_bounds)
        self._inputs = [_v1.placeholder(var.dtype.base_dtype) for var in self._vars]
        self._assignments = [
            _v1.assign(var, tf.reshape(value, shape))
            for var, value, shape in zip(self._vars, self._inputs, self._shapes, strict=True)
        ]
        self._packed_var = _pack(self._vars)
        self._packed_loss_grad = self._packed_gradient(loss)
        self._packed_equality_grads = [self._packed_gradient(one) for one in self._equalities]
        self._packed_inequality_grads = [self._packed_gradient(one) for one in self._inequalities]

    def _pack_bounds(self, bounds: dict[Any, Any]) -> list[tuple[float, float]]:
        packed: list[tuple[float, float]] = []
        for var, shape in zip(self._vars, self._shapes, strict=True):
            of_var = next((pair for key, pair in bounds.items() if key is var), (-np.inf, np.inf))
            low, high = (np.broadcast_to(bound, shape).ravel() for bound in of_var)
            packed.extend(zip(low, high, strict=True))
        return packed

    def _packed_gradient(self, scalar: Any) -> Any:
        gradients = _v1.gradients(scalar, self._vars)
        return _pack(
            [
                tf.zeros_like(var) if gradient is None else gradient
                for var, gradient in zip(self._vars, gradients, strict=True)
            ]
        )

    def minimize(
        self,
        session: Any = None,
        feed_dict: dict[Any, Any] | None = None,
        fetches: list[Any] | None = None,
        step_callback: Callable[..., Any] | None = None,
        loss_callback: Callable[..., Any] | None = None,
        **run_kwargs: Any,
    ) -> None:
        """Minimize the loss, and leave the variables at the minimum.

        Args:
            session: the default session if not given.
            feed_dict: for every evaluation.
            fetches: what `loss_callback` is called with after every evaluation of the loss.
            step_callback: called with the flat variables after every iteration.
            loss_callback: see `fetches`.
            **run_kwargs: for the `session.run` that sets the variables at the end.
        """
        session = session or _v1.get_default_session()

        def evaluate(tensors: list[Any], callback: Any = None) -> Callable[[Any], list[Any]]:
            return self._evaluation(session, tensors, feed_dict or {}, fetches or [], callback)

        found = self._minimize(
            initial_val=np.asarray(session.run(self._packed_var), np.float64),
            loss_grad_func=evaluate([self._loss, self._packed_loss_grad], loss_callback),
            equality_funcs=[evaluate([one]) for one in self._equalities],
            equality_grad_funcs=[evaluate([one]) for one in self._packed_equality_grads],
            inequality_funcs=[evaluate([one]) for one in self._inequalities],
            inequality_grad_funcs=[evaluate([one]) for one in self._packed_inequality_grads],
            packed_bounds=self._packed_bounds,
            step_callback=step_callback or (lambda *_: None),
            optimizer_kwargs=self.optimizer_kwargs,
        )
        session.run(self._assignments, self._unpacked(found), **run_kwargs)

    def _unpacked(self, flat: Any) -> dict[Any, Any]:
        ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes])
        return dict(zip(self._inputs, np.split(np.asarray(flat), ends[:-1]), strict=True))

    def _evaluation(
        self, session: Any, tensors: list[Any], feed: dict[Any, Any], fetches: Any, callback: Any
    ) -> Callable[[Any], list[Any]]:
        def evaluate(flat: Any) -> list[Any]:
            session.run(self._assignments, self._unpacked(flat))
            values = session.run([*tensors, *fetches], feed)
            if callback is not None:
                callback(*values[len(tensors) :])
            # SciPy computes in double precision, and some of its methods take nothing else.
            return [np.asarray(value, np.float64) for value in values[: len(tensors)]]

        return evaluate

    def _minimize(self, **given: Any) -> Any:
        """Return the flat variables at the minimum; see `ScipyOptimizerInterface`."""
        raise TypeError(f"{type(self).__name__} must implement _minimize()")


def _pack(tensors: list[Any]) -> Any:
    return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0)


class ScipyOptimizerInterface(ExternalOptimizerInterface):
    """Minimizes with `scipy.optimize.minimize`, to which `optimizer_kwargs` go.

    The method is L-BFGS-B if not given; constraints need one that takes them, as SLSQP.
    """

    _DEFAULT_METHOD = "L-BFGS-B"

    def _minimize(self, **given: Any) -> Any:
        import scipy.optimize

        def loss_and_gradient(flat: Any) -> tuple[float, Any]:
            loss, gradient = given["loss_grad_func"](flat)
            return float(loss), gradient

        ours = {
            "jac": True,
            "callback": given["step_callback"],
            "constraints": [
                {"type": kind, "fun": function, "jac": gradient}
                for kind, name in (("eq", "equality"), ("ineq", "inequality"))
                for function, gradient in zip(
                    given[f"{name}_funcs"], given[f"{name}_grad_funcs"], strict=True
                )
            ],
            "bounds": given["packed_bounds"],
        }
        options = given["optimizer_kwargs"]
        if "bounds" in options:
            raise ValueError("Bounds must be set using the var_to_bounds argument")
        for name in ours:
            if name in options:
                raise ValueError(
                    f"Optimizer keyword arg '{name}' is set automatically and cannot be injected "
                    "manually"
                )
        options = {"method": self._DEFAULT_METHOD, **options}
        result = scipy.optimize.minimize(loss_and_gradient, given["initial_val"], **ours, **options)
        _v1.logging.info(
            "Optimization terminated with:\n  Message: %s\n  Objective function value: %f",
            result.message,
            result.fun,
        )
        return result.x
