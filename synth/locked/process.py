"""A locked process from outside: started, asked line by line, and ended at the first fault.

What it says is data of an enemy. A reply is one line of JSON of a limited length, in time, to the
request that was made and to no other.
"""

import contextlib
import dataclasses
import json
import os
import secrets
import select
import signal
import subprocess
import tempfile
import time

from records.errors import UserError, printable
from synth.locked.sandbox import Sandbox

DEATHS = 3  # after so many, a process is not started again
START_SECONDS = 60  # Python's own start, on a busy machine
STDERR = 65536  # bytes


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a process may use: bytes of memory, seconds for a reply (and in all, of processor time),
    bytes of a reply, and calls, after which a fresh process goes on."""

    memory: int = 2 << 30
    reply_seconds: float = 30
    seconds: int = 900
    reply: int = 8 << 20
    calls: int = 1000


class Failed(UserError):
    """Foreign code has not answered as it must; the words are fit to be printed."""


class Process:
    """A game or an oracle (kind) of that name in its own locked process."""

    def __init__(self, sandbox: Sandbox, kind: str, name: str, limits: Limits):
        self._sandbox, self._kind, self._name, self._limits = sandbox, kind, name, limits
        self._running = self._last_words = None
        self._calls = self._deaths = 0
        self._read = b""

    def ask(self, call: str, **arguments):
        """The value of one reply, as JSON gives it. Raises Failed where there is none."""
        if self._deaths >= DEATHS:
            raise Failed(f"{self._of()} is not asked any more after {DEATHS} faults.")
        try:
            if self._running and self._calls == self._limits.calls:
                self.close()
            if not self._running:
                self._start()
            self._calls += 1
            reply = self._exchange(call, arguments)
        except UserError:
            self._deaths += 1
            self.close()
            raise
        if "error" in reply:
            raise Failed(f"{self._of()}: {printable(str(reply['error']))}")
        return reply["value"]

    def _of(self) -> str:
        return f"the {self._kind} {self._name}"

    def _start(self) -> None:
        limits = self._limits
        config = {"kind": self._kind, "name": self._name, "memory": limits.memory}
        config |= {"seconds": limits.seconds, "told": STDERR}
        self._last_words = tempfile.TemporaryFile()
        self._running = subprocess.Popen(
            self._sandbox.command(self._kind, self._name, config),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._last_words,
            env=self._sandbox.environment(),
            cwd="/",
            start_new_session=True,
        )
        os.set_blocking(self._running.stdin.fileno(), False)
        os.set_blocking(self._running.stdout.fileno(), False)
        self._calls, self._read = 0, b""
        first = self._line(time.monotonic() + START_SECONDS)
        if first.get("locked") is not True:
            raise UserError(
                f"this machine can't lock games in ({printable(str(first.get('error')))}): use one "
                "with Linux 6.2 or later on x86_64 or aarch64, or --sandbox container:IMAGE."
            )

    def _exchange(self, call: str, arguments: dict) -> dict:
        deadline = time.monotonic() + self._limits.reply_seconds
        name = secrets.token_hex(16)
        request = json.dumps({"id": name, "call": call, "arguments": arguments})
        self._silent()
        self._send(request.encode() + b"\n", deadline)
        reply = self._line(deadline)
        if reply.get("id") != name or reply.keys() not in ({"id", "value"}, {"id", "error"}):
            raise Failed(f"{self._of()} sent a reply to another question than {call}.")
        self._silent()
        return reply

    def _silent(self) -> None:
        if self._read or (_ready(self._running.stdout, select.POLLIN, 0) and self._more()):
            raise Failed(f"{self._of()} speaks without being asked.")

    def _send(self, data: bytes, deadline: float) -> None:
        to = self._running.stdin
        with contextlib.suppress(BrokenPipeError):  # its end is told where the reply is read
            while data:
                if not _ready(to, select.POLLOUT, deadline - time.monotonic()):
                    raise Failed(f"{self._of()} has not read a question in time.")
                data = data[os.write(to.fileno(), data) :]

    def _line(self, deadline: float) -> dict:
        """The next line, which must be a JSON object."""
        while b"\n" not in self._read:
            if not _ready(self._running.stdout, select.POLLIN, deadline - time.monotonic()):
                raise Failed(f"{self._of()} has not answered in time.")
            if not self._more():
                raise Failed(f"{self._of()} {self._end()}.")
            if len(self._read) > self._limits.reply:
                raise Failed(f"{self._of()} said more than {self._limits.reply} bytes.")
        line, _, self._read = self._read.partition(b"\n")
        try:
            reply = json.loads(line, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise Failed(f"{self._of()} sent what is no JSON ({printable(str(error))}).") from None
        if not isinstance(reply, dict):
            raise Failed(f"{self._of()} sent no JSON object.")
        return reply

    def _more(self) -> bytes:
        some = os.read(self._running.stdout.fileno(), 1 << 20)
        self._read += some
        return some

    def _end(self) -> str:
        """How the process ended, which has closed its pipe."""
        try:
            code = self._running.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        self._last_words.seek(0)
        words = printable(self._last_words.read()[-300:].decode(errors="replace"))
        how = f"with code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        return f"ended {how}{': ' if words else ''}{words}"

    def alive(self) -> bool:
        """Whether it runs and has kept to the protocol so far."""
        return self._running is not None and self._running.poll() is None

    def close(self) -> None:
        """Ends the process with all that belongs to it."""
        if self._running is None:
            return
        running, self._running = self._running, None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        self._sandbox.ended(running)
        running.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            running.stdin.close()
        self._last_words.close()


def _ready(file, event: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(file, event)
    return bool(poll.poll(1000 * max(0, seconds)))


def _no_number(name: str):
    raise ValueError(f"{name} is no number")
