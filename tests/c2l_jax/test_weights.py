"""Model directories in and out: layouts, errors, round trips through transformers."""

import contextlib
import dataclasses
import json
import math
import re
import shutil
import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from transformers import Qwen2_5_VLForConditionalGeneration

from c2l_jax.models import weights
from c2l_jax.models.directory import open_tensors
from c2l_jax.models.params import merge
from c2l_jax.models.qwen2_5_vl.config import Config
from records.errors import UserError
from tests.c2l_jax import tiny


@pytest.fixture(scope="module")
def reference():
    return tiny.torch_model(tiny.config(tied=False))


@pytest.fixture(scope="module")
def source(reference, tmp_path_factory):
    directory = tmp_path_factory.mktemp("source")
    tiny.save_checkpoint(reference, directory)
    return directory


@pytest.fixture
def checkpoint(source, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(source, tmp_path / "checkpoint")


def assert_same(params, others):
    assert params.keys() == others.keys()
    for path, value in params.items():
        np.testing.assert_array_equal(value, others[path], err_msg=path)


def edit_json(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_sharded_checkpoints_load(reference, source, tmp_path):
    tiny.save_checkpoint(reference, tmp_path, max_shard_size="50KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 3
    assert_same(weights.load(tmp_path), weights.load(source))


def test_both_generations_of_tensor_names_load(checkpoint, source):
    path = checkpoint / "model.safetensors"
    tensors = load_file(path)
    assert "model.layers.0.mlp.up_proj.weight" in tensors  # the published names
    renamed = {
        re.sub(r"^visual\.", "model.visual.", re.sub(r"^model\.", "model.language_model.", name)): v
        for name, v in tensors.items()
    }
    assert "model.language_model.layers.0.mlp.up_proj.weight" in renamed
    save_file(renamed, path)
    assert_same(weights.load(checkpoint), weights.load(source))


def test_the_published_flat_config_loads(checkpoint, source):
    """Text fields at the top level and rope_scaling of type mrope, as on the hub."""
    path = checkpoint / "config.json"
    settings = json.loads(path.read_text())
    text = settings.pop("text_config")
    rope = text.pop("rope_parameters")
    flat = {
        **text,
        **settings,
        "rope_theta": rope["rope_theta"],
        "rope_scaling": {"type": "mrope", "mrope_section": rope["mrope_section"]},
    }
    flat["vision_config"] = {**flat["vision_config"], "in_chans": 3, "spatial_patch_size": 14}
    path.write_text(json.dumps(flat))
    assert Config.from_directory(checkpoint) == Config.from_directory(source)


def test_config_survives_the_way_through_transformers(source):
    expected = tiny.config(tied=False)
    assert Config.from_directory(source) == expected
    tied = tiny.config(tied=True)
    assert tied.to_hf()["tie_word_embeddings"] is True


@pytest.mark.parametrize(
    "file, changes, message",
    [
        ("config.json", {"model_type": "qwen2_vl"}, "'qwen2_vl'"),
        ("config.json", {"vision_config": None}, "vision_config"),
        ("config.json", {"image_token_id": None, "text_config": {"hidden_size": 4}}, "rotary"),
    ],
)
def test_configs_of_other_models_are_refused(checkpoint, file, changes, message):
    edit_json(checkpoint / file, **changes)
    with pytest.raises(UserError, match=message):
        weights.load(checkpoint)


@pytest.mark.parametrize(
    "section, field, value, message",
    [
        ("text_config", "use_sliding_window", True, "use_sliding_window"),
        ("text_config", "hidden_act", "gelu", "gelu"),
        ("text_config", "num_key_value_heads", 3, "num_key_value_heads"),
        (
            "text_config",
            "rope_parameters",
            {"rope_type": "yarn", "mrope_section": [2, 3, 3]},
            "yarn",
        ),
        ("vision_config", "out_hidden_size", 8, "out_hidden_size"),
    ],
)
def test_settings_the_model_cannot_follow_are_refused(checkpoint, section, field, value, message):
    path = checkpoint / "config.json"
    settings = json.loads(path.read_text())
    settings[section][field] = value
    path.write_text(json.dumps(settings))
    with pytest.raises(UserError, match=message):
        weights.load(checkpoint)


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_missing_files_are_named(checkpoint, file):
    (checkpoint / file).unlink()
    with pytest.raises(UserError, match=file.replace(".", r"\.")):
        weights.load(checkpoint)


def test_wrong_tensors_are_named(checkpoint):
    path = checkpoint / "model.safetensors"
    tensors = load_file(path)
    del tensors["model.norm.weight"]
    tensors["visual.extra.weight"] = np.zeros(3, np.float32)
    tensors["lm_head.weight"] = tensors["lm_head.weight"][:-1]
    save_file(tensors, path)
    with pytest.raises(UserError) as error:
        weights.load(checkpoint)
    message = str(error.value)
    assert "model.norm.weight is missing" in message
    assert "visual.extra.weight is unknown" in message
    assert "lm_head.weight has shape (95, 64) instead of (96, 64)" in message


def test_truncated_weights_are_refused(checkpoint):
    path = checkpoint / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="can't be read"):
        weights.load(checkpoint)


def test_parameters_are_cast_while_loading(source):
    whole = weights.load(source)
    half = weights.load(source, dtype=jnp.bfloat16)
    assert {leaf.dtype for leaf in jax.tree.leaves(half)} == {jnp.dtype(jnp.bfloat16)}
    assert_same(half, jax.tree.map(lambda p: p.astype(jnp.bfloat16), whole))


def test_each_shard_is_read_on_its_own(source):
    """Any part of any parameter, as devices ask for it, is that part of the whole."""
    rng = np.random.default_rng(0)
    _, shapes = weights.abstract(tiny.config(tied=False))
    whole, names = weights.load(source), weights.Names(tiny.config(tied=False))
    with contextlib.ExitStack() as files:
        tensors = open_tensors(source, files)
        for path, param in shapes.items():
            bounds = [np.sort(rng.choice(size + 1, 2, replace=False)) for size in param.shape]
            index = tuple(slice(int(start), int(stop)) for start, stop in bounds)
            part = weights._read(tensors, names.entry(path), param, index)
            np.testing.assert_array_equal(part, whole[path][index], err_msg=path)


def test_a_parameter_is_read_layer_by_layer_into_its_place(tmp_path):
    """Of sixteen layers no more than two are on the host beside the parameter."""
    small = tiny.config()
    text = dataclasses.replace(small.text_config, num_hidden_layers=16, intermediate_size=4000)
    config = dataclasses.replace(small, text_config=text)
    weights.export(config, weights.init(config, seed=0), tmp_path / "model", tmp_path)
    path = "text/layers/mlp/up/kernel"
    with contextlib.ExitStack() as files:
        names, shape = weights.Names(config), weights.abstract(config)[1][path]
        tensors = open_tensors(tmp_path / "model", files, names.canonical)
        tracemalloc.start()
        part = weights._read(tensors, names.entry(path), shape, (slice(None),) * 3)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert part.nbytes == 16 * 64 * 4000 * 4
    assert part.nbytes < peak < part.nbytes * (1 + 2.5 / 16)


@pytest.mark.parametrize("max_shard_bytes", [10**9, 60_000])
def test_exports_load_in_transformers_unchanged(reference, source, tmp_path, max_shard_bytes):
    params = weights.load(source)
    config = Config.from_directory(source)
    weights.export(config, params, tmp_path / "out", source, max_shard_bytes)
    single = (tmp_path / "out" / "model.safetensors").exists()
    assert single == (max_shard_bytes == 10**9)
    model, report = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        tmp_path / "out", output_loading_info=True
    )
    assert not any(report.values()), report
    for (name, ours), (_, theirs) in zip(
        model.named_parameters(), reference.named_parameters(), strict=True
    ):
        assert torch.equal(ours, theirs), name
    sequence = tiny.sequence([3, (84, 140), 4], np.random.default_rng(0))
    with torch.no_grad():
        ours, theirs = (m.eval()(**tiny.torch_inputs(sequence)).logits for m in (model, reference))
    assert torch.equal(ours, theirs)
    assert_same(weights.load(tmp_path / "out"), params)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_a_failed_export_leaves_nothing_behind(source, tmp_path):
    params = weights.load(source)
    config = Config.from_directory(source)
    params["text/norm/scale"] = np.zeros(64, np.float32)  # no jax array
    with pytest.raises(AttributeError):
        weights.export(config, params, tmp_path / "out", source)
    assert not list(tmp_path.iterdir())
    weights.export(config, weights.load(source), tmp_path / "out", source)  # tries again
    with pytest.raises(UserError, match="exists"):
        weights.export(config, params, tmp_path / "out", source)


def test_initialisation_has_unit_gain():
    config = tiny.config(tied=True)
    params = weights.init(config, seed=1)
    for path_text, param in params.items():
        value = np.asarray(param)
        if path_text.endswith("norm/scale"):
            assert (value == 1).all()
        elif path_text.endswith("bias"):
            assert (value == 0).all()
        else:
            fan_in = math.prod(value.shape[:-1])
            if path_text == "text/embedding":  # used as the head, too
                fan_in = value.shape[1]
            elif "layers" in path_text or "blocks" in path_text:
                fan_in //= value.shape[0]
            gain = fan_in**0.5 * value.std()
            residual = path_text.endswith(("attention/output/kernel", "mlp/down/kernel"))
            expected = (2 * value.shape[0]) ** -0.5 if residual else 1.0
            assert gain == pytest.approx(expected, rel=0.1), path_text
    model = merge(weights.abstract(config)[0], params)
    assert model.head_vd() is model.text.embedding[...]


def test_an_untied_head_is_a_parameter_of_its_own():
    assert "head" in weights.abstract(tiny.config(tied=False))[1]
    assert "head" not in weights.abstract(tiny.config(tied=True))[1]


def test_every_parameter_has_one_line_in_both_tables():
    tiny.assert_tables_cover(tiny.config(tied=False))
