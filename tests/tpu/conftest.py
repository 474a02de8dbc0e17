"""A pod that is played in a folder, and the project's commands beside it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
POD = ("my-pod", "--zone", "us-west4-a", "--project", "my project")
# What a worker's own python3 is asked for while it is set up: uv makes an environment.
PYTHON3 = """#!/usr/bin/env bash
echo "$*" >> "$HOME/python3-calls"
if [[ $* == *"uv venv"* ]]; then
  mkdir -p "${!#}/bin"
  printf '#!/usr/bin/env bash\\nexec %s "$@"\\n' PYTHON > "${!#}/bin/python"
  chmod +x "${!#}/bin/python"
fi
"""
JOB = """
import json, pathlib, sys
pathlib.Path.home().joinpath("job.json").write_text(json.dumps(sys.argv[1:]))
code = pathlib.Path.home() / "code"
sys.exit(int(code.read_text()) if code.exists() else 0)
"""


class Played:
    """A pod, and a committed copy of the project from which it is commanded."""

    def __init__(self, folder: Path, workers: int):
        self.folder, self.project = folder / "played", folder / "project"
        self.workers = [self.folder / f"worker-{i}" for i in range(workers)]
        for path in (*self.workers, self.folder / "cli", self.folder / "bin", self.project):
            path.mkdir(parents=True)
        shutil.copy(ROOT / "tests" / "tpu" / "gcloud", self.folder / "cli")
        (self.folder / "bin" / "python3").write_text(PYTHON3.replace("PYTHON", sys.executable))
        (self.folder / "bin" / "python3").chmod(0o755)
        for name in ("tpu", "records"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, self.project / name, ignore=ignored)
        (self.project / "job.py").write_text(JOB)
        who = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
        for words in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "a commit")):
            subprocess.run(["git", *words], cwd=self.project, check=True)

    def do(self, action: str, *words: str, code: int = 0) -> str:
        """Runs `python -m tpu.pod`; what it says. Without an answer on standard input."""
        env = {**os.environ, "PLAYED": str(self.folder), "TMPDIR": str(self.folder)}
        env["PATH"] = f"{self.folder}/cli:{env['PATH']}"
        result = subprocess.run(
            [sys.executable, "-m", "tpu.pod", action, *POD, *words],
            cwd=self.project,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert result.returncode == code, result.stdout
        return result.stdout

    def calls(self) -> list[list[str]]:
        """The words of every call of gcloud so far."""
        calls = self.folder / "calls"
        return (
            [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []
        )

    def verbs(self) -> list[str]:
        return [words[3] for words in self.calls()]

    def reply(self, pattern: str, text: str, code: int):
        with open(self.folder / "replies", "a") as replies:
            print(json.dumps([pattern, text, code]), file=replies)


@pytest.fixture
def pod(tmp_path) -> Played:
    """Of two workers."""
    return Played(tmp_path, 2)


@pytest.fixture
def lone(tmp_path) -> Played:
    """Of one worker."""
    return Played(tmp_path, 1)
