"""Tries every attack and tells what came of it.

  python -m tests.synth.locked.table docs/attacks.md

writes the page, for the sandboxes that this machine has.
"""

import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

from synth.locked.process import Failed, Limits, Process
from synth.locked.sandbox import Sandbox
from tests.conftest import ROOT
from tests.synth.locked import attacks

SANDBOXES = ["lock", *(["bwrap"] if shutil.which("bwrap") else [])]
HEAD = """# What foreign code has tried

`python -m tests.synth.locked.table docs/attacks.md` wrote this page: {count} attacks
(`tests/synth/locked/attacks.py`), each by code that is locked in as an oracle is
([sandbox.md](sandbox.md)). **{through} got through.** "refused": the attacker was told no and its
process lived on; otherwise, how the process ended.

| attack | {names} |
| --- |{rule}
"""


def made(around: str, folder: Path) -> Sandbox:
    """A sandbox that has the attacks."""
    home = Sandbox(around, None, folder)
    home.add_oracle("attacks", Path(attacks.__file__))
    return home


def attack(process: Process, name: str, known: dict):
    return process.ask("solve", task=name, state=json.dumps(known), params="{}")


@contextlib.contextmanager
def under_attack(home: Sandbox, folder: Path):
    """(process, what an attacker would have to guess); there are things to reach, too."""
    (folder / "game.py").write_text("ANSWER = 42")
    with contextlib.ExitStack() as stack:
        secret = stack.enter_context(tempfile.TemporaryFile())
        secret.write(b"secret")
        os.set_inheritable(secret.fileno(), True)
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind("\0c2l-jax-" + folder.name)
        abstract.listen()
        known = {
            "port": server.getsockname()[1],
            "abstract": "c2l-jax-" + folder.name,
            "home": str(Path.home()),
            "project": str(ROOT),
            "game": str(folder / "game.py"),
            "parent": os.getpid(),
            "secret": secret.fileno(),
        }
        process = Process(home, "oracle", "attacks", Limits())
        yield stack.enter_context(contextlib.closing(process)), known


def outcomes(around: str) -> dict[str, str]:
    """What came of each attack, in words."""
    told = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = made(around, folder)
        with under_attack(home, folder) as (process, known):
            for name in attacks.REFUSED:
                try:
                    told[name] = f"**got through**: {attack(process, name, known)}"
                except Failed:
                    told[name] = "refused"
        for name in attacks.FATAL:
            limits = Limits(seconds=1, reply_seconds=3)
            with contextlib.closing(Process(home, "oracle", "attacks", limits)) as process:
                try:
                    told[name] = f"**got through**: {attack(process, name, {})}"
                except Failed as error:
                    told[name] = str(error).splitlines()[0].removeprefix("the oracle attacks ")
    return told


def main(path: str):
    os.environ["SECRET_OF_THE_TESTS"] = "secret"
    found = {around: outcomes(around) for around in SANDBOXES}
    through = {name for each in found.values() for name, told in each.items() if "**" in told}
    head = HEAD.format(
        count=len(found["lock"]),
        through=len(through) or "None",
        names=" | ".join(found),
        rule=" --- |" * len(found),
    )
    rows = [
        " | ".join([f"| {name.replace('_', ' ')}", *(each[name] for each in found.values())]) + " |"
        for name in found["lock"]
    ]
    Path(path).write_text(head + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
