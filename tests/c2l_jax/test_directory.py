"""Model directories as people have them: what wins over what is what transformers says."""

import json
import shutil

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration
from transformers.processing_utils import ProcessorMixin

from c2l_jax.data.processor import Processor
from c2l_jax.models import weights
from c2l_jax.models.directory import chat_template, end_token_ids, fingerprint
from c2l_jax.models.qwen2_5_vl.config import Config
from records.errors import UserError

HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"
TEXT_ONLY = (
    "{% for m in messages %}<|im_start|>{{ m.role + '\n' + m.content }}<|im_end|>\n{% endfor %}"
)


@pytest.fixture
def checkpoint(model_dir, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(model_dir, tmp_path / "checkpoint")


def edit(path, **changes):
    old = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(old | changes))


def edit_tensors(directory, change, file="model.safetensors"):
    tensors = load_file(directory / file)
    change(tensors)
    save_file(tensors, directory / file, metadata={"format": "pt"})


def shard(directory, name="model"):
    """The one file as two shards and an index; the file goes."""
    tensors = load_file(directory / "model.safetensors")
    names = sorted(tensors)
    parts = {f"{name}-1.safetensors": names[::2], f"{name}-2.safetensors": names[1::2]}
    for file, some in parts.items():
        save_file({n: tensors[n] for n in some}, directory / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {n: f for f, some in parts.items() for n in some}}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    (directory / "model.safetensors").unlink()


def theirs(directory) -> dict[str, np.ndarray]:
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(directory)
    return {name: value.numpy() for name, value in model.state_dict().items()}


def head_and_embedding(directory):
    params = weights.load(directory)
    return np.asarray(params.get("head", params["text/embedding"])), params["text/embedding"]


# ------------------------------------------------------------------------------------- weights


def test_a_head_that_differs_is_one_of_its_own_whatever_the_flag_says(checkpoint, tmp_path, caplog):
    assert json.loads((checkpoint / "config.json").read_text())["tie_word_embeddings"]
    edit_tensors(checkpoint, lambda t: t.update({HEAD: 2 * t[EMBEDDING]}))
    config = Config.from_directory(checkpoint)
    assert not config.tie_word_embeddings and "another one" in caplog.text
    head, embedding = head_and_embedding(checkpoint)
    np.testing.assert_array_equal(head, theirs(checkpoint)[HEAD])
    np.testing.assert_array_equal(head, 2 * embedding)
    weights.export(config, weights.load(checkpoint), tmp_path / "out", checkpoint)
    assert not json.loads((tmp_path / "out" / "config.json").read_text())["tie_word_embeddings"]
    np.testing.assert_array_equal(theirs(tmp_path / "out")[HEAD], head)


def test_an_equal_head_and_a_head_alone_are_the_embedding(checkpoint):
    edit_tensors(checkpoint, lambda t: t.update({HEAD: t[EMBEDDING].copy()}))
    assert Config.from_directory(checkpoint).tie_word_embeddings
    before = head_and_embedding(checkpoint)[1]
    edit_tensors(checkpoint, lambda t: t.pop(EMBEDDING))
    np.testing.assert_array_equal(head_and_embedding(checkpoint)[1], before)
    np.testing.assert_array_equal(theirs(checkpoint)[HEAD], before)


def test_one_whole_file_wins_over_an_index_and_its_shards(checkpoint):
    whole = (checkpoint / "model.safetensors").read_bytes()
    digest = fingerprint(checkpoint)
    edit_tensors(checkpoint, lambda t: t.update({name: t[name] + 1 for name in t}))
    shard(checkpoint)
    (checkpoint / "model.safetensors").write_bytes(whole)
    embedding = head_and_embedding(checkpoint)[1]
    np.testing.assert_array_equal(embedding, theirs(checkpoint)["lm_head.weight"])
    assert fingerprint(checkpoint) == digest  # what is not read does not count
    (checkpoint / "model.safetensors").unlink()
    np.testing.assert_array_equal(head_and_embedding(checkpoint)[1], embedding + 1)
    assert fingerprint(checkpoint) != digest
    # Nor does the index of shards that are gone stand in the way of the whole file.
    (checkpoint / "model.safetensors").write_bytes(whole)
    for path in checkpoint.glob("model-*.safetensors"):
        path.unlink()
    np.testing.assert_array_equal(head_and_embedding(checkpoint)[1], embedding)


