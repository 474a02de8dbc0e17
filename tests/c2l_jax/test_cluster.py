"""Two real processes train together: one writes, both stop, and no two share a row."""

import json
import signal
import time

import pytest

from c2l_jax.metrics import read_metrics
from tests.c2l_jax import cluster
from tests.c2l_jax.conftest import train_arguments


def finish(members) -> list[tuple[int, str]]:
    """(exit code, stderr) of each."""
    said = [member.communicate()[1] for member in members]
    return [(member.returncode, text) for member, text in zip(members, said, strict=True)]


def test_both_leave_at_one_step_when_one_is_asked_to(model_dir, dataset, tmp_path):
    run = tmp_path / "run"
    members = cluster.start(
        train_arguments(model_dir, dataset, run, steps=100_000, checkpoint__every=50_000)
    )
    while not ((run / "metrics.jsonl").exists() and read_metrics(run)):
        if any(member.poll() is not None for member in members):
            raise AssertionError(finish(members))
        time.sleep(0.05)
    members[1].send_signal(signal.SIGTERM)
    for code, text in finish(members):
        assert code == 0, text[-3000:]
    (saved,) = (int(path.name) for path in (run / "checkpoints").iterdir())
    assert read_metrics(run)[-1]["step"] == saved
    # Both wrote their settings' file at once: it is whole, and nothing is left beside it.
    assert json.loads((run / "config.json").read_text())["model"] == str(model_dir)
    assert not list(run.glob("*.new")) and not list(run.glob(".writable*"))


def test_processes_that_would_share_rows_are_refused(model_dir, dataset, tmp_path):
    members = cluster.start(
        train_arguments(model_dir, dataset, tmp_path / "run", mesh__tensor=2, mesh__fsdp=1)
    )
    for code, text in finish(members):
        lines = [line for line in text.splitlines() if line.startswith("error: ")]
        assert code == 2 and len(lines) == 1, text[-3000:]
        assert "read different records" in lines[0] and "Traceback" not in text


@pytest.mark.parametrize("sizes", [{"data": 1, "fsdp": 3, "tensor": 1}])
def test_a_mesh_that_leaves_devices_out_is_refused(sizes):
    from c2l_jax.sharding import make_mesh
    from records.errors import UserError

    with pytest.raises(UserError, match="does not cover"):
        make_mesh(sizes)
