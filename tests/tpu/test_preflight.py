"""The check of a cluster, in real processes of one CPU device each."""

import os
import subprocess
import sys

import pytest

from c2l_jax.cluster import Place
from records.errors import UserError
from tests.c2l_jax.cluster import free_port
from tests.tpu.conftest import ROOT
from tpu.preflight import check_counts, check_folder


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


def test_the_silent_are_named(tmp_path):
    """By process 0, to the one that has come, too."""
    words = ("--coordinator", f"localhost:{free_port()}", "--processes", "3", "--timeout", "3")
    for process in [start(tmp_path, *words, "--process", str(i)) for i in (0, 1)]:
        errors = process.communicate()[1]
        assert process.returncode == 1 and "Traceback" not in errors, errors
        last = errors.splitlines()[-1]
        assert last.startswith("error: after 3 s no word from process 2 (host unknown) of 3: is it")


def test_a_silent_first_process_is_named(tmp_path):
    words = ("--coordinator", "localhost:1", "--processes", "3", "--process", "1", "--timeout", "1")
    process = start(tmp_path, *words)
    errors = process.communicate()[1]
    assert process.returncode == 1 and "Traceback" not in errors, errors
    last = errors.splitlines()[-1]
    assert last.startswith("error: after 1 s no word from process 0 at localhost:2 (")


def test_folders_that_are_not_the_same_are_found(tmp_path):
    place = Place(0, ("a", "b", "c"))
    (tmp_path / "1").write_text("b")
    with pytest.raises(UserError, match="after 0 s no file of process 2 "):
        check_folder(tmp_path, place, 0.0, 0.0)


def test_a_process_that_counts_as_a_cluster_of_its_own_is_found():
    with pytest.raises(UserError, match="jax sees 1 processes of 2"):
        check_counts(Place(0, ("a", "b")))


def test_the_metadata_server_is_only_asked_on_a_pod(tmp_path):
    process = start(tmp_path, "--tpu", GCE_METADATA_IP="127.0.0.1:1")
    assert "from the metadata server of TPUs" in process.communicate()[1]
    assert process.returncode == 2
