"""The way in: a sandbox is chosen, tried, and filled with games and oracles."""

import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from records.errors import UserError
from synth import registry
from synth.locked import selftest
from synth.locked.client import Answering
from synth.locked.process import Failed, Limits, Process
from synth.locked.sandbox import Sandbox


@contextlib.contextmanager
def locked_in(
    asked: str, games: Iterable[str], oracles: dict[str, Path], limits: Limits | None = None
) -> Iterator[str]:
    """From here on these games, and oracles by name, answer from locked processes.

    asked: "auto" (bwrap where it works, else the lock alone), "lock", "bwrap" or
    "container:IMAGE". Yields what locks them in, as a sentence. Raises UserError where the sandbox
    does not hold what `selftest` tries in it.
    """
    foreign = [Path(folder) for folder in registry.more_folders()]
    _refuse_to_import_from([*foreign, *(file.parent for file in oracles.values())])
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


def _refuse_to_import_from(folders: Iterable[Path]) -> None:
    """What lies on Python's path would be imported in place of a package of that name."""
    known = {folder.resolve() for folder in folders}
    for entry in sys.path:
        if Path(entry).resolve() in known:
            raise UserError(
                f"with --locked {entry or 'the working directory'}, which holds foreign code, must "
                "be neither on PYTHONPATH nor the working directory; --oracles takes a folder."
            )


def _choose(asked: str, folder: Path) -> tuple[Sandbox, str]:
    around, _, image = asked.partition(":")
    if around not in (["container"] if image else ["auto", "lock", "bwrap"]):
        raise UserError(f"there is no sandbox '{asked}': auto, lock, bwrap or container:IMAGE is.")
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
    how = f"limits, Landlock and seccomp{around[sandbox.around]}"
    return f"locked in by {how}; {attacks} attacks on it failed"


def check(sandbox: Sandbox) -> None:
    """Tries `selftest` in the sandbox. Raises UserError where anything gets through."""
    canary = sandbox.folder / "canary"
    canary.write_text("sings")
    sandbox.add_oracle("self-test", Path(selftest.__file__))
    process = Process(sandbox, "oracle", "self-test", Limits())
    through = []
    with contextlib.closing(process), socket.create_server(("127.0.0.1", 0)) as server:
        known = {"canary": str(canary), "parent": os.getpid(), "port": server.getsockname()[1]}
        known["environment"] = sorted(os.environ)
        for attack in selftest.ORACLES:
            try:
                process.ask("solve", task=attack, state=json.dumps(known), params="{}")
                through.append(attack)
            except Failed as error:
                if attack == "alive" or not process.alive():
                    raise UserError(
                        f"the sandbox {sandbox.around} does not work: {error}"
                    ) from error
    if through != ["alive"] or canary.read_text() != "sings":
        through = ", ".join(attack for attack in through if attack != "alive")
        raise UserError(f"the sandbox {sandbox.around} does not hold; through came: {through}.")
