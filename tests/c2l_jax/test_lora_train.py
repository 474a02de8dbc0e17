"""Training adapters with bfloat16 parameters, through the command line."""

import shutil

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from c2l_jax.metrics import read_metrics
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import load_model
from c2l_jax.sharding import make_mesh
from tests.c2l_jax.conftest import train_arguments
from tests.conftest import run_module

STEPS = 4


@pytest.fixture(scope="module")
def arguments(model_dir, dataset):
    def of(workdir):
        return train_arguments(
            model_dir,
            dataset,
            workdir,
            steps=STEPS,
            checkpoint__every=2,
            data__rows=2,
            param_dtype="bfloat16",
            lora__rank=4,
            lora__alpha=16.0,
            lora__pattern="^text/layers/|^vision/blocks/mlp",
            optimizer__lr_scale="((r'^vision/', 0.5),)",
        )

    return of


@pytest.fixture(scope="module")
def finished(tmp_path_factory, arguments):
    workdir = tmp_path_factory.mktemp("adapters") / "run"
    run_module(*arguments(workdir), "--profile")
    return workdir


def test_only_adapters_learn_and_every_export_has_them(finished, model_dir):
    base, model = (
        load_file(f"{each}/model.safetensors") for each in (model_dir, finished / "model")
    )
    for name, tensor in base.items():
        adapted = "model.layers" in name or ("blocks" in name and ".mlp." in name)
        is_kernel = name.endswith("weight") and "norm" not in name
        rounded = tensor.astype(jax.numpy.bfloat16)
        assert model[name].dtype == rounded.dtype
        assert np.array_equal(model[name], rounded) != (adapted and is_kernel), name
    mesh = make_mesh({"data": 1, "fsdp": -1, "tensor": 1})
    run, merged, adapter = (
        load_model(path, mesh, Compute())
        for path in (finished, finished / "model", finished / "adapter")
    )
    assert run.step == STEPS
    for path, value in merged.params.items():
        np.testing.assert_array_equal(run.params[path], value, err_msg=path)
        # PEFT's directory has the adapters alone, and its base model is float32.
        np.testing.assert_allclose(adapter.params[path], value, rtol=2**-7, atol=2e-3)


def test_adapters_resume_to_the_bit(finished, arguments, tmp_path):
    """The newest checkpoint is lost, and what came after the one before."""
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    shutil.rmtree(workdir / "checkpoints" / str(STEPS))
    shutil.rmtree(workdir / "adapter")
    again = run_module(*arguments(workdir))
    assert "resuming from step 2" in again.stdout
    ours, theirs = (
        load_file(run / "adapter" / "adapter_model.safetensors") for run in (workdir, finished)
    )
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        np.testing.assert_array_equal(tensor, theirs[name], err_msg=name)


def test_the_log_tells_the_arithmetic_and_the_profile_is_there(finished):
    for line in read_metrics(finished):
        assert line["tflops_per_device"] > 0 and line["tokens_per_second"] > 0
        assert "mfu" not in line  # of a CPU nobody knows the peak
    (trace,) = finished.glob("plugins/profile/*/*.xplane.pb")
    assert b"train" in trace.read_bytes() and b"jit_accumulate" in trace.read_bytes()
