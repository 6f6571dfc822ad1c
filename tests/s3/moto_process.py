"""moto's S3 server as a process: python -m tests.s3.moto_process HOST.

Prints the port it listens on, and ends when its standard input does: it cannot outlive whoever
started it.
"""

from __future__ import annotations

import logging
import sys

from moto.server import ThreadedMotoServer


def serve(host: str) -> None:
    """Serve on a free port until standard input ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(host, port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    print(port, flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    serve(sys.argv[1])
