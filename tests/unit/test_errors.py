from __future__ import annotations

import pytest

from entrypoint import errors
from entrypoint.errors import JobError, StoppedError
from entrypoint.membership.peer_failure import PeerFailedError

CODES = {
    errors.UsageError: 2,
    errors.ParametersError: 10,
    errors.DatasetError: 11,
    errors.UserCodeInvalidError: 20,
    errors.UserCodeFailedError: 21,
    errors.ContradictionError: 30,
    errors.ExportError: 40,
    errors.PlatformError: 138,
}


@pytest.mark.parametrize(("kind", "code"), CODES.items())
def test_every_error_has_its_code_and_carries_message_and_hint(
    kind: type[JobError], code: int
) -> None:
    error = kind("what is wrong", hint="how to mend it")
    assert (error.code, error.message, error.hint) == (code, "what is wrong", "how to mend it")
    assert str(error) == "what is wrong"


@pytest.mark.parametrize(("signal_number", "code"), [(15, 143), (2, 130)])
def test_a_stop_has_the_code_of_its_signal(signal_number: int, code: int) -> None:
    assert StoppedError("stopped", hint="go on", signal_number=signal_number).code == code


def test_no_two_errors_share_a_code() -> None:
    kinds = {
        kind for kind in JobError.__subclasses__() if kind not in (PeerFailedError, StoppedError)
    }
    assert {kind.code for kind in kinds} == set(CODES.values())
    assert len(kinds) == len(CODES)


@pytest.mark.parametrize(("kind", "code"), CODES.items())
def test_an_error_of_another_process_is_of_the_class_with_its_code(
    kind: type[JobError], code: int
) -> None:
    error = errors.error_of(code, "what is wrong", "how to mend it")
    assert type(error) is kind
    assert (error.message, error.hint) == ("what is wrong", "how to mend it")
