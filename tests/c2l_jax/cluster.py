"""Several real processes on this machine as one cluster: each runs a module of the package.

python -m tests.c2l_jax.cluster ADDRESS PROCESSES PROCESS MODULE ARGUMENT...
"""

import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path


def start(arguments: list[str], processes: int = 2) -> list[subprocess.Popen]:
    """Starts `python -m MODULE ARGUMENT...` in so many processes of one device each."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    return [
        subprocess.Popen(
            [sys.executable, "-m", __spec__.name, address, str(processes), str(i), *arguments],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "JAX_PLATFORMS": "cpu"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(processes)
    ]


if __name__ == "__main__":
    import jax

    address, processes, process, module, *arguments = sys.argv[1:]
    jax.distributed.initialize(address, int(processes), int(process))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
