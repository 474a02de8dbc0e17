"""The training command: what a run leaves behind, how it resumes, and how it refuses."""

import io
import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds
from safetensors.numpy import load_file

from c2l_jax.metrics import read_metrics
from records.reading import dataset_directory, open_split
from tests.c2l_jax.conftest import STEPS, train_arguments
from tests.conftest import QUICKLY, ROOT, launcher, run_module


def losses(workdir) -> dict[int, float]:
    return {line["step"]: line["loss"] for line in read_metrics(workdir)}


def start_and_signal(arguments, workdir, after_step: int, number: signal.Signals, **env):
    """Runs until metrics.jsonl has a line of `after_step`, then sends the signal."""
    process = launcher().start(arguments, ROOT, {**os.environ, **env})
    path = workdir / "metrics.jsonl"
    while not (path.exists() and f'"step": {after_step},' in path.read_text()):
        if process.poll() is not None:
            raise AssertionError(process.wait().stderr[-3000:])
        time.sleep(0.02)
    os.kill(process.pid, number)
    return process.wait().returncode


def test_a_run_leaves_what_it_promises(finished_run):
    workdir, _ = finished_run
    assert sorted(losses(workdir)) == list(range(1, STEPS + 1))
    line = read_metrics(workdir)[-1]
    names = {"loss", "accuracy", "lr", "grad_norm", "tokens_per_second", "seconds_per_step"}
    assert names <= line.keys()
    summary = json.loads((workdir / "summary.json").read_text())
    assert summary["steps"] == STEPS and summary["tokens"] > 0 and summary["loss"] == line["loss"]
    assert losses(workdir)[STEPS] < losses(workdir)[1]
    events = next(workdir.glob("events.out.tfevents.*")).read_bytes()
    assert b"seconds_per_step" in events and b"sample 0 (cot)" in events and b"PNG" in events
    steps = {path.name for path in (workdir / "checkpoints").iterdir()}
    assert {str(STEPS), str(STEPS - 4)} <= steps


def test_the_step_is_compiled_once(finished_run):
    _, stderr = finished_run
    for name in ("accumulate", "apply"):
        assert stderr.count(f"Finished XLA compilation of jit({name})") == 1


def test_the_exported_model_loads_in_transformers(finished_run):
    from transformers import Qwen2_5_VLForConditionalGeneration

    workdir, _ = finished_run
    _, report = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        workdir / "model", output_loading_info=True
    )
    assert not report["missing_keys"] and not report["unexpected_keys"]


def test_killed_and_resumed_equals_unbroken_bit_for_bit(finished_run, model_dir, dataset, tmp_path):
    arguments = train_arguments(model_dir, dataset, tmp_path / "run")
    # Killed between checkpoints, then asked to stop, then left alone.
    assert start_and_signal(arguments, tmp_path / "run", 6, signal.SIGKILL, XLA_FLAGS="") < 0
    assert start_and_signal(arguments, tmp_path / "run", 9, signal.SIGTERM, XLA_FLAGS="") == 0
    stopped_at = max(int(p.name) for p in (tmp_path / "run" / "checkpoints").iterdir())
    assert 9 <= stopped_at <= STEPS  # SIGTERM saved where it was
    result = run_module(*arguments, XLA_FLAGS="")
    if stopped_at < STEPS:
        assert f"resuming from step {stopped_at}" in result.stdout
    assert losses(tmp_path / "run") == losses(finished_run[0])
    ours, theirs = (
        load_file(workdir / "model" / "model.safetensors")
        for workdir in (tmp_path / "run", finished_run[0])
    )
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        np.testing.assert_array_equal(tensor, theirs[name], err_msg=name)


