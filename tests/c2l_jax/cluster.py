"""Several real processes on this machine as one cluster, of one device each."""

import os
import socket

from tests.conftest import QUICKLY, ROOT, launcher
from tests.launcher import Started


def free_port() -> int:
    """One whose successor is free, too."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("localhost", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def start(arguments: list[str], processes: int, **env: str) -> list[Started]:
    """`python -m ARGUMENTS` in so many processes."""
    address = f"localhost:{free_port()}"
    return [
        launcher().start(
            [*arguments, f"--coordinator={address}", f"--processes={processes}", f"--process={i}"],
            ROOT,
            {**os.environ, "XLA_FLAGS": QUICKLY, **env},
        )
        for i in range(processes)
    ]
