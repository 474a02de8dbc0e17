"""Keeps a command running on one machine: starts it again after it failed, and keeps its log.

  python -m tpu.supervise run FOLDER [--logs BUCKET] -- c2l_jax.train --config ... --workdir ...
  python -m tpu.supervise start | follow | stop FOLDER

`run` runs `python -m COMMAND` in the foreground, `start` does so in the background. FOLDER holds
the log, the state and the lock that lets one supervisor run in it; the log is copied to BUCKET
each minute. A command that ends well, or with a mistake of the user (exit code 2), is not started
again, nor one that failed quickly a few times in a row. `follow` prints the log until the command
is done and exits as `run` does: 0 finished or stopped, 2 a mistake of the user, 3 given up,
75 interrupted: the machine goes or went down, so start it again. (1 is left to whoever connects.)
"""

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from records.errors import UserError, exit_on_user_error
from records.paths import anywhere, replace_text

EXIT = {"finished": 0, "stopped": 0, "gave up": 3, "refused": 2, "interrupted": 75}
UPLOAD_EVERY = 60.0  # seconds
LONGEST_PAUSE = 300.0  # seconds


class Lock:
    """A file that one process at a time holds, until it ends in whatever way; tells which."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._file = open(folder / "lock", "a+")

    def take(self) -> bool:
        for _ in range(5):  # one who only asks for the holder has it for an instant
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._file.truncate(0)
                self._file.write(str(os.getpid()))
                self._file.flush()
                return True
            time.sleep(0.05)
        return False

    def holder(self) -> int | None:
        """The process that holds it; None where none does."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            return int(self._file.read() or 0) or None
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return None


class Supervisor:
    """Runs the command until it is done; SIGTERM (the machine) and SIGINT (the user) end it."""

    def __init__(self, options: argparse.Namespace):
        self._options, self._folder = options, options.folder
        self._log = open(options.folder / "log", "ab", buffering=0)
        self._asked: str | None = None
        self._leave = threading.Event()
        self._child: subprocess.Popen | None = None
        self._uploaded = 0
        signal.signal(signal.SIGTERM, lambda *_: self._ask("interrupted"))
        signal.signal(signal.SIGINT, lambda *_: self._ask("stopped"))

    def _ask(self, outcome: str):
        self._asked = outcome
        self._leave.set()
        if self._child:
            self._child.terminate()  # training saves a checkpoint and leaves

    def run(self) -> str:
        """The outcome, a key of EXIT."""
        quick = 0
        while True:
            began = time.monotonic()
            code = self._attempt()
            if outcome := self._outcome(code):
                return self._tell(outcome, code)
            quick = quick + 1 if time.monotonic() - began < self._options.quick else 0
            if quick == self._options.tries:
                return self._tell("gave up", code)
            pause = min(self._options.pause * 2 ** max(quick - 1, 0), LONGEST_PAUSE)
            self._tell("waiting", code, f"; again in {pause:g} s")
            self._leave.wait(pause)
            if self._asked:
                return self._tell(self._asked, code)

    def _attempt(self) -> int:
        self._tell("running", None)
        self._child = subprocess.Popen(
            [sys.executable, "-u", "-m", *self._options.command],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            process_group=0,  # so that Ctrl-C only reaches the supervisor, which asks it to leave
        )
        if self._asked:  # between the last look and the start
            self._child.terminate()
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._child.wait(UPLOAD_EVERY)
            self._upload()

    def _outcome(self, code: int) -> str | None:
        if self._asked:
            return self._asked
        if code == 2:
            return "refused"
        if code:
            return None
        try:
            return None if is_unfinished(self._options.command) else "finished"
        except Exception as error:  # it ended well; that alone counts where nothing else is known
            self._log.write(f"how far the run came can't be read: {error}\n".encode())
            return "finished"

    def _tell(self, state: str, code: int | None, more: str = "") -> str:
        told = "" if code is None else f", exit code {code}"
        line = f"[{time.strftime('%F %T')}] {socket.gethostname()}: {state}{told}{more}\n"
        self._log.write(line.encode())
        replace_text(self._folder / "state.json", json.dumps({"state": state, "code": code}))
        self._upload()
        return state

    def _upload(self):
        """Whole, since objects in a bucket can't grow."""
        log = self._folder / "log"
        if not self._options.logs or log.stat().st_size == self._uploaded:
            return
        size = log.stat().st_size
        try:
            target = anywhere(self._options.logs) / f"{socket.gethostname()}.log"
            target.parent.mkdir(parents=True, exist_ok=True)
            with log.open("rb") as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            self._uploaded = size
        except Exception as error:  # a bucket out of reach for a while must not end a run
            self._log.write(f"the log was not copied to {self._options.logs}: {error}\n".encode())


