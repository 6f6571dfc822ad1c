"""`tf.contrib.integrate`: solve ordinary differential equations `dy/dt = func(y, t)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from entrypoint.tensorflow1.contrib.missing import explain_missing

_v1 = tf.compat.v1

__all__ = ["odeint", "odeint_fixed"]

NOT_SUPPLIED: dict[str, str] = {}

__getattr__ = explain_missing(__name__, NOT_SUPPLIED)

Derivative = Callable[[Any, Any], Any]

# Dormand & Prince's method of order 5 with an error of order 4: nodes, the weights of the stages so
# far in each stage (the last are those of the step), the weights of the error, and those of the
# middle of the step (Shampine, "Some Practical Runge-Kutta Formulas").
_NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_STAGES: tuple[tuple[float, ...], ...] = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (
    35 / 384 - 1951 / 21600,
    0,
    500 / 1113 - 22642 / 50085,
    125 / 192 - 451 / 720,
    -2187 / 6784 + 12231 / 42400,
    11 / 84 - 649 / 6300,
    -1 / 60,
)
_MIDDLE = (
    6025192743 / 30085553152 / 2,
    0,
    51252292925 / 65400821598 / 2,
    -2691868925 / 45128329728 / 2,
    187940372067 / 1594534317056 / 2,
    -1776094331 / 19743644256 / 2,
    11237099 / 235043384 / 2,
)


def _combined(factor: Any, weights: tuple[float, ...], values: list[Any]) -> Any:
    return factor * tf.add_n(
        [weight * value for weight, value in zip(weights, values, strict=True) if weight]
    )


def _as_type(value: Any, dtype: Any) -> Any:
    # A cast alone would take a number by way of float32.
    return tf.cast(value, dtype) if tf.is_tensor(value) else tf.convert_to_tensor(value, dtype)


def _checked(y0: Any, t: Any) -> tuple[Any, Any]:
    y0 = tf.convert_to_tensor(y0, name="y0")
    t = tf.convert_to_tensor(t, dtype_hint=tf.float64, name="t")
    if not (y0.dtype.is_floating or y0.dtype.is_complex):
        raise TypeError("`y0` must have a floating point or complex floating point dtype")
    if not t.dtype.is_floating:
        raise TypeError("`t` must have a floating point dtype")
    increasing = tf.debugging.Assert(
        tf.reduce_all(t[1:] > t[:-1]), ["`t` must be monotonic increasing"]
    )
    with tf.control_dependencies([increasing]):
        return y0, tf.identity(t)


def odeint(
    func: Derivative,
    y0: Any,
    t: Any,
    rtol: Any = 1e-6,
    atol: Any = 1e-12,
    method: str | None = None,
    options: dict[str, Any] | None = None,
    full_output: bool = False,
    name: str | None = None,
) -> Any:
    """Integrate with Dormand & Prince's method, with steps as the error allows.

    Args:
        func: from `y` and `t` to `dy/dt`.
        y0: the value at `t[0]`.
        t: increasing times, a vector.
        rtol: the error of a step may be `atol + rtol * abs(y)`.
        atol: see `rtol`.
        method: "dopri5" or None.
        options: `first_step`, `safety`, `ifactor` and `dfactor` (by which a step may grow and
            shrink), and `max_num_steps` between two times.
        full_output: also return how it went.
        name: of the operation.

    Returns:
        Values at all times, `[times, ...]`; with `full_output` also `num_func_evals`,
        `integrate_points` and `error_ratio` of every step tried.

    Raises:
        TypeError: `y0` or `t` are no floating point numbers.
        ValueError: the method is unknown, or there are options without a method.
    """
    if method not in {None, "dopri5"}:
        raise ValueError(f"invalid method: {method!r}")
    if options is not None and method is None:
        raise ValueError("cannot supply `options` without specifying `method`")
    with tf.name_scope(name or "odeint"):
        y0, t = _checked(y0, t)
        error_type = tf.abs(y0).dtype
        tolerances = (_as_type(rtol, error_type), _as_type(atol, error_type))
        solution, points, ratios = _Adaptive(func, t.dtype, *tolerances, **(options or {})).solve(
            y0, t
        )
        solution.set_shape(t.shape.concatenate(y0.shape))
        if not full_output:
            return solution
        evaluations = 6 * tf.size(points) + 1
        return solution, {
            "num_func_evals": evaluations,
            "integrate_points": points,
            "error_ratio": ratios,
        }


class _Adaptive:
    """Dormand & Prince's method. A step is `(y, dy/dt, its beginning, its end, next length)`."""

    def __init__(
        self,
        func: Derivative,
        time_type: Any,
        rtol: Any,
        atol: Any,
        first_step: Any = None,
        safety: Any = 0.9,
        ifactor: Any = 10.0,
        dfactor: Any = 0.2,
        max_num_steps: Any = 1000,
    ) -> None:
        self._func = func
        self._rtol, self._atol = rtol, atol
        self._first_step = _as_type(1.0 if first_step is None else first_step, time_type)
        self._safety = _as_type(safety, time_type)
        self._ifactor = _as_type(ifactor, time_type)
        self._dfactor = _as_type(dfactor, time_type)
        self._max_num_steps = max_num_steps

    def solve(self, y0: Any, t: Any) -> tuple[Any, Any, Any]:
        """Return the solution, the ends of all steps tried, and the ratios of error and bound."""
        count = tf.size(t)
        solution = tf.TensorArray(y0.dtype, size=count).write(0, y0)
        points, ratios = (
            tf.TensorArray(dtype, size=0, dynamic_size=True)
            for dtype in (t.dtype, self._rtol.dtype)
        )
        step = (y0, self._func(y0, t[0]), t[0], t[0], self._first_step, (y0,) * 5)

        def to_next_time(solution: Any, history: Any, step: Any, i: Any) -> tuple[Any, ...]:
            step, history, _ = _v1.while_loop(
                lambda step, *_: t[i] > step[3], self._advance, (step, history, 0)
            )
            _, _, begin, end, _, coefficients = step
            x = tf.cast((t[i] - begin) / (end - begin), y0.dtype)
            value = coefficients[0]
            for coefficient in coefficients[1:]:
                value = value * x + coefficient
            return solution.write(i, value), history, step, i + 1

        solution, (points, ratios), _, _ = _v1.while_loop(
            lambda *state: state[-1] < count, to_next_time, (solution, (points, ratios), step, 1)
        )
        return solution.stack(), points.stack(), ratios.stack()

    def _advance(self, step: Any, history: Any, count: Any) -> tuple[Any, Any, Any]:
        """Try a step; its end and its coefficients only change if the error is small enough."""
        y0, f0, _, t0, dt, coefficients = step
        checks = [
            tf.debugging.Assert(t0 + dt > t0, ["underflow in dt", dt]),
            tf.debugging.Assert(count < self._max_num_steps, ["max_num_steps exceeded"]),
            tf.debugging.Assert(
                tf.reduce_all(tf.math.is_finite(tf.abs(y0))), ["non-finite values in state `y`", y0]
            ),
        ]
        with tf.control_dependencies(checks):
            y1, slopes = self._stages(y0, f0, t0, dt)
        length = tf.cast(dt, y0.dtype)
        bound = self._atol + self._rtol * tf.maximum(tf.abs(y0), tf.abs(y1))
        relative = tf.abs(_combined(length, _ERROR, slopes)) / bound
        ratio = tf.sqrt(tf.reduce_mean(tf.square(relative)))
        fitted = _fit(y0, y1, y0 + _combined(length, _MIDDLE, slopes), f0, slopes[-1], length)
        y, f, end, coefficients = _v1.cond(
            ratio <= 1,
            lambda: (y1, slopes[-1], t0 + dt, fitted),
            lambda: (y0, f0, t0, tuple(coefficients)),
        )
        points, ratios = history
        history = (points.write(points.size(), t0 + dt), ratios.write(ratios.size(), ratio))
        following = (y, f, t0, end, self._next_length(dt, ratio), coefficients)
        return following, history, count + 1

    def _stages(self, y0: Any, f0: Any, t0: Any, dt: Any) -> tuple[Any, list[Any]]:
        slopes, y = [f0], y0
        for node, weights in zip(_NODES, _STAGES, strict=True):
            y = y0 + _combined(tf.cast(dt, y0.dtype), weights, slopes)
            slopes.append(self._func(y, t0 + node * dt))
        return y, slopes

    def _next_length(self, dt: Any, ratio: Any) -> Any:
        shrinkage = tf.pow(tf.cast(ratio, dt.dtype), 1 / 5) / self._safety
        return dt / tf.clip_by_value(shrinkage, 1 / self._ifactor, 1 / self._dfactor)


