"""Questions by hand: the sampler's responses, typed or given, with a picture or without."""

import sys

import pytest

from c2l_jax import chat
from c2l_jax.data.processor import Processor, user_text
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import load_model
from c2l_jax.sampler import PromptShape, Sampler
from c2l_jax.sharding import make_mesh
from records.reading import open_split


@pytest.fixture(scope="module")
def record(dataset):
    return open_split(dataset, "test")[0]


@pytest.fixture
def picture(record, tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(record["image"])
    return path


def sampled(model_dir, prompts: list[dict], **options) -> list[str]:
    """What one sampler, made for them, answers to prompts."""
    mesh = make_mesh({"data": 1, "fsdp": -1, "tensor": 1})
    model = load_model(model_dir, mesh, Compute())
    processor = Processor(model_dir)
    sizes = [(len(prompt["tokens"]), len(prompt["tile_images"])) for prompt in prompts]
    shape = PromptShape.that_fits(sizes)
    options |= {"end_tokens": processor.end_token_ids, "rows": 1}
    sampler = Sampler(model.config, model.compute, mesh=mesh, shape=shape, **options)
    params = sampler.prepare(model.params)
    found = dict(sampler.run(params, enumerate(prompts), n=1, seed=0))
    return [processor.tokenizer.decode(found[i][0].tokens) for i in range(len(prompts))]


def test_one_question_about_a_picture(model_dir, record, picture, capsys):
    prompt = Processor(model_dir).prompt(record, "cot")
    question = ["--question", user_text(record, "cot"), "--max-tokens", "12"]
    chat.main(["--model", str(model_dir), "--image", str(picture), *question])
    (expected,) = sampled(model_dir, [prompt], max_tokens=12)
    assert capsys.readouterr().out == expected + "\n"


def test_typed_questions_until_an_empty_line(model_dir, picture, monkeypatch, capsys):
    """A question asked again is drawn anew; only one that doesn't fit compiles anew."""
    questions = ["short?", "a longer question, " * 80 + "too long?", "short?"]
    typed, made = iter([*questions, ""]), []

    class Counted(Sampler):
        def __init__(self, *arguments, **options):
            made.append(options["shape"])
            super().__init__(*arguments, **options)

    monkeypatch.setattr(chat, "Sampler", Counted)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    images = ["--image", str(picture), "--image", str(picture)]
    chat.main(["--model", str(model_dir), *images, "--max-tokens", "4", "--temperature", "1"])
    assert next(typed, None) is None and len(made) == 2
    pictures = [chat.open_image(picture)] * 2
    prompts = [Processor(model_dir).question(text, pictures) for text in questions]
    replies = sampled(model_dir, prompts, max_tokens=4, temperature=1.0)
    assert capsys.readouterr().out == "".join(f"{reply}\n" for reply in replies)
    assert replies[0] != replies[2]


def test_without_a_picture(model_dir, capsys):
    prompt = Processor(model_dir).question("Hello?", [])
    chat.main(["--model", str(model_dir), "--question", "Hello?", "--max-tokens", "4"])
    (expected,) = sampled(model_dir, [prompt], max_tokens=4)
    assert capsys.readouterr().out == expected + "\n"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--model": "/nonexistent"}, "no model at /nonexistent"),
        ({"--image": "/nonexistent.png"}, "the picture /nonexistent.png can't be read"),
        ({"--image": __file__}, "test_chat.py can't be read"),
        ({"--image": "/"}, "the picture / can't be read"),
        ({"--max-tokens": "0"}, "--max-tokens 0"),
        ({"--temperature": "-1"}, "--temperature -1"),
        ({"--question": None}, "no terminal"),
    ],
)
def test_bad_arguments(changed, message, model_dir, capsys):
    options = {"--model": str(model_dir), "--question": "Hello?"} | changed
    with pytest.raises(SystemExit) as stopped:
        chat.main([item for pair in options.items() if pair[1] for item in pair])
    assert stopped.value.code == 2
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    assert message in line
