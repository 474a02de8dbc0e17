"""Adapters: what they compute, alone and merged, and as directories that PEFT reads and writes."""

import json

import jax
import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model

from c2l_jax.models import weights
from c2l_jax.models.directory import fingerprint
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import load_model
from c2l_jax.models.lora import LoRA, is_adapter, merged, without
from c2l_jax.models.params import merge
from c2l_jax.sharding import make_mesh
from records.errors import UserError
from tests.c2l_jax import tiny

CONFIGS = {"qwen2_5_vl": tiny.config(tied=False), "qwen3_vl": tiny.qwen3()}
LORA = LoRA(3, 6.0, r"^(text/layers|vision/(merger|blocks))/")


def same(params, others, **tolerance):
    assert params.keys() == others.keys()
    for path, value in params.items():
        np.testing.assert_allclose(value, others[path], err_msg=path, **tolerance)


def mesh():
    return make_mesh({"data": 1, "fsdp": -1, "tensor": 1})


@pytest.fixture(scope="module", params=sorted(CONFIGS))
def adapted(request, tmp_path_factory):
    """(config, base directory, adapter directory, parameters with adapters that all matter)."""
    config, folder = CONFIGS[request.param], tmp_path_factory.mktemp("adapted")
    tiny.save_checkpoint(tiny.torch_model(config), folder / "base")
    rng, params = np.random.default_rng(0), weights.load(folder / "base")
    for path, shape in weights.abstract(config, lora=LORA)[1].items():
        if is_adapter(path):
            values = 0.3 * rng.normal(size=shape.shape) * shape.shape[-2] ** -0.5
            params[path] = jax.numpy.asarray(values, np.float32)
    weights.export_adapter(config, params, LORA, folder / "adapter", folder / "base")
    return config, folder / "base", folder / "adapter", params


def test_peft_loads_what_is_exported_and_computes_the_same(adapted):
    config, base, adapter, params = adapted
    family = config.MODEL_TYPE
    sequence = tiny.sequence([5, (84, 140), 4], np.random.default_rng(1), family)
    batch = tiny.row([sequence], family=family)
    graphdef = weights.abstract(config, lora=LORA)[0]

    @jax.jit
    def logits(params):
        on = merge(graphdef, params)
        return [model(batch) @ model.head_vd().T for model in (on, without(on))]

    on, off = (np.asarray(each)[0] for each in logits(params))
    reference = tiny.MODELS[family][1].from_pretrained(base).eval()
    inputs = tiny.torch_inputs(sequence)
    with torch.no_grad():
        np.testing.assert_allclose(off, reference(**inputs).logits[0], atol=1e-4)
        theirs = PeftModel.from_pretrained(reference, adapter).eval()
        np.testing.assert_allclose(on, theirs(**inputs).logits[0], atol=1e-4)
    assert np.abs(on - off).max() > 0.1


def test_every_way_to_load_an_adapter_gives_the_merged_model(adapted, tmp_path):
    config, base, adapter, params = adapted
    plain = jax.jit(merged, static_argnums=1)(params, LORA)
    loaded = load_model(adapter, mesh(), Compute())
    same(loaded.params, plain, rtol=1e-5, atol=1e-6)
    assert loaded.directory == base
    weights.export(config, plain, tmp_path / "out", base)
    same(weights.load(tmp_path / "out"), plain)
    with pytest.raises(UserError, match=r"text/layers/attention/key/adapter/a.* would be lost"):
        weights.export(config, params, tmp_path / "lost", base)
    assert len({fingerprint(path) for path in (base, adapter, tmp_path / "out")}) == 3


def test_adapters_that_peft_makes_are_read(adapted, tmp_path):
    """Of some layers only, and with a rank of its own."""
    config, base, _, _ = adapted
    theirs = tiny.MODELS[config.MODEL_TYPE][1].from_pretrained(base)
    settings = LoraConfig(
        r=2,
        lora_alpha=8,
        target_modules=r".*(layers\.1.*(q_proj|down_proj)|blocks\.0.*qkv)",
        rank_pattern={"down_proj": 4},
        init_lora_weights=False,
    )
    tuned = get_peft_model(theirs, settings)
    tuned.save_pretrained(tmp_path / "adapter")
    tuned.merge_and_unload().save_pretrained(tmp_path / "merged")
    path = tmp_path / "adapter" / "adapter_config.json"
    written = json.loads(path.read_text())
    (tmp_path / "merged" / "preprocessor_config.json").write_bytes(
        (base / "preprocessor_config.json").read_bytes()
    )
    path.write_text(json.dumps(written | {"base_model_name_or_path": str(base)}))
    ours = load_model(tmp_path / "adapter", mesh(), Compute())
    same(ours.params, weights.load(tmp_path / "merged"), rtol=1e-5, atol=1e-6)
    for change, message in (
        ({"base_model_name_or_path": "Qwen/Nothing"}, "names the base model 'Qwen/Nothing'"),
        ({"use_dora": True}, "other than plain LoRA .use_dora"),
        ({"bias": "all"}, "other than plain LoRA"),
    ):
        path.write_text(json.dumps(written | {"base_model_name_or_path": str(base)} | change))
        with pytest.raises(UserError, match=message):
            load_model(tmp_path / "adapter", mesh(), Compute())


def test_settings_that_make_no_sense_are_refused():
    assert LoRA.of({"rank": 0, "alpha": 0.0, "pattern": ""}) is None
    for change, message in (
        ({"rank": -1}, "rank -1 must not be negative"),
        ({"alpha": 0.0}, "alpha 0.0 must be above 0"),
        ({"pattern": "("}, r"pattern: '\(' is no regular expression"),
    ):
        with pytest.raises(UserError, match=message):
            LoRA.of({"rank": 2, "alpha": 4.0, "pattern": "text"} | change)
    with pytest.raises(UserError, match="'txet' is found in no linear layer's path"):
        weights.abstract(tiny.config(), lora=LoRA(2, 4.0, "txet"))
