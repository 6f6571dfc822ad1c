"""What a job's process asks of the storage process of its machine."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from entrypoint.errors import PlatformError, error_of
from entrypoint.signals import StopRequest

# How often a wait looks for a stop request.
_LOOK_SECONDS = 0.2
_READ_BYTES = 64 * 1024


class Storage:
    """The inputs and outputs that are s3:// URIs; with none of them every call does nothing.

    Whatever a call cannot do, it raises as the storage process found it: a typed error that names
    the URI.

    Args:
        channel: the job's end of a socket pair whose other end the storage process has; None where
            everything is mounted.
        stop: a request to stop ends every wait.
    """

    def __init__(self, channel: socket.socket | None, stop: StopRequest) -> None:
        self._channel = channel
        self._stop = stop
        self._rest = b""

    def fetch_parameters(self) -> str | None:
        """Return the text of the parameters' object, None where there is no URI of them.

        Raises:
            ParametersError: the object is not there, or is no text.
            StoppedError: a stop signal has arrived.
            JobError: it cannot be read.
        """
        text: str | None = self._ask("parameters", "fetching the parameters")
        return text

    def fetch_code(self) -> None:
        """Have the user's code in the code directory.

        Raises:
            UserCodeInvalidError: there is none, or it is no archive that may be unpacked.
            StoppedError: a stop signal has arrived.
            JobError: it cannot be read or written.
        """
        self._ask("code", "fetching the code")

    def fetch_dataset(self) -> None:
        """Have the dataset in the dataset directory.

        Raises:
            DatasetError: there is none, or it is no set of files.
            StoppedError: a stop signal has arrived.
            JobError: it cannot be read or written.
        """
        self._ask("dataset", "fetching the dataset")

    def fetch_checkpoint(self, keep: int | None) -> None:
        """Have the newest published checkpoint here, and publish new ones from now on.

        Args:
            keep: how many published checkpoints are kept, None for all.

        Raises:
            StoppedError: a stop signal has arrived.
            JobError: it cannot be read or written.
        """
        self._ask("checkpoint", "fetching the checkpoint", keep=keep)

    def check_outputs(self) -> None:
        """Make sure that what the outputs' URIs name can be written to.

        Raises:
            StoppedError: a stop signal has arrived.
            JobError: it cannot.
        """
        self._ask("outputs", "looking at the storage")

    def publish_checkpoint(self) -> None:
        """Wait until the newest checkpoint is published, whatever was asked to stop.

        Raises:
            JobError: it cannot be.
        """
        self._ask("publish_checkpoint", None)

    def publish_model(self, version_dir: Path) -> str | None:
        """Publish a SavedModel; return its URI, None where there is none.

        Raises:
            StoppedError: a stop signal has arrived.
            JobError: it cannot be; the model stays where it is.
        """
        uri: str | None = self._ask("model", "publishing the model", directory=str(version_dir))
        return uri

    def _ask(self, what: str, during: str | None, **arguments: Any) -> Any:
        """Ask for one thing and wait for the answer.

        Args:
            what: the name of a method of the storage process.
            during: completes "stopped while …"; None lets nothing end the wait.
            arguments: JSON values for the method.
        """
        if self._channel is None:
            return None
        self._channel.settimeout(_LOOK_SECONDS)
        request = json.dumps({"do": what, "with": arguments}).encode() + b"\n"
        try:
            self._channel.sendall(request)
            while b"\n" not in self._rest:
                if during is not None:
                    self._stop.raise_if_requested(during)
                try:
                    data = self._channel.recv(_READ_BYTES)
                except TimeoutError:
                    continue
                if not data:
                    raise ConnectionResetError("it closed the connection")
                self._rest += data
        except OSError as error:
            raise PlatformError(
                "the process that speaks with the storage ended before the job",
                hint="its last lines in the log say why; start the same job again",
            ) from error
        line, _, self._rest = self._rest.partition(b"\n")
        answer = json.loads(line)
        if "error" in answer:
            raise error_of(**answer["error"])
        return answer["value"]
