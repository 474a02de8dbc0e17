"""Plans for pods, compiled with libtpu on a machine that has no TPU."""

import dataclasses

import pytest

from c2l_jax.flops import Work, forward_flops
from c2l_jax.models import weights
from c2l_jax.objectives import sft
from c2l_jax.plan import plan, plan_responses, report, report_responses
from c2l_jax.sampler import SEGMENT
from c2l_jax.sharding import make_mesh
from configs import tiny_sft
from records.errors import UserError
from tests.c2l_jax import tiny
from tests.conftest import run_module
from tpu import plan as command
from tpu.published import MODELS

LAYERS = 3


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Of a model with three layers and two blocks, which no pod is too small for."""
    config = tiny_sft.get_config()
    folder = tmp_path_factory.mktemp("plan") / "model"
    config.model = str(command.published.write(tiny.config(), folder, layers=LAYERS, blocks=2))
    config.data.rows, config.data.row_targets = 0, 64
    config.data.row_tokens, config.data.row_tiles = 256, 1
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
    assert 0 < found["mfu"] < 1
    assert "4 x v5e" in report(found) and "fits" in report(found)
    # As libtpu 0.0.42 compiles it. In the scans over layers parameters are gathered, forwards and
    # backwards, and gradients reduced; nothing else may come to travel there.
    kinds = found["collectives"]
    assert {
        kind: (t["looped"] / LAYERS, t["count"] - t["looped"]) for kind, t in kinds.items()
    } == {
        "all-gather": (18, 33),
        "all-reduce": (1, 8),
        "all-to-all": (0, 5),
    }


def test_a_search_names_what_is_fastest_of_what_fits(config, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "REMATS", ("full",))
    monkeypatch.setattr(command, "ROWS", (1,))
    (chip, *_) = command.devices("v5e:2x2")
    config = command.resolve(config, tmp_path, 1)
    found = command.search(config, sft, [chip])
    assert found["mesh"] == {"data": 1, "fsdp": 1, "tensor": 1} and found["remat"] == "full"
    assert found["fits"] and found["collectives"] == {}  # one chip sends nothing
    assert "1 rows: " in capsys.readouterr().err


def test_responses_are_planned_for_a_pod(config, tmp_path):
    """With the arithmetic of a token that its products have, caches and all."""
    chips, lanes, length = command.devices("v5e:2x2"), 2, 64
    config = command.resolve(config, tmp_path, 4)
    found = plan_responses(config, make_mesh(config.mesh, chips), lanes, length)
    model = tiny.config()
    text = dataclasses.replace(model.text_config, num_hidden_layers=LAYERS)
    model = dataclasses.replace(model, text_config=text)
    tokens, slots = 4 * lanes, 256 + length + SEGMENT  # of trunk, finished and running segments
    done = Work(tokens=tokens, targets=tokens, pairs=tokens * slots)
    assert found["flops"]["token"] == forward_flops(model, weights.abstract(model)[1], done)
    kept = 2 * 2 * text.num_key_value_heads * text.head_dim * LAYERS  # bytes a token of a cache
    assert found["memory"]["caches"] >= kept * (256 + lanes * length)
    token, tokens = found["seconds"]["token"], found["tokens_per_second"]
    assert token["all"] == max(token["products"], token["network"], token["memory"])
    assert 0 < tokens < 4 * lanes / token["all"]
    looped = found["collectives"]["segment"]["all-reduce"]["looped"]
    assert looped and looped % SEGMENT == 0  # a token's, sixteen times
    assert "2 lanes each" in report_responses(found)


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