def is_unfinished(command: list[str]) -> bool:
    """Whether a run of training left before its last step, as it does when any host goes down.

    Only a command with a --workdir that has a number of steps can be unfinished.
    """
    flag = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    flag.add_argument("--workdir", type=anywhere)
    workdir = flag.parse_known_args(command)[0].workdir
    if workdir is None or not (workdir / "config.json").exists():
        return False
    steps = json.loads((workdir / "config.json").read_text()).get("steps", 0)
    summary = workdir / "summary.json"
    return not summary.exists() or json.loads(summary.read_text()).get("steps", 0) < steps


def run(options: argparse.Namespace) -> int:
    lock = Lock(options.folder)
    if not lock.take():
        raise UserError(f"process {lock.holder()} runs in {options.folder} already: stop it first.")
    return EXIT[Supervisor(options).run()]


def start(options: argparse.Namespace) -> int:
    """Leaves once the supervisor holds its lock, so that what follows finds it."""
    lock = Lock(options.folder)
    if pid := lock.holder():
        print(f"process {pid} runs in {options.folder} already: stop it to start another job")
        return 0
    (options.folder / "state.json").unlink(missing_ok=True)
    words = [*sys.argv[1:]]
    words[words.index("start")] = "run"
    with open(options.folder / "log", "ab") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # outlives the connection that started it
        )
    while not (options.folder / "state.json").exists():
        if supervisor.poll() is not None:
            raise UserError(f"the supervisor did not start: see {options.folder / 'log'}.")
        time.sleep(0.02)
    print(f"process {supervisor.pid} runs in {options.folder}")
    return 0


def follow(options: argparse.Namespace) -> int:
    lock, log = Lock(options.folder), options.folder / "log"
    if not (options.folder / "state.json").exists():
        raise UserError(f"nothing was started in {options.folder}.")
    with log.open("rb") as file:
        if log.stat().st_size > options.tail:
            file.seek(-options.tail, os.SEEK_END)
        while True:
            alive = lock.holder()  # first this, then what it wrote
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.flush()
            if not alive:
                break
            time.sleep(options.poll)
    state = json.loads((options.folder / "state.json").read_text())["state"]
    return EXIT.get(state, EXIT["interrupted"])  # "running", and yet nobody does


def stop(options: argparse.Namespace) -> int:
    lock = Lock(options.folder)
    pid = lock.holder()
    if pid is None:
        print(f"nothing runs in {options.folder}")
        return 0
    os.kill(pid, signal.SIGINT)
    while lock.holder() == pid:
        time.sleep(options.poll)
    print(f"process {pid} has stopped")
    return 0


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("folder", type=lambda text: Path(text).expanduser())
    parser.add_argument("--logs", help="folder or bucket to which the log is copied")
    parser.add_argument("--tries", type=int, default=5, help="quick failures before giving up")
    parser.add_argument("--quick", type=float, default=600.0, help="seconds that count as quick")
    parser.add_argument("--pause", type=float, default=10.0, help="seconds before the second try")
    parser.add_argument("--tail", type=int, default=4096, help="bytes of old log to show")
    parser.add_argument("--poll", type=float, default=1.0, help="seconds between looks at the log")
    cut = argv.index("--") if "--" in argv else len(argv)
    options = parser.parse_args(argv[:cut])
    options.command = argv[cut + 1 :]
    if rank := os.environ.get("SLURM_PROCID"):  # all share the folder
        options.folder /= f"process-{rank}"
    if bool(options.command) != (options.action in ("run", "start")):
        parser.error("run and start take a command after --, the others none")
    return options


ACTIONS = {"run": run, "start": start, "follow": follow, "stop": stop}


@exit_on_user_error
def main() -> int:
    options = parse(sys.argv[1:])
    return ACTIONS[options.action](options)


if __name__ == "__main__":
    sys.exit(main())
