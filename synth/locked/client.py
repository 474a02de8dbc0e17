"""Games and oracles that answer from locked processes, in place of imported ones.

`locked_in` is the way in. What comes out of the processes is checked for types, sizes and
characters here; nothing of it is executed, unpickled or opened as a path.
"""

import base64
import binascii
import contextlib
import dataclasses
import json
import math
import os
import re
import shutil
import socket
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from records.errors import UserError
from synth import registry
from synth.engine import About, AboutTask, Made, Told
from synth.game import CATEGORIES, LEVELS, QA_TYPES, SPLIT_KINDS
from synth.locked import selftest
from synth.locked.process import Failed, Limits, Process, printable
from synth.locked.sandbox import Sandbox

MOST_TEXT, MOST_TEXTS = 200_000, 10_000  # characters; texts in a list
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
NONSENSE = "(no answer at all)"


class Wrong(ValueError):
    """A value that is not of the kind that it must be."""


def _text(value) -> str:
    if not isinstance(value, str) or len(value) > MOST_TEXT:
        raise Wrong(f"is no text of at most {MOST_TEXT} characters")
    if CONTROL.search(value) or any("\ud800" <= c <= "\udfff" for c in value):
        raise Wrong("has control characters")
    return value


def _texts(value) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_TEXTS:
        raise Wrong(f"is no list of at most {MOST_TEXTS} texts")
    return [_text(item) for item in value]


def _flag(value) -> bool:
    if not isinstance(value, bool):
        raise Wrong("is neither true nor false")
    return value


