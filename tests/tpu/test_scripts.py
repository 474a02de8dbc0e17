"""The shell scripts: without complaints of shellcheck, and saying what they would do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tpu.conftest import ROOT

SCRIPTS = [*ROOT.glob("*/*.sh"), ROOT / ".ci/run"]


def test_shellcheck_has_no_complaint():
    places = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    checked = subprocess.run(
        [shutil.which("shellcheck", path=places), *SCRIPTS], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout


def gpu(folder, *words: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", ROOT / "tpu/gpu.sh", *words],
        cwd=folder,
        env={**os.environ, "SLURM_JOB_ID": "", **env},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def project(tmp_path):
    """A project whose python and whose srun write down what they are asked for."""
    (tmp_path / "setup.py").write_text("")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / "cli").mkdir()
    for name, then in (
        (".venv/bin/pip", ""),
        (".venv/bin/python", ""),
        ("cli/srun", 'exec "${@:2}"'),
    ):
        script = f'#!/usr/bin/env bash\nprintf "%s|" {name} "$@" >> {tmp_path}/asked\n'
        script += f"echo >> {tmp_path}/asked\n{then}\n"
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def asked(project) -> list[list[str]]:
    file = project / "asked"
    lines = file.read_text().splitlines() if file.exists() else []
    return [line.split("|")[:-1] for line in lines]


@pytest.mark.parametrize("job", ["", "41"])
def test_one_machine_and_slurm_run_a_job_in_one_way(project, job):
    words = ("a folder", "c2l_jax.train", "--note=it's 5 $HOME", "")
    env = {"SLURM_JOB_ID": job, "PATH": f"{project}/cli:{os.environ['PATH']}"}
    assert gpu(project, "--dry-run", *words, **env).returncode == 0 and not asked(project)
    result = gpu(project, *words, **env)
    assert result.returncode == 0, result.stderr
    calls = [call for call in asked(project) if call[0] != "cli/srun"]
    assert len(asked(project)) - len(calls) == (2 if job else 0)
    assert calls[0] == [".venv/bin/pip", "install", "--quiet", "--editable", ".[cuda]"]
    assert calls[1][1:5] == ["-m", "tpu.preflight", "--bucket", "a folder/preflight"]
    assert calls[2][1:] == ["-m", "tpu.supervise", "run", "a folder/run", "--", *words[1:]]


def test_it_says_where_it_wants_to_be_run(tmp_path):
    result = gpu(tmp_path, "folder", "c2l_jax.train")
    assert result.returncode == 2 and result.stderr.startswith("error: run in the project's root")