def _fit(y0: Any, y1: Any, middle: Any, f0: Any, f1: Any, dt: Any) -> tuple[Any, ...]:
    """Return the polynomial of order 4 with these values and slopes, highest power first."""
    return (
        2 * dt * (f1 - f0) - 8 * (y1 + y0) + 16 * middle,
        dt * (5 * f0 - 3 * f1) + 18 * y0 + 14 * y1 - 32 * middle,
        dt * (f1 - 4 * f0) - 11 * y0 - 5 * y1 + 16 * middle,
        dt * f0,
        y0,
    )


def odeint_fixed(
    func: Derivative,
    y0: Any,
    t: Any,
    dt: Any = None,
    method: str = "rk4",
    name: str | None = None,
) -> Any:
    """Integrate with steps of a given length.

    Args:
        func: from `y` and `t` to `dy/dt`.
        y0: the value at `t[0]`.
        t: increasing times, a vector.
        dt: the length of steps between two times, at most; one or one for each pair of neighbours.
            One step from time to time if not given.
        method: "rk4" or "midpoint".
        name: of the operation.

    Raises:
        TypeError: `y0` or `t` are no floating point numbers.
        ValueError: the method is unknown, or there are not as many `dt` as intervals.
    """
    steps = {"rk4": _rk4_step, "midpoint": _midpoint_step}
    if method not in steps:
        raise ValueError(f"method not supported: {method}")
    with tf.name_scope(name or "odeint_fixed"):
        y0, t = _checked(y0, t)
        intervals = t[1:] - t[:-1]
        longest = intervals if dt is None else _as_type(dt, t.dtype)
        if longest.shape.rank and not longest.shape.is_compatible_with(intervals.shape):
            raise ValueError("t and dt have incompatible lengths, must be N and N-1")
        counts = tf.math.ceil(intervals / longest)
        lengths, counts = intervals / counts, tf.cast(counts, tf.int32)

        def across_interval(solution: Any, y: Any, i: Any) -> tuple[Any, Any, Any]:
            length = lengths[i]

            def advance(y: Any, j: Any) -> tuple[Any, Any]:
                now = t[i] + tf.cast(j, t.dtype) * length
                return y + steps[method](func, y, now, length), j + 1

            y, _ = _v1.while_loop(lambda _, j: j < counts[i], advance, (y, 0))
            return solution.write(i + 1, y), y, i + 1

        solution = tf.TensorArray(y0.dtype, size=tf.size(t)).write(0, y0)
        solution, _, _ = _v1.while_loop(
            lambda *state: state[-1] < tf.size(intervals), across_interval, (solution, y0, 0)
        )
        values = solution.stack()
        values.set_shape(t.shape.concatenate(y0.shape))
        return values


def _midpoint_step(func: Derivative, y: Any, t: Any, dt: Any) -> Any:
    length = tf.cast(dt, y.dtype)
    return length * func(y + length / 2 * func(y, t), t + dt / 2)


def _rk4_step(func: Derivative, y: Any, t: Any, dt: Any) -> Any:
    length = tf.cast(dt, y.dtype)
    k1 = func(y, t)
    k2 = func(y + length / 2 * k1, t + dt / 2)
    k3 = func(y + length / 2 * k2, t + dt / 2)
    k4 = func(y + length * k3, t + dt)
    return length / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