def test_four_devices_and_parts_equal_one_and_frozen_parts_stay(
    finished_run, model_dir, dataset, tmp_path
):
    arguments = train_arguments(
        model_dir, dataset, tmp_path / "run", mesh__tensor=2, steps=3, accumulation=2
    )
    run_module(*arguments, XLA_FLAGS=f"--xla_force_host_platform_device_count=4 {QUICKLY}")
    frozen = "((r'^vision/(?!merger)',0.0),)"
    one = train_arguments(model_dir, dataset, tmp_path / "one", steps=3)
    run_module(*one)
    for step, loss in losses(tmp_path / "one").items():
        assert losses(tmp_path / "run")[step] == pytest.approx(loss, rel=1e-5)
    half = train_arguments(
        model_dir,
        dataset,
        tmp_path / "frozen",
        steps=2,
        accumulation=4,
        compute_dtype="bfloat16",
        remat="full",
        optimizer__lr_scale=frozen,
    )
    run_module(*half)
    assert losses(tmp_path / "frozen")[1] == pytest.approx(losses(tmp_path / "one")[1], rel=2e-2)
    before = load_file(model_dir / "model.safetensors")
    after = load_file(tmp_path / "frozen" / "model" / "model.safetensors")
    for name, tensor in before.items():
        is_frozen = "visual" in name and "merger" not in name
        assert np.array_equal(tensor, after[name]) == is_frozen, name


BAD = {
    "bad value": ({"optimizer__schedule": "linear"}, "config.optimizer.schedule is 'linear'"),
    "bad type": ({"steps": "many"}, "steps"),
    "unknown setting": ({"optimiser__lr": "1"}, "optimiser"),
    "unknown objective": ({"objective": "sftt"}, "config.objective is 'sftt'"),
    "unknown attention": ({"attention": "quick"}, "config.attention is 'quick'"),
    "unknown remat": ({"remat": "some"}, "config.remat is 'some'"),
    "bad rows": ({"data__rows": 3, "accumulation": 2}, "config.data.rows is 3"),
    "no checkpoint": ({"checkpoint__every": 0}, "config.checkpoint.every is 0"),
    "all clipped": ({"optimizer__clip": 0.0}, "config.optimizer.clip is 0.0"),
    "bad pattern": ({"optimizer__lr_scale": "((r'visoin',0.0),)"}, "'visoin'"),
    "missing data": ({"data__path": "/nonexistent"}, "no data set in /nonexistent"),
    "missing model": ({"model": "/nonexistent"}, "no model directory at /nonexistent"),
    "nothing fits": ({"data__row_tokens": 40}, "config.data.row_tokens"),
    "not finite": ({"optimizer__lr": "1e30", "optimizer__warmup": 0.0}, "records of its batch"),
}


def test_bad_settings_are_one_sentence_and_exit_code_2(model_dir, dataset, tmp_path):
    for name, (settings, message) in BAD.items():
        workdir = tmp_path / name.replace(" ", "_")
        done = run_module(*train_arguments(model_dir, dataset, workdir, **settings), check=False)
        lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert done.returncode == 2, f"{name}: {done.stderr[-2000:]}"
        assert len(lines) == 1 and message in lines[0], f"{name}: {done.stderr[-2000:]}"
        assert "Traceback" not in done.stderr
    checkpoints = tmp_path / "not_finite" / "checkpoints"
    assert not any(checkpoints.iterdir())


def test_a_run_of_other_settings_or_a_damaged_checkpoint_is_refused(
    finished_run, model_dir, dataset, tmp_path
):
    arguments = train_arguments(model_dir, dataset, finished_run[0], seed=1)
    result = run_module(*arguments, check=False)
    assert result.returncode == 2 and "seed: 0 there, 1 now" in result.stderr
    run = tmp_path / "run"
    subprocess.run(["cp", "-r", finished_run[0], run], check=True)
    for path in (run / "checkpoints" / str(STEPS) / "state" / "d").iterdir():
        path.write_bytes(b"")
    for path in (run / "checkpoints" / str(STEPS) / "state" / "ocdbt.process_0" / "d").iterdir():
        path.write_bytes(b"")
    result = run_module(*train_arguments(model_dir, dataset, run), check=False)
    assert result.returncode == 2 and f"checkpoint of step {STEPS}" in result.stderr


def test_picture_less_record_is_named(model_dir, dataset, tmp_path):
    source = tfds.builder_from_directory(str(dataset_directory(dataset)))
    records = open_split(dataset, "train")

    class Broken(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return tfds.core.DatasetInfo(builder=self, features=source.info.features)

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for i in range(4):
                yield i, records[i] | {"image": io.BytesIO(b"")}

    Broken(data_dir=str(tmp_path / "data"), file_format="array_record").download_and_prepare()
    arguments = train_arguments(model_dir, tmp_path / "data", tmp_path / "run")
    result = run_module(*arguments, check=False)
    assert result.returncode == 2
    assert any(f"error: record {records[i]['id']} has" in result.stderr for i in range(4))
