"""The check of a cluster, in real processes of one CPU device each."""

import os
import subprocess
import sys

import pytest

from records.errors import UserError
from tests.tpu.conftest import ROOT
from tpu.preflight import Place, check_counts


def start(bucket, *words: str, **env: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tpu.preflight", "--bucket", str(bucket), "--run", "a", *words],
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_pass_by_the_variables_of_slurm(tmp_path):
    slurm = {
        "SLURM_JOB_ID": str(os.getpid()),  # the port depends on it
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": "2",
    }
    tasks = [
        start(tmp_path, "--poll", "0.1", **slurm, SLURM_PROCID=str(i), SLURM_LOCALID=str(i))
        for i in range(2)
    ]
    for i, task in enumerate(tasks):
        said, errors = task.communicate()
        assert task.returncode == 0, errors
        assert f"process {i} (" in said and said.endswith("passed\n")
        assert "1 x cpu, with all others 2 devices in 2 processes" in said
    assert not list((tmp_path / "a").iterdir())


def one_of_three(bucket, *words: str) -> str:
    """What process 0 says that waits for others in vain."""
    process = start(
        bucket, "--coordinator", "localhost:1", "--processes", "3", "--timeout", "1", *words
    )
    errors = process.communicate()[1]
    assert process.returncode == 2 and "Traceback" not in errors, errors
    return errors.splitlines()[-1]


def test_the_silent_are_named(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1").write_text("a host")
    said = one_of_three(tmp_path, "--poll", "0.1")
    assert said.startswith("error: after 1 s no word from process 2 (host unknown) of 3:")


def test_processes_that_cannot_connect_do_not_hang(tmp_path):
    (tmp_path / "a").mkdir()
    for i in (0, 1, 2):
        (tmp_path / f"a/{i}").write_text("a host")
    said = one_of_three(tmp_path, "--process", "1")
    assert said == "error: process 1: connecting to localhost:1 took longer than 1 s"


def test_a_process_that_counts_as_a_cluster_of_its_own_is_found():
    with pytest.raises(UserError, match="jax sees 1 processes of 2"):
        check_counts(Place(0, ("a", "b")))


def test_the_metadata_server_is_only_asked_on_a_pod(tmp_path):
    process = start(tmp_path, "--tpu", GCE_METADATA_IP="127.0.0.1:1")
    assert "--tpu is for workers of a TPU pod" in process.communicate()[1]
    assert process.returncode == 2
