"""The directory `init_model` makes: what transformers and our own loader see in it."""

import json
import re

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration

from c2l_jax.init_model import main, texts, train_tokenizer
from c2l_jax.models import weights
from c2l_jax.models.qwen import SPECIAL_TOKENS
from c2l_jax.models.qwen2_5_vl.config import Config
from records.reading import open_split


@pytest.fixture(scope="module")
def tokenizer(model_dir):
    return AutoTokenizer.from_pretrained(model_dir)


def test_transformers_loads_the_model_without_a_word(model_dir):
    model, report = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        model_dir, output_loading_info=True
    )
    assert not any(report.values()), report
    config = Config.from_directory(model_dir)
    assert model.config.text_config.vocab_size == config.text_config.vocab_size
    ours = weights.load(model_dir)["text/embedding"]
    theirs = model.get_input_embeddings().weight.detach().numpy()
    np.testing.assert_array_equal(ours, theirs)
    generated = model.generate(torch.tensor([[5, 6, 7]]), max_new_tokens=3, do_sample=False)
    assert generated.shape[1] <= 6


def test_special_tokens_are_the_ones_the_config_names(model_dir, tokenizer):
    config = Config.from_directory(model_dir)
    ids = dict(
        zip(
            ("vision_start", "vision_end", "image_pad", "video_pad", "im_end", "endoftext"),
            (
                config.vision_start_token_id,
                config.vision_end_token_id,
                config.image_token_id,
                config.video_token_id,
                config.text_config.eos_token_id,
                config.text_config.bos_token_id,
            ),
            strict=True,
        )
    )
    for name, number in ids.items():
        assert tokenizer(f"<|{name}|>", add_special_tokens=False).input_ids == [number]
    assert tokenizer.eos_token_id == ids["im_end"]
    assert tokenizer.pad_token_id == ids["endoftext"]
    generation = json.loads((model_dir / "generation_config.json").read_text())
    assert ids["im_end"] in generation["eos_token_id"]
    assert len(tokenizer) <= config.text_config.vocab_size


@pytest.mark.parametrize(
    "text",
    [
        "### Answer: A",
        "  two  blanks\tand\r\n\r\nbreaks \n",
        "e\u0301 is not é, \u212b is not Å",
        "日本語 👍🏽 \x00 \ufffd",
        "X.O|3-12:(4,5)#aB",
        "<|im_start|>user\nwhat?<|im_end|>",
    ],
)
def test_any_text_survives(tokenizer, text):
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text


def test_a_token_holds_one_number_at_most(tokenizer):
    tokens = tokenizer.tokenize("in (1, 2) and (13, 4): 5, 6 and 789")
    numbers = [re.findall(r"\d+", token) for token in tokens]
    assert max(map(len, numbers)) == 1 and all(len(n) <= 2 for found in numbers for n in found)


def test_fixed_wording_is_compressed(dataset, tokenizer):
    record = open_split(dataset, "train")[0]
    text = " ".join(record["steps"])
    assert len(tokenizer(text).input_ids) < len(text) / 2


def test_chat_template_renders_roles_and_pictures(tokenizer):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "That."}]},
        {"role": "user", "content": "Sure?"},
    ]
    start, end = "<|im_start|>", "<|im_end|>\n"
    rendered = tokenizer.apply_chat_template(messages, tokenize=False)
    assert rendered == (
        f"{start}system\nBe brief.{end}"
        f"{start}user\n<|vision_start|><|image_pad|><|vision_end|>What?{end}"
        f"{start}assistant\nThat.{end}"
        f"{start}user\nSure?{end}"
    )
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert prompt == rendered + f"{start}assistant\n"
    only = tokenizer.apply_chat_template(messages[3:], tokenize=False)
    assert only == f"{start}user\nSure?{end}"  # no system message out of nowhere
    with pytest.raises(Exception, match="audio"):
        tokenizer.apply_chat_template([{"role": "user", "content": [{"type": "audio"}]}])


def test_the_tokenizer_is_a_function_of_the_data(dataset):
    first, second = (
        train_tokenizer(texts(dataset), 640, SPECIAL_TOKENS).to_str() for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"--preset": "huge"}, "no preset 'huge'"),
        ({"--data": "/nowhere"}, "/nowhere"),
        ({"--out": "."}, "exists"),
    ],
)
def test_bad_arguments_are_one_sentence(dataset, tmp_path, capsys, changes, message):
    arguments = {"--preset": "nano", "--data": dataset, "--out": tmp_path / "out"} | changes
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for pair in arguments.items() for word in pair])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()
