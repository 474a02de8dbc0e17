"""Real processes train, sample and leave together, and go on in other numbers."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from c2l_jax import cluster as product
from c2l_jax.metrics import read_metrics
from records.errors import UserError
from tests.c2l_jax import cluster
from tests.c2l_jax.conftest import train_arguments
from tests.conftest import QUICKLY, ROOT, run_module

# A rate that does not depend on the number of steps, and that leaves rounding what it is; an order
# of the records in which no two of the first steps have nearly the same loss.
ENDLESS = {
    "steps": 100_000,
    "seed": 1,
    "optimizer__schedule": "constant",
    "optimizer__warmup": 0.0,
    "optimizer__lr": 1e-5,
    "checkpoint__every": 2,
    "data__streams": 4,
}


def wait_for_step(run, step: int, members):
    while not (run / "metrics.jsonl").exists() or not any(
        line["step"] >= step for line in read_metrics(run)
    ):
        if ended := [member for member in members if member.poll() is not None]:
            raise AssertionError([member.wait().stderr[-3000:] for member in ended])
        time.sleep(0.05)


def complaints(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.startswith("error: ")]


def losses(run) -> dict[int, float]:
    return {line["step"]: line["loss"] for line in read_metrics(run)}


@pytest.fixture(scope="module")
def changing(model_dir, dataset, tmp_path_factory):
    """(run, its steps): begun by four processes, one of which is killed; gone on with by two, one
    of which is asked to leave; ended by one."""
    run = tmp_path_factory.mktemp("cluster") / "run"
    arguments = train_arguments(model_dir, dataset, run, **ENDLESS)
    members = cluster.start(arguments, 4)
    wait_for_step(run, 3, members)
    os.kill(members[2].pid, signal.SIGKILL)
    for number, member in enumerate(members):
        ended = member.wait()
        if number == 2:
            assert ended.returncode == -signal.SIGKILL
            continue
        assert ended.returncode == 1, ended.stderr[-3000:]
        (sentence,) = complaints(ended.stderr)
        assert sentence.startswith("error: process 2 (") and "has ended" in sentence
        assert "the same command goes on" in sentence and "Traceback" not in ended.stderr
    # Four wrote their settings' file at once: it is whole, and nothing is left beside it.
    assert json.loads((run / "config.json").read_text())["model"] == str(model_dir)
    assert not list(run.glob("*.new")) and not list(run.glob(".writable*"))

    saved, seen = newest(run), max(losses(run))
    members = cluster.start(arguments, 2)
    wait_for_step(run, seen + 1, members)
    os.kill(members[1].pid, signal.SIGTERM)
    stopped = [member.wait() for member in members]
    for ended in stopped:
        assert ended.returncode == 0, ended.stderr[-3000:]
        assert f"resuming from step {saved}\n" in ended.stdout
    last = newest(run)
    assert all(f"stopped at step {last} of" in ended.stdout for ended in stopped)

    steps = last + 2
    arguments = train_arguments(model_dir, dataset, run, **ENDLESS | {"steps": steps})
    assert f"resuming from step {last}\n" in run_module(*arguments).stdout
    return run, steps


def newest(run) -> int:
    return max(int(path.name) for path in (run / "checkpoints").iterdir() if path.name.isdigit())


def test_any_number_of_processes_goes_on_as_one_does(changing, model_dir, dataset, tmp_path):
    """The same records in the same steps: another batch has another loss."""
    run, steps = changing
    arguments = train_arguments(
        model_dir, dataset, tmp_path / "one", **ENDLESS | {"steps": steps, "checkpoint__every": 999}
    )
    run_module(*arguments)
    expected = losses(tmp_path / "one")
    assert sorted(losses(run)) == sorted(expected) == list(range(1, steps + 1))
    assert losses(run) == pytest.approx(expected, rel=1e-5)
    assert len({round(loss, 3) for loss in expected.values()}) == steps


def test_a_number_that_cannot_share_the_streams_is_refused(changing, model_dir, dataset):
    run, steps = changing
    arguments = train_arguments(model_dir, dataset, run, **ENDLESS | {"steps": steps})
    for member in cluster.start([*arguments, "--config.data.rows=12"], 3):
        ended = member.wait()
        (sentence,) = complaints(ended.stderr)
        assert ended.returncode == 2 and "config.data.streams is 4" in sentence
        assert "a number of processes that divides 4" in sentence


def test_processes_that_would_share_rows_are_refused(model_dir, dataset, tmp_path):
    arguments = train_arguments(model_dir, dataset, tmp_path / "run", mesh__tensor=2, mesh__fsdp=1)
    for member in cluster.start(arguments, 2):
        ended = member.wait()
        (sentence,) = complaints(ended.stderr)
        assert ended.returncode == 2 and "read different records" in sentence
        assert "Traceback" not in ended.stderr


def test_meshes_of_eight_devices_equal_one_device(tmp_path):
    """Loss, gradients, updated parameters and sampled tokens; tests/c2l_jax/meshes.py."""
    flags = f"--xla_force_host_platform_device_count=8 {QUICKLY}"
    # PYTHONPATH hides torch, which tiny.py imports.
    ended = subprocess.run(
        [sys.executable, "-m", "tests.c2l_jax.meshes", tmp_path],
        cwd=ROOT,
        env={**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": ""},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    cases = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(cases) == 10
    for case in cases:
        assert max(case["off"].values()) < 1e-5, case


@pytest.mark.parametrize("sizes", [{"data": 1, "fsdp": 3, "tensor": 1}])
def test_a_mesh_that_leaves_devices_out_is_refused(sizes):
    from c2l_jax.sharding import make_mesh

    with pytest.raises(UserError, match="does not cover"):
        make_mesh(sizes)


SLURM = {"SLURM_JOB_ID": "4095", "SLURM_NTASKS": "4", "SLURM_PROCID": "3", "SLURM_LOCALID": "1"}


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("gpu7", "gpu7"), ("a1,b2", "a1"), ("gpu[007-9,12]", "gpu007"), ("n-[3,5],m", "n-3")],
)
def test_slurm_says_who_takes_part(nodes, first, monkeypatch):
    for name, value in (SLURM | {"SLURM_STEP_NODELIST": nodes}).items():
        monkeypatch.setenv(name, value)
    place = product.find_place()
    assert (place.process, len(place.hosts), place.coordinator) == (3, 4, f"{first}:61441")


def test_gke_says_who_takes_part(monkeypatch):
    monkeypatch.setenv("TPU_WORKER_HOSTNAMES", "a,b")
    monkeypatch.setenv("TPU_WORKER_ID", "1")
    assert product.from_tpu() == product.Place(1, ("a", "b"), "a:8482")


@pytest.mark.parametrize(
    "given",
    [("a:1", 2, None), (None, 2, 0), ("a:1", 2, 2), ("a", 2, 0), ("a:1", 2, -1)],
)
def test_flags_that_do_not_belong_together(given):
    with pytest.raises(UserError, match="give all three"):
        product.find_place(*given)
