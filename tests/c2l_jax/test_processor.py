"""Records to tokens: equal to transformers' processing, targets in the right places."""

import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from c2l_jax.answers import verdict
from c2l_jax.data.processor import Processor, add_branches, as_asked, response_text, user_text
from c2l_jax.models.qwen2_5_vl.config import Config
from records.errors import UserError
from records.reading import open_split


@pytest.fixture(scope="module")
def processor(model_dir):
    return Processor(model_dir)


@pytest.fixture(scope="module")
def record(dataset):
    split = open_split(dataset, "train")
    return next(r for r in (split[i] for i in range(len(split))) if r["task"] == "cell_color")


def test_records_are_plain_values(record):
    assert isinstance(record["image"], bytes) and record["image"].startswith(b"\x89PNG")
    assert isinstance(record["question"], str) and isinstance(record["seed"], int)
    assert all(isinstance(text, str) for text in [*record["options"], *record["steps"]])


def test_some_features_alone_are_those_of_whole_records(dataset, monkeypatch):
    monkeypatch.setattr("records.reading._AT_ONCE", 7)
    split, names = open_split(dataset, "test"), ("task", "seed", "options")
    assert len(split) % 7
    whole = [{name: record[name] for name in names} for record in split]
    assert list(split.only(*names)) == whole


def test_prompt_is_the_chat_template_with_expanded_picture(processor, record):
    prompt = processor.prompt(record, "cot")
    tokenizer = processor.tokenizer
    is_image = prompt["tokens"] == processor.image_token_id
    assert is_image.sum() == 16  # 112 x 112 px: 4 x 4 merged tokens
    # What transformers' processor would tokenise: the template with the picture's token repeated.
    content = [{"type": "image"}, {"type": "text", "text": user_text(record, "cot")}]
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    ).replace("<|image_pad|>", "<|image_pad|>" * 16)
    assert list(prompt["tokens"]) == tokenizer(text).input_ids
    assert sorted(prompt["image_slots"][is_image]) == list(range(16))
    assert (prompt["image_slots"][~is_image] == -1).all()
    assert text.endswith("assistant\n") and "### Answer" in text


def test_targets_are_the_response_and_its_end(processor, record):
    example = processor.example(record, "cot")
    predicted, where = example["targets"], example["target_slots"]
    assert predicted[-1] == processor.end_token_id
    assert processor.tokenizer.decode(predicted[:-1]) == response_text(record, "cot")
    # Every predicted token is the next input token: the loss is on what the model will read.
    np.testing.assert_array_equal(predicted[:-1], example["tokens"][where[1:]])
    assert (np.diff(where) == 1).all() and where[-1] == len(example["tokens"]) - 1
    assert response_text(record, "cot").endswith(f"### Answer: {record['answer']}")


def test_open_is_the_chain_without_options_and_letter(record):
    asked, reply = user_text(record, "open"), response_text(record, "open")
    right = record["options"][ord(record["answer"]) - ord("A")]
    assert record["question"] in asked and "Options" not in asked
    assert reply == "\n".join([*record["steps"][:-1], f"### Answer: {right}"])
    asked = as_asked(record, "open")
    assert verdict(reply, asked).correct and as_asked(record, "cot") is record
    for other in (*record["options"], record["answer"]):  # nor the letter, which nobody showed
        is_right = verdict(reply.replace(f"Answer: {right}", f"Answer: {other}"), asked).correct
        assert is_right == (other == right)
    fill_in = record | {"options": (), "answer": "7"}
    assert response_text(fill_in, "open") == response_text(fill_in, "cot")


def test_readings_are_asked_without_the_question(record):
    assert response_text(record, "look") == record["steps"][0]
    assert response_text(record, "transcribe") == record["description"]
    other = record | {"question": "What else?"}
    for format in ("look", "transcribe"):
        assert user_text(record, format) == user_text(other, format)


