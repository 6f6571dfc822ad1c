from __future__ import annotations

import signal

import pytest

from entrypoint.errors import StoppedError
from entrypoint.signals import STOP_SIGNALS, StopRequest, record_stop_signals


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_stop_signal_is_recorded_and_kills_nobody(number: signal.Signals) -> None:
    with record_stop_signals() as stop:
        signal.raise_signal(number)
        assert (stop.signal_number, stop.signal_name) == (number, number.name)


def test_the_first_signal_counts() -> None:
    with record_stop_signals() as stop:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            signal.raise_signal(number)
        assert stop.signal_name == "SIGINT"


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_the_old_handlers_come_back_even_after_an_error(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def fail_while_recording() -> None:
        with record_stop_signals():
            assert signal.getsignal(number) is not before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_while_recording()
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_requested_stop_is_raised_where_nothing_is_to_be_saved(number: int, code: int) -> None:
    with pytest.raises(StoppedError) as caught:
        StopRequest(number).raise_if_requested("importing TensorFlow")
    assert caught.value.code == code
    assert caught.value.message == (
        f"stopped by {signal.Signals(number).name} while importing TensorFlow"
    )


def test_without_a_request_nothing_is_raised() -> None:
    StopRequest().raise_if_requested("importing TensorFlow")
    assert StopRequest().signal_name == "no signal"