def test_defaults_are_those_of_transformers(checkpoint):
    path = checkpoint / "config.json"
    settings = json.loads(path.read_text())
    for name in ("rms_norm_eps", "num_key_value_heads"):
        settings["text_config"][name] = None
    path.write_text(json.dumps(settings))
    text = Config.from_directory(checkpoint).text_config
    # transformers refuses the null of rms_norm_eps, and says this where it is absent.
    assert text.rms_norm_eps == 1e-5
    assert text.num_key_value_heads == text.num_attention_heads


def test_parameters_without_a_name_are_not_lost(checkpoint, tmp_path):
    config, params = Config.from_directory(checkpoint), weights.load(checkpoint)
    params["text/lora/scale"] = params["text/norm/scale"]
    with pytest.raises(UserError, match="text/lora/scale have no name"):
        weights.export(config, params, tmp_path / "out", checkpoint)
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------------ tokeniser and template


def test_every_end_token_counts(checkpoint):
    processor = Processor(checkpoint)
    ids = processor.tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    assert processor.end_token_id == ids[0] and set(processor.end_token_ids) == set(ids)
    path = checkpoint / "generation_config.json"
    for said, expected in ((7, [7]), ([7, 9], [7, 9]), (None, []), (ids, ids)):
        edit(path, eos_token_id=said)
        assert set(Processor(checkpoint).end_token_ids) == {*expected, ids[0]}
    path.unlink()
    assert Processor(checkpoint).end_token_ids == (ids[0],)
    edit(checkpoint / "config.json", eos_token_id=[5])
    assert 5 in end_token_ids(checkpoint) and 5 in Processor(checkpoint).end_token_ids


def test_ids_beyond_the_embedding_are_refused(checkpoint):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    rows = Config.from_directory(checkpoint).text_config.vocab_size
    assert len(tokenizer) <= rows  # a padded embedding is usual
    more = rows - len(tokenizer)
    tokenizer.add_tokens([f"<extra{i}>" for i in range(more)])
    tokenizer.save_pretrained(checkpoint)
    assert len(Processor(checkpoint).tokenizer) == rows
    tokenizer.add_tokens(["<one more>"])
    tokenizer.save_pretrained(checkpoint)
    with pytest.raises(UserError, match=rf"ids up to {rows} \('<one more>'\).*{rows} rows"):
        Processor(checkpoint)


def test_a_picture_token_of_another_id_is_refused(checkpoint):
    edit(checkpoint / "config.json", image_token_id=3)
    with pytest.raises(UserError, match=r"token 3 of its config\.json"):
        Processor(checkpoint)


def put(directory, place, template):
    """Writes a template to one of the places where transformers looks."""
    if place == "processor_config.json":
        edit(directory / place, chat_template=template)
    elif place in ("chat_template.json", "tokenizer_config.json"):
        edit(directory / place, chat_template=template)
    else:
        (directory / place).write_text(template)


def test_the_template_is_the_one_that_transformers_takes(checkpoint):
    good = (checkpoint / "chat_template.jinja").read_text()
    (checkpoint / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match="no chat template"):
        Processor(checkpoint)
    # From the weakest place to the strongest: each wins over those before it.
    places = (
        "tokenizer_config.json",
        "chat_template.jinja",
        "chat_template.json",
        "processor_config.json",
    )
    for number, place in enumerate(places):
        put(checkpoint, place, good + f"place {number}")
        prompt = Processor(checkpoint)._render("x", 1)
        assert prompt.endswith(f"place {number}")
        found = ProcessorMixin.get_processor_dict(checkpoint)[0].get("chat_template")
        assert chat_template(checkpoint) == found
        assert found == (None if number == 0 else good + f"place {number}")


@pytest.mark.parametrize("place", ["chat_template.json", "chat_template.jinja"])
def test_a_text_only_template_of_the_tokeniser_gives_way(checkpoint, place):
    good = (checkpoint / "chat_template.jinja").read_text()
    (checkpoint / "chat_template.jinja").unlink()
    put(checkpoint, "tokenizer_config.json", TEXT_ONLY)
    with pytest.raises(UserError, match="can't take a question with a picture"):
        Processor(checkpoint)
    put(checkpoint, place, good)
    assert "<|image_pad|>" in Processor(checkpoint)._render("x", 1)


