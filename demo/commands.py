"""The project's own commands, one after the other, each only once."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

from records.errors import UserError

RESUME = (
    "c2l_jax.train",
    "c2l_jax.sample",
    "c2l_jax.evaluate",
)  # what goes on where it was interrupted


def environment(folder: Path) -> dict[str, str]:
    """What commands run in that go on from each other; `folder` is theirs."""
    return {
        # Stages share programs: what one has compiled, the next one loads. A command has dozens of
        # small ones, two seconds in all.
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        **os.environ,
    }


class Commands:
    """Runs commands in order and remembers, in a file of `folder`, those that are finished.

    A later process that runs the same commands skips these. From the first one on that differs (in
    its arguments, in its package or in the `settings` given with it) all run again, and what they
    wrote is removed first. An interrupted one of RESUME goes on, another one starts anew.
    """

    def __init__(self, folder: Path, stream: TextIO = sys.stdout):
        folder.mkdir(parents=True, exist_ok=True)
        self._stream = stream
        self._path, self._next = folder / "commands.jsonl", 0
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        self._lines = [json.loads(line) for line in lines]
        self._environment = environment(folder)

    def run(self, title: str, module: str, *arguments: object, out: Path, settings: object = None):
        """`python -m module arguments`, which writes to the folder `out`.

        It is announced and timed; what it prints goes where the announcement goes. Raises UserError
        where it fails.
        """
        words = [module, *map(str, arguments)]
        line = {"command": " ".join(words), "stamp": _stamp(module, settings), "out": str(out)}
        self._say(f"\n=== {title}\n$ python -m {line['command']}")
        known = self._lines[self._next] if self._next < len(self._lines) else {}
        if {name: known.get(name) for name in line} == line:
            if known["seconds"] is not None:
                self._next += 1
                self._say(f"=== done before, in {known['seconds']:.0f} s")
                return
            self._cut(self._next)
            if module not in RESUME:
                shutil.rmtree(out, ignore_errors=True)
        else:
            for stale in self._cut(self._next):
                shutil.rmtree(stale["out"], ignore_errors=True)
            if out.exists():
                raise UserError(
                    f"{out} is there and none of these commands made it: move it away, or choose "
                    "another --out."
                )
        self._write([*self._lines, line | {"title": title, "seconds": None}])
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", *words], env=self._environment, stdout=self._stream
        )
        if done.returncode:
            raise UserError(
                f"python -m {module} failed with exit status {done.returncode}, see above; once "
                "that is mended, the same command goes on from there."
            )
        self._lines[-1]["seconds"] = time.monotonic() - began
        self._write(self._lines)
        self._next += 1
        self._say(f"=== {self._lines[-1]['seconds']:.0f} s")

    @property
    def by_title(self) -> dict[str, float]:
        """Seconds of each command so far."""
        return {line["title"]: line["seconds"] for line in self._lines[: self._next]}

    @property
    def seconds(self) -> float:
        """Of all commands so far, in whichever process they ran."""
        return sum(line["seconds"] for line in self._lines[: self._next])

    def _say(self, text: str):
        print(text, file=self._stream, flush=True)

    def _cut(self, count: int) -> list[dict]:
        """Forgets all but the first `count` lines and returns the others."""
        self._lines, rest = self._lines[:count], self._lines[count:]
        return rest

    def _write(self, lines: list[dict]):
        self._lines = lines
        temporary = self._path.with_suffix(".new")
        temporary.write_text("".join(json.dumps(line) + "\n" for line in lines))
        temporary.replace(self._path)


def _stamp(module: str, settings: object) -> str:
    """Changes with the sources of the module's package and with the settings."""
    top = Path(importlib.util.find_spec(module.partition(".")[0]).origin)
    digest = hashlib.sha256(str(settings).encode())
    for path in sorted(top.parent.rglob("*.py")) if top.stem == "__init__" else [top]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
