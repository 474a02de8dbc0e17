"""Plans for pods, compiled with libtpu on a machine that has no TPU."""

import pytest

from c2l_jax.models import weights
from c2l_jax.objectives import sft
from c2l_jax.plan import plan, report
from c2l_jax.sharding import make_mesh
from configs import tiny_sft
from records.errors import UserError
from tests.conftest import run_module
from tpu import plan as command
from tpu.published import MODELS


@pytest.fixture(scope="module")
def config(model_dir):
    config = tiny_sft.get_config()
    config.model, config.data.rows = str(model_dir), 0
    config.data.row_tokens, config.data.row_targets, config.data.row_tiles = 256, 64, 1
    config.compute_dtype, config.remat = "bfloat16", "full"
    return config


def test_a_small_step_is_planned_for_a_pod(config, tmp_path):
    chips = command.devices("v5e:2x2")
    found = plan(command.resolve(config, tmp_path, 4), sft, make_mesh(config.mesh, chips))
    assert found["devices"] == "4 x v5e" and found["rows"] == 4
    assert found["fits"] and found["total"] < 2**28
    assert found["memory"]["optimizer"] == pytest.approx(
        2 * found["memory"]["parameters"], rel=0.01
    )
    assert found["collectives"]["all-gather"]["largest"] > 0
    assert 0 < found["mfu"] < 1
    assert "4 x v5e" in report(found) and "fits" in report(found)


def test_published_models_have_their_sizes(tmp_path):
    """Of all parameters, as their checkpoints have them."""
    counts = {
        name: sum(shape.size for shape in weights.abstract(config)[1].values())
        for name, config in MODELS.items()
    }
    assert counts == {
        "Qwen2.5-VL-3B": 3_754_622_976,
        "Qwen2.5-VL-7B": 8_292_166_656,
        "Qwen3-VL-8B": 8_767_123_696,
    }


def test_an_unknown_topology_and_a_missing_libtpu_are_told():
    with pytest.raises(UserError, match="no topology 'v5e:3x'"):
        command.devices("v5e:3x")
    options = ["--config", "configs/sft.py", "--topology", "v5e:2x2", "--config.model", "nothing"]
    result = run_module("tpu.plan", *options, check=False)  # commands don't see the tests' libtpu
    assert result.returncode and "pip install -e .[tpu]" in result.stderr
