"""Questions by hand: the same response as the evaluation's, typed or given, with and without."""

import sys

import pytest

from c2l_jax import chat
from c2l_jax.data.processor import Processor, user_text
from c2l_jax.data.records import open_split
from c2l_jax.models.loading import load_model
from c2l_jax.sampler import PromptShape, Sampler
from c2l_jax.sharding import make_mesh


@pytest.fixture(scope="module")
def record(dataset):
    return open_split(dataset, "test")[0]


@pytest.fixture
def picture(record, tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(record["image"])
    return path


@pytest.fixture(scope="module")
def expected(model_dir, record):
    """What the sampler answers to a record's prompt."""
    mesh = make_mesh({"data": 1, "fsdp": -1, "tensor": 1})
    graphdef, params, _, _ = load_model(model_dir, mesh, "float32")
    processor = Processor(model_dir)
    shape = PromptShape.that_fits([processor.size(record, "cot")])
    options = {"end_token": processor.end_token_id, "max_tokens": 12, "rows": 1}
    sampler = Sampler(graphdef, params, mesh=mesh, shape=shape, **options)
    ((_, (response,)),) = sampler.run([(0, processor.prompt(record, "cot"))], n=1, seed=0)
    return processor.tokenizer.decode(response.tokens)


def test_one_question_about_a_picture(model_dir, record, picture, expected, capsys):
    question = ["--question", user_text(record, "cot"), "--max-tokens", "12"]
    chat.main(["--model", str(model_dir), "--image", str(picture), *question])
    assert capsys.readouterr().out == expected + "\n"


def test_typed_questions_until_an_empty_line(model_dir, picture, monkeypatch, capsys):
    typed = iter(["short?", "a longer question " * 80, "short?", ""])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    options = ["--max-tokens", "4", "--temperature", "1", "--seed", "5"]
    images = ["--image", str(picture), "--image", str(picture)]
    chat.main(["--model", str(model_dir), *images, *options])
    captured = capsys.readouterr()
    assert next(typed, None) is None and captured.err.count("(cut off after 4 tokens)") <= 3
    assert captured.out.endswith("\n")


def test_without_a_picture(model_dir, capsys):
    chat.main(["--model", str(model_dir), "--question", "Hello?", "--max-tokens", "4"])
    assert capsys.readouterr().out.endswith("\n")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--model": "/nonexistent"}, "no model at /nonexistent"),
        ({"--image": "/nonexistent.png"}, "the picture /nonexistent.png can't be read"),
        ({"--image": __file__}, "test_chat.py can't be read"),
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
