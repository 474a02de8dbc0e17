"""Starts `python -m MODULE ...` again and again without importing jax and the like each time.

A server that has imported what the commands import forks one child a command, and the child goes on
as the command, to the exit of an ordinary interpreter. Of the variables that jax reads when it is
imported, JAX_*, those that differ from the server's are handed to jax.config.
"""

import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORTED = (
    "absl.app",
    "flax.nnx",
    "grain.experimental",
    "jax.experimental.multihost_utils",
    "ml_collections.config_flags",
    "optax",
    "orbax.checkpoint",
    "tensorboardX",
    "tensorflow_datasets",
    "transformers.models.auto.tokenization_auto",
)


class Launcher:
    """The server's other end, in the tests' process."""

    def __init__(self):
        read, write = os.pipe()
        self._server = subprocess.Popen(
            [sys.executable, "-c", f"from tests.launcher import serve; serve({write})"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            text=True,
            pass_fds=[write],
        )
        os.close(write)
        self._replies = os.fdopen(read)

    def run(
        self, arguments: list[str], cwd: Path, env: dict[str, str]
    ) -> subprocess.CompletedProcess:
        """A command with exactly this environment, waited for."""
        return self.start(arguments, cwd, env).wait()

    def start(self, arguments: list[str], cwd: Path, env: dict[str, str]) -> "Started":
        """The same, not waited for."""
        files = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        streams = [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in files]
        order = {"arguments": arguments, "cwd": str(cwd), "env": env, "streams": streams}
        return Started(self, self.ask(order), arguments, files)

    def ask(self, order: dict) -> int | None:
        print(json.dumps(order), file=self._server.stdin, flush=True)
        return json.loads(self._replies.readline())

    def close(self):
        self._server.stdin.close()
        self._server.wait()


class Started:
    """A command that runs, or has ended."""

    def __init__(self, launcher: Launcher, pid: int, arguments: list[str], files):
        self._launcher, self.pid = launcher, pid
        self._arguments, self._files = arguments, files
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._look(wait=False)

    def wait(self) -> subprocess.CompletedProcess:
        code = self._look(wait=True)
        told = [file.seek(0) or file.read().decode() for file in self._files]
        return subprocess.CompletedProcess(self._arguments, code, *told)

    def _look(self, wait: bool) -> int | None:
        if self._code is None:
            self._code = self._launcher.ask({"pid": self.pid, "wait": wait})
        return self._code


def serve(replies: int):
    """Starts the commands that are asked for on standard input, and tells their ids or how they
    ended; in each child, returns from it."""
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()  # a child's collections, at its exit too, pass over all of this
    while line := sys.stdin.readline():
        order = json.loads(line)
        if "pid" in order:
            ended, status = os.waitpid(order["pid"], 0 if order["wait"] else os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        else:
            answer = os.fork()
            if not answer:
                os.close(replies)
                _become(**order)
        os.write(replies, f"{json.dumps(answer)}\n".encode())


def _become(arguments: list[str], cwd: str, env: dict[str, str], streams: list[str]):
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, stream in enumerate(streams, start=1):
        os.dup2(os.open(stream, os.O_WRONLY), number)
    os.chdir(cwd)
    for name in env:
        if name.startswith("JAX_") and env[name] != os.environ.get(name):
            sys.modules["jax"].config.update(name.lower(), env[name])
    os.environ.clear()
    os.environ.update(env)
    sys.argv, sys.path[:1] = arguments, [cwd, *env.get("PYTHONPATH", "").split(os.pathsep)]
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    sys.exit()
