"""Qwen3-VL's directories and pictures, and the commands with a model of this family."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Qwen3VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from c2l_jax import evaluate, preferences, sample
from c2l_jax.data.images import patchify, target_size
from c2l_jax.data.processor import Processor
from c2l_jax.metrics import read_metrics
from c2l_jax.models import weights
from c2l_jax.models.qwen3_vl import Config, pictures
from records.errors import UserError
from records.reading import open_split
from tests.c2l_jax import sampled, tiny
from tests.c2l_jax.conftest import train_arguments
from tests.conftest import run_module

# As the published checkpoints have it.
PREPROCESSOR = {
    "size": {"longest_edge": 16777216, "shortest_edge": 65536},
    "patch_size": 16,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "processor_class": "Qwen3VLProcessor",
    "image_processor_type": "Qwen2VLImageProcessorFast",
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """(directory, transformers' model)."""
    model, directory = tiny.torch_model(tiny.qwen3()), tmp_path_factory.mktemp("qwen3")
    tiny.save_checkpoint(model, directory)
    (directory / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR))
    return directory, model


@pytest.fixture(scope="module")
def nano(tmp_path_factory, dataset):
    out = tmp_path_factory.mktemp("nano3") / "model"
    options = ["--family", "qwen3_vl", "--preset", "nano", "--data", dataset, "--out", out]
    run_module("c2l_jax.init_model", *options)
    return out


@pytest.mark.parametrize("size", [(112, 112), (300, 421), (97, 1500), (640, 480), (33, 64)])
def test_pictures_equal_the_processor_byte_for_byte(checkpoint, size):
    spec = pictures(checkpoint[0])
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8))
    kept = {name: PREPROCESSOR[name] for name in ("size", "patch_size")}
    processor = Qwen2VLImageProcessorPil(**kept, do_rescale=False, do_normalize=False)
    theirs = processor(images=[image], return_tensors="np")
    height, width = target_size(*size, spec)
    assert theirs["image_grid_thw"].tolist() == [[1, height // 16, width // 16]]
    patches = patchify(image, spec)
    units = patches.pixels_gsp.reshape(-1, 4, 3, 256)[patches.slots_n].reshape(-1, 3, 256)
    ours = np.repeat(units[:, :, None], 2, axis=2).reshape(len(units), -1)
    np.testing.assert_array_equal(ours, theirs["pixel_values"])


def test_small_pictures_have_the_published_number_of_tokens(checkpoint):
    spec = pictures(checkpoint[0])
    for size, tokens in (((112, 112), 64), ((448, 448), 196), ((480, 640), 300)):
        height, width = target_size(*size, spec)
        assert height * width // 1024 == tokens


def test_the_published_config_loads(checkpoint, tmp_path):
    """rope_theta beside rope_scaling, and the tower under its older name."""
    directory, _ = checkpoint
    settings = json.loads((directory / "config.json").read_text())
    rope = settings["text_config"].pop("rope_parameters")
    settings["text_config"] |= {
        "rope_theta": rope["rope_theta"],
        "rope_scaling": {
            "mrope_interleaved": True,
            "mrope_section": rope["mrope_section"],
            "rope_type": "default",
        },
    }
    settings["vision_config"]["model_type"] = "qwen3_vl"
    (tmp_path / "config.json").write_text(json.dumps(settings))
    for name in ("preprocessor_config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(directory / name)
    expected = tiny.qwen3()
    assert Config.from_directory(tmp_path) == expected == Config.from_directory(directory)
    assert expected.text_config.head_dim == 32


def test_exports_load_in_transformers_unchanged(checkpoint, tmp_path):
    directory, reference = checkpoint
    config, params = Config.from_directory(directory), weights.load(directory)
    weights.export(config, params, tmp_path / "out", directory)
    model, report = Qwen3VLForConditionalGeneration.from_pretrained(
        tmp_path / "out", output_loading_info=True
    )
    assert not any(report.values()), report
    for (name, ours), (_, theirs) in zip(
        model.named_parameters(), reference.named_parameters(), strict=True
    ):
        assert torch.equal(ours, theirs), name
    sequence = tiny.sequence([3, (84, 140), 4], np.random.default_rng(0), "qwen3_vl")
    with torch.no_grad():
        ours, theirs = (m.eval()(**tiny.torch_inputs(sequence)).logits for m in (model, reference))
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("text_config", {"attention_bias": True}, "attention_bias"),
        ("text_config", {"num_key_value_heads": 3}, "num_key_value_heads"),
        ("vision_config", {"hidden_act": "relu"}, "relu"),
        ("vision_config", {"num_position_embeddings": 35}, "no square"),
        ("vision_config", {"deepstack_visual_indexes": [2, 0]}, "must rise"),
        ("vision_config", {"deepstack_visual_indexes": [0, 1, 2, 3]}, "4 entries for 3"),
    ],
)
def test_settings_the_model_cannot_follow_are_refused(
    checkpoint, tmp_path, section, changes, message
):
    settings = json.loads((checkpoint[0] / "config.json").read_text())
    settings[section] |= changes
    (tmp_path / "config.json").write_text(json.dumps(settings))
    for name in ("preprocessor_config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(checkpoint[0] / name)
    with pytest.raises(UserError, match=message):
        Config.from_directory(tmp_path)


def test_every_parameter_has_one_line_in_both_tables():
    tiny.assert_tables_cover(tiny.qwen3(tied=False))


def test_the_commands_work_with_it(nano, dataset, tmp_path):
    """Trained, asked, sampled from, and trained on the pairs; transformers loads the result."""
    small = {"steps": 2, "checkpoint.every": 2, "data.rows": 2, "data.row_tiles": 8}
    small = {name.replace(".", "__"): value for name, value in small.items()}
    run_module(*train_arguments(nano, dataset, tmp_path / "sft", **small))
    trained = tmp_path / "sft" / "model"
    _, report = Qwen3VLForConditionalGeneration.from_pretrained(trained, output_loading_info=True)
    assert not any(report.values()), report

    asked = ["--data", str(dataset), "--limit", "3", "--max-tokens", "4", "--rows", "2"]
    evaluate.main(["--model", str(tmp_path / "sft"), "--out", str(tmp_path / "eval"), *asked])
    assert json.loads((tmp_path / "eval" / "evaluation.json").read_text())["overall"]["count"] == 3
    out = ["--split", "train", "--n", "2", "--out", str(tmp_path / "sampled")]
    sample.main(["--model", str(trained), *asked, *out])
    assert len((tmp_path / "sampled" / "responses.jsonl").read_text().splitlines()) == 3

    responses = sampled.write(tmp_path / "written", trained, dataset)
    preferences.main(["--responses", str(responses), "--out", str(tmp_path / "pairs")])
    dpo = train_arguments(trained, tmp_path / "pairs", tmp_path / "dpo", "tiny_dpo", **small)
    run_module(*dpo)
    assert abs(read_metrics(tmp_path / "dpo")[0]["rewards/margin"]) < 1e-5


def test_the_prompt_has_no_system_message_of_its_own(nano, dataset):
    processor = Processor(nano)
    prompt = processor.prompt(open_split(dataset, "test")[0], "cot")
    text = processor.tokenizer.decode(prompt["tokens"])
    assert text.startswith("<|im_start|>user\n<|vision_start|><|image_pad|>")
    assert text.endswith("<|im_end|>\n<|im_start|>assistant\n")
    merged = (prompt["tokens"] == processor.image_token_id).sum()
    assert merged == (prompt["image_slots"] >= 0).sum() == np.prod(prompt["tile_grids"][0]) // 4
    assert processor.pictures.tile_size == 128