@pytest.mark.parametrize(
    "template",
    ["{{ messages[0].content }}", "<|image_pad|>", "{{ raise_exception('no') }}", "{% if"],
)
def test_templates_that_lose_the_picture_or_the_question_are_refused(checkpoint, template):
    (checkpoint / "chat_template.jinja").write_text(template)
    with pytest.raises(UserError, match="the chat template in"):
        Processor(checkpoint)


def test_contradicting_templates_are_refused_as_in_transformers(checkpoint):
    good = (checkpoint / "chat_template.jinja").read_text()
    more = checkpoint / "additional_chat_templates"
    more.mkdir()
    (more / "tools.jinja").write_text("tools")
    assert "<|image_pad|>" in Processor(checkpoint)._render("x", 1)  # beside a default
    put(checkpoint, "chat_template.json", good)
    with pytest.raises(ValueError, match="conflicting"):
        ProcessorMixin.get_processor_dict(checkpoint)
    with pytest.raises(UserError, match="contradict each other"):
        Processor(checkpoint)


def test_a_tokeniser_in_its_older_files(checkpoint):
    """vocab.json and merges.txt without tokenizer.json: read, fingerprinted, exported."""
    vocabulary = json.loads((checkpoint / "tokenizer.json").read_text())["model"]["vocab"]
    added = {
        entry["content"]: entry["id"]
        for entry in json.loads((checkpoint / "tokenizer.json").read_text())["added_tokens"]
    }
    merges = json.loads((checkpoint / "tokenizer.json").read_text())["model"]["merges"]
    (checkpoint / "tokenizer.json").unlink()
    (checkpoint / "vocab.json").write_text(json.dumps(vocabulary))
    lines = [" ".join(pair) if isinstance(pair, list) else pair for pair in merges]
    (checkpoint / "merges.txt").write_text("#version: 0.2\n" + "\n".join(lines) + "\n")
    (checkpoint / "added_tokens.json").write_text(json.dumps(added))
    edit(checkpoint / "tokenizer_config.json", tokenizer_class="Qwen2Tokenizer")
    processor = Processor(checkpoint)
    assert processor.tokenizer.decode(processor.response("up, left")[:-1]) == "up, left"
    digest = fingerprint(checkpoint)
    (checkpoint / "merges.txt").write_text("#version: 0.2\n" + "\n".join(lines[:-1]) + "\n")
    assert fingerprint(checkpoint) != digest


# ----------------------------------------------------------------------------- half-copied files


@pytest.mark.parametrize("content", ["", '{"a": ', "[]", "version https://git-lfs"])
@pytest.mark.parametrize(
    "file",
    [
        "config.json",
        "generation_config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.json",
        "processor_config.json",
        "model.safetensors.index.json",
    ],
)
def test_damaged_files_are_one_sentence(checkpoint, file, content):
    if file == "model.safetensors.index.json":
        shard(checkpoint)
    (checkpoint / file).write_text(content)
    with pytest.raises(UserError) as error:
        Processor(checkpoint)
        weights.load(checkpoint)
    assert str(checkpoint) in str(error.value) and "\n" not in str(error.value)


def test_an_adapter_is_no_model(checkpoint):
    edit(checkpoint / "adapter_config.json", base_model_name_or_path="elsewhere")
    with pytest.raises(UserError, match="holds an adapter"):
        weights.load(checkpoint)


def test_an_index_of_missing_shards_names_one(checkpoint):
    shard(checkpoint)
    (checkpoint / "model-2.safetensors").unlink()
    with pytest.raises(UserError, match=r"model-2\.safetensors can't be read"):
        weights.load(checkpoint)


def test_nothing_of_a_directory_is_lost_in_an_export(checkpoint, tmp_path):
    for file in ("vocab.json", "chat_template.json"):
        (checkpoint / file).write_text((checkpoint / "generation_config.json").read_text())
    (checkpoint / "additional_chat_templates").mkdir()
    (checkpoint / "additional_chat_templates" / "tools.jinja").write_text("tools")
    config, params = Config.from_directory(checkpoint), weights.load(checkpoint)
    weights.export(config, params, tmp_path / "out", checkpoint)

    def names(directory):
        return sorted(str(p.relative_to(directory)) for p in directory.rglob("*"))

    assert names(tmp_path / "out") == names(checkpoint)
    assert len(jax.tree.leaves(params)) > 10
