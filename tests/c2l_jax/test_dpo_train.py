"""Preference training through the command line, on pairs made through the command line."""

import json
import math
import shutil
import signal

import numpy as np
import pytest
from safetensors.numpy import load_file

from c2l_jax.metrics import read_metrics
from c2l_jax.objectives import dpo
from configs import tiny_dpo
from records.errors import UserError
from records.reading import open_split
from tests.c2l_jax.conftest import train_arguments
from tests.c2l_jax.test_train import start_and_signal
from tests.conftest import QUICKLY, run_module

STEPS = 4
SETTINGS = {
    "program": "tiny_dpo",
    "steps": STEPS,
    "checkpoint__every": 2,
    "evaluation__every": 2,
    "evaluation__batches": 1,
    "data__rows": 4,
    "data__row_targets": 320,
    "optimizer__schedule": "constant",
    "optimizer__warmup": 0.0,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, model_dir, pairs):
    workdir = tmp_path_factory.mktemp("dpo") / "run"
    arguments = train_arguments(model_dir, pairs[0], workdir, **SETTINGS)
    result = run_module(*arguments, JAX_LOG_COMPILES="1")
    return workdir, result.stderr


def test_it_starts_at_log_2_and_learns(finished):
    lines = read_metrics(finished[0])
    assert lines[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert abs(lines[0]["rewards/margin"]) < 1e-5 and abs(lines[0]["kl"]) < 1e-6
    assert lines[-1]["loss"] < 0.65 and lines[-1]["rewards/accuracy"] > 0.9
    for name in ("rewards/chosen", "rewards/rejected", "logps/chosen", "logps/rejected"):
        assert name in lines[0]
    summary = json.loads((finished[0] / "summary.json").read_text())
    assert summary["trained_parameters"] < summary["parameters"]


def test_held_out_figures_cost_one_compilation(finished):
    lines = {line["step"]: line for line in read_metrics(finished[0])}
    assert [step for step, line in lines.items() if "eval/loss" in line] == [2, 4]
    assert lines[4]["eval/loss"] < lines[2]["eval/loss"] < math.log(2)
    for name in ("accumulate", "apply", "evaluate"):
        assert finished[1].count(f"Finished XLA compilation of jit({name})") == 1


def test_frozen_parts_stay(finished, model_dir):
    before = load_file(model_dir / "model.safetensors")
    after = load_file(finished[0] / "model" / "model.safetensors")
    for name, tensor in before.items():
        assert np.array_equal(tensor, after[name]) == ("visual" in name), name


def test_killed_and_resumed_equals_unbroken_bit_for_bit(finished, model_dir, pairs, tmp_path):
    arguments = train_arguments(model_dir, pairs[0], tmp_path / "run", **SETTINGS)
    assert start_and_signal(arguments, tmp_path / "run", 3, signal.SIGKILL) == -signal.SIGKILL
    run_module(*arguments)
    timings = (
        "tokens_per_second",
        "examples_per_second",
        "seconds_per_step",
        "tflops_per_device",
    )

    def figures(workdir):
        return [
            {name: value for name, value in line.items() if name not in timings}
            for line in read_metrics(workdir)
        ]

    assert figures(tmp_path / "run") == figures(finished[0])
    ours, theirs = (
        load_file(workdir / "model" / "model.safetensors")
        for workdir in (tmp_path / "run", finished[0])
    )
    for name, tensor in ours.items():
        np.testing.assert_array_equal(tensor, theirs[name], err_msg=name)


def test_a_reference_in_another_dtype_is_refused(model_dir, pairs):
    config = tiny_dpo.get_config()
    config.model, config.data.path = str(model_dir), str(pairs[0])
    pair = open_split(pairs[0], "train")[0]
    dpo.check_reference(pair, config)
    config.compute_dtype = "bfloat16"
    with pytest.raises(UserError, match=r"computed in float32, .* --dtype bfloat16"):
        dpo.check_reference(pair, config)


def test_another_model_is_refused_and_eight_devices_recompute_the_reference(
    finished, model_dir, pairs, tmp_path
):
    """The other model has the same weights, so that the recomputed reference is known."""
    other = tmp_path / "other"
    shutil.copytree(model_dir, other)
    (other / "preprocessor_config.json").write_text(
        (other / "preprocessor_config.json").read_text() + "\n"
    )
    settings = {"steps": 2, "mesh__tensor": 4, "accumulation": 2, "evaluation__every": 0}
    settings = SETTINGS | settings
    arguments = train_arguments(other, pairs[0], tmp_path / "run", **settings)
    eight = {"XLA_FLAGS": f"--xla_force_host_platform_device_count=8 {QUICKLY}"}
    refused = run_module(*arguments, check=False, **eight)
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    assert "error: the reference log-probabilities in" in refused.stderr
    assert "--config.dpo.recompute_reference=True" in refused.stderr
    assert not (tmp_path / "run" / "config.json").exists()
    run_module(*arguments, "--config.dpo.recompute_reference=True", **eight)
    assert len(list((tmp_path / "run").glob("reference-*.npz"))) == 1
    expected = {line["step"]: line for line in read_metrics(finished[0])}
    for line in read_metrics(tmp_path / "run"):
        for name in ("loss", "grad_norm", "logps/rejected"):
            assert line[name] == pytest.approx(expected[line["step"]][name], rel=1e-5), name