def _number(value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise Wrong("is no number of a common size")
    return float(value)


def _object(value) -> str:
    """A JSON object in the only way that `game.to_json` writes it."""
    text = _text(value)
    try:
        read = json.loads(text, parse_constant=float)
        again = json.dumps(read, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        read = again = None
    if not isinstance(read, dict) or text != again:
        raise Wrong("is no JSON object, or not written as such in one way")
    return text


def _name(value) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]{1,80}", _text(value)):
        raise Wrong("is no name of letters, digits and _")
    return value


def _one_of(choices: Iterable[str]):
    def check(value) -> str:
        if value not in tuple(choices):
            raise Wrong(f"is none of {', '.join(choices)}")
        return value

    return check


def _count(value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 26:
        raise Wrong("is no number of options")
    return value


def _tasks(value) -> tuple[AboutTask, ...]:
    if not isinstance(value, list | tuple) or not 0 < len(value) <= 100:
        raise Wrong("is no list of 1 to 100 tasks")
    tasks = tuple(_read(AboutTask, one) for one in value)
    if len({task.name for task in tasks}) < len(tasks):
        raise Wrong("has two tasks of one name")
    return tasks


KINDS = {
    AboutTask: {
        "name": _name,
        "qa_type": _one_of(QA_TYPES),
        "qa_level": _one_of(LEVELS),
        "n_options": _count,
    },
    About: {
        "name": _name,
        "category": _one_of(CATEGORIES),
        "split_kind": _one_of(SPLIT_KINDS),
        "rules": _text,
        "counts": _text,
        "tasks": _tasks,
    },
    Made: {
        "state": _object,
        "params": _object,
        "asked": _text,
        "options": _texts,
        "text": _text,
        "steps": _texts,
        "description": _text,
    },
    Told: {
        "asked": _text,
        "text": _text,
        "steps": _texts,
        "several": _flag,
        "description": _text,
        "difficulty": _number,
    },
}


def _read(kind: type, value):
    """A reply as a dataclass, each field checked. Raises Wrong."""
    checks = KINDS[kind]
    if not isinstance(value, dict) or value.keys() != checks.keys():
        raise Wrong(f"has not the keys {', '.join(checks)}")
    return kind(**{key: _field(key, check, value[key]) for key, check in checks.items()})


def _field(key: str, check, value):
    try:
        return check(value)
    except Wrong as error:
        raise Wrong(f"'{key}' {error}") from None


class LockedEngine:
    """`synth.engine.Engine`, in a locked process. All calls raise Failed."""

    def __init__(self, process: Process, name: str):
        self._process, self._name, self._about = process, name, None

    def about(self) -> About:
        if self._about is None:
            about = self._ask(lambda value: _read(About, value), "about")
            if about.name != self._name:
                raise Failed(f"the file of the game '{self._name}' calls it '{about.name}'.")
            self._about = about
        return self._about

    def make(self, task: str, level: str, seed: int) -> Made:
        made = self._ask(lambda v: _read(Made, v), "make", task=task, level=level, seed=seed)
        if len(made.options) != self.about().task(task).n_options:
            raise Failed(f"the game {self._name} gave {len(made.options)} options in {task}.")
        if made.options and made.options.count(made.text) != 1:
            raise Failed(f"the game {self._name} has the answer in {task} not once as an option.")
        return made

    def told(self, task: str, state: str, params: str) -> Told:
        return self._ask(lambda v: _read(Told, v), "told", task=task, state=state, params=params)

    def parse(self, description: str) -> str:
        return self._ask(_object, "parse", description=description)

    def draw(self, state: str, size: int) -> np.ndarray:
        return self._ask(lambda value: _pixels(value, size), "draw", state=state, size=size)

    def close(self) -> None:
        self._process.close()

    def _ask(self, check, call: str, **arguments):
        value = self._process.ask(call, **arguments)
        try:
            return check(value)
        except Wrong as error:
            raise Failed(f"the game {self._name}: what it says to {call} {error}.") from None


def _pixels(value, size: int) -> np.ndarray:
    match value:
        case [[height, width, 3], "uint8", str(packed)] if height == width == size:
            inflate = zlib.decompressobj()
            try:
                data = inflate.decompress(base64.b64decode(packed, validate=True), 3 * size**2 + 1)
            except (ValueError, binascii.Error, zlib.error):
                data = b""
            if len(data) == 3 * size**2:
                return np.frombuffer(data, np.uint8).reshape(size, size, 3)
    raise Wrong(f"is no RGB picture of {size} x {size} pixels")


class LockedOracle:
    """`synth.oracle.Oracle`, in a locked process. All calls raise Failed."""

    def __init__(self, process: Process, name: str):
        self._process, self._name = process, name

    def tasks(self) -> list[str]:
        return self._checked(_texts, self._process.ask("tasks"))

    def solve(self, task: str, state: str, params: str) -> str | None:
        value = self._process.ask("solve", task=task, state=state, params=params)
        return None if value is None else self._checked(_text, value)

    def judge(self, texts: list[str]) -> list[bool]:
        verdicts = self._process.ask("judge", texts=texts)
        if not isinstance(verdicts, list) or len(verdicts) != len(texts):
            raise Failed(f"the oracle {self._name} has not judged {len(texts)} texts.")
        verdicts = [self._checked(_flag, verdict) for verdict in verdicts]
        if len(texts) == 1 and self._takes_anything():  # else there are wrong ones among them
            raise Failed(f"the oracle {self._name} calls anything right.")
        return verdicts

    def _takes_anything(self) -> bool:
        try:
            return self._process.ask("judge", texts=[NONSENSE]) != [False]
        except Failed:
            return False

    def close(self) -> None:
        self._process.close()

    def _checked(self, check, value):
        try:
            return check(value)
        except Wrong as error:
            raise Failed(f"the oracle {self._name}: what it says {error}.") from None


class Answering:
    """What `registry.answered_by` takes: a process for each game and oracle, started when asked."""

    def __init__(self, sandbox: Sandbox, limits: Limits):
        self._sandbox, self._limits, self._open = sandbox, limits, {}

    def engine(self, name: str, again: bool) -> LockedEngine:
        return self._opened(LockedEngine, "game", name, again)

    def oracle(self, name: str) -> LockedOracle:
        return self._opened(LockedOracle, "oracle", name, False)

    def for_workers(self):
        return _enter, (self._sandbox, self._limits)

    def _opened(self, kind, of: str, name: str, again: bool):
        if (of, name, again) not in self._open:
            process = Process(self._sandbox, of, name, self._limits)
            self._open[of, name, again] = kind(process, name)
        return self._open[of, name, again]

    def close(self) -> None:
        for one in self._open.values():
            one.close()
        self._open.clear()


def _enter(sandbox: Sandbox, limits: Limits) -> None:
    """For a worker process, whose locked processes die with it."""
    registry.answered_by(Answering(sandbox, limits)).__enter__()


@contextlib.contextmanager
def locked_in(
    asked: str, games: Iterable[str], oracles: dict[str, Path], limits: Limits | None = None
) -> Iterator[str]:
    """From here on these games, and oracles by name, answer from locked processes.

    asked: "auto" (bwrap where it works, else the lock alone), "lock", "bwrap" or
    "container:IMAGE". Yields what locks them in, as a sentence. Raises UserError where the sandbox
    does not hold what `selftest` tries in it.
    """
    with tempfile.TemporaryDirectory(prefix="synth-locked-") as folder:
        sandbox, told = _choose(asked, Path(folder))
        for name in games:
            sandbox.add_game(name)
        for name, file in oracles.items():
            sandbox.add_oracle(name, file)
        answering = Answering(sandbox, limits or Limits())
        try:
            with registry.answered_by(answering):
                yield told
        finally:
            answering.close()


def _choose(asked: str, folder: Path) -> tuple[Sandbox, str]:
    around, _, image = asked.partition(":")
    told = ""
    if around == "auto":
        around = "lock"
        if shutil.which("bwrap"):
            try:
                check(sandbox := Sandbox("bwrap", None, folder))
                return sandbox, _sentence(sandbox)
            except UserError as error:
                told = f" (not by bwrap: {error})"
    check(sandbox := Sandbox(around, image or None, folder))
    return sandbox, _sentence(sandbox) + told


def _sentence(sandbox: Sandbox) -> str:
    around = {"lock": "", "bwrap": " in bwrap", "container": f" in {sandbox.image}"}
    attacks = len(selftest.ORACLES) - 1
    return f"locked in by limits, Landlock and seccomp{around[sandbox.around]}; {attacks} attacks failed"


def check(sandbox: Sandbox) -> None:
    """Tries `selftest` in the sandbox. Raises UserError where anything gets through."""
    canary = sandbox.folder / "canary"
    canary.write_text("sings")
    sandbox.add_oracle("self-test", Path(selftest.__file__))
    process = Process(sandbox, "oracle", "self-test", Limits())
    through = []
    with contextlib.closing(process), socket.create_server(("127.0.0.1", 0)) as server:
        known = {"canary": str(canary), "parent": os.getpid(), "port": server.getsockname()[1]}
        for attack in selftest.ORACLES:
            try:
                process.ask("solve", task=attack, state=json.dumps(known), params="{}")
                through.append(attack)
            except Failed as error:
                if attack == "alive" or not process.alive():
                    raise UserError(f"the self-test of the sandbox {sandbox.around} ended: {error}")
    if through != ["alive"] or canary.read_text() != "sings":
        through = ", ".join(attack for attack in through if attack != "alive")
        raise UserError(f"the sandbox {sandbox.around} does not hold; through came: {through}.")