def test_branches_restart_after_the_trunk(processor, record):
    prompt = processor.prompt(record, "cot")
    responses = [processor.response("yes"), processor.response("no, not at all")]
    example = add_branches(prompt, responses)
    alone = [add_branches(prompt, [response]) for response in responses]
    for number, single in enumerate(alone, start=1):
        ours, theirs = example["branches"] == number, single["branches"] == 1
        for name in ("tokens", "positions"):
            np.testing.assert_array_equal(example[name][ours], single[name][theirs])
        on_targets = example["target_branches"] == number
        np.testing.assert_array_equal(example["target_slots"][on_targets], np.flatnonzero(ours))
        np.testing.assert_array_equal(example["targets"][on_targets], single["targets"])
        assert example["tokens"][ours][0] == prompt["tokens"][-1]
    assert (example["branches"] == 0).sum() == len(prompt["tokens"]) - 1


def test_text_only_record_has_no_patches(processor, record):
    text_only = {name: value for name, value in record.items() if name != "image"}
    example = processor.example(text_only, "direct")
    assert len(example["patches"]) == 0 and (example["image_slots"] == -1).all()


@pytest.mark.parametrize("image", [b"", b"\x89PNG broken"])
def test_bad_picture_names_the_record(processor, record, image):
    with pytest.raises(UserError, match=record["id"]):
        processor.prompt(record | {"image": image}, "cot")


def test_a_turned_picture_has_the_size_that_its_prompt_has(processor, record):
    """Also where turning changes how many tiles there are."""
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.new("RGB", (448, 56)).save(file, "JPEG", exif=exif)
    turned = record | {"image": file.getvalue()}
    prompt = processor.prompt(turned, "cot")
    assert processor.size(turned, "cot") == (len(prompt["tokens"]), len(prompt["tile_images"]))
    heights, widths = prompt["patch_coords"].reshape(-1, 2).max(0) + 1
    assert (heights, widths) == (32, 4)


def test_a_narrow_picture_names_the_record(processor, record):
    file = io.BytesIO()
    Image.new("RGB", (3, 700)).save(file, "PNG")
    for ask in (processor.prompt, processor.size):
        with pytest.raises(UserError, match=f"record {record['id']} is too narrow"):
            ask(record | {"image": file.getvalue()}, "cot")


def test_settings_in_processor_config_are_read(processor, model_dir, record, tmp_path):
    """The layout that transformers 5 writes, through the model's own settings as well."""
    directory = shutil.copytree(model_dir, tmp_path / "model")
    old = directory / "preprocessor_config.json"
    settings = json.loads(old.read_text()) | {"image_mean": [0.5, 0.5, 0.5]}
    (directory / "processor_config.json").write_text(json.dumps({"image_processor": settings}))
    old.unlink()
    prompt, other = (p.prompt(record, "cot") for p in (processor, Processor(directory)))
    assert all(np.array_equal(prompt[name], other[name]) for name in prompt)
    assert Config.from_directory(directory).vision_config.image_mean == (0.5, 0.5, 0.5)


def test_image_token_in_a_question_is_refused(processor, record):
    with pytest.raises(UserError, match="image tokens"):
        processor.prompt(record | {"question": "What is <|image_pad|>?"}, "cot")


def test_missing_data_set_and_split(tmp_path, dataset):
    with pytest.raises(UserError, match="no data set"):
        open_split(tmp_path, "train")
    with pytest.raises(UserError, match="no records in split 'dev'"):
        open_split(dataset, "dev")


def test_responses_know_where_their_tokens_begin(processor):
    text = "The cell is red.\n\n### Answer: (3, 5) é"
    tokens, starts = processor.response_and_starts(text)
    assert tokens[-1] == processor.end_token_id and starts[-1] == len(text)
    bounds = [*starts]
    for token, start, end in zip(tokens[:-1], bounds, bounds[1:], strict=False):
        if "\ufffd" not in (piece := processor.tokenizer.decode([token])):
            assert text[start:end] == piece
