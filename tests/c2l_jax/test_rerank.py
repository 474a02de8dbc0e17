"""Reranking: the command."""

import json
import shutil

import numpy as np
import pytest

from c2l_jax import rerank
from c2l_jax.data.processor import Processor


def test_the_command(responses, model_dir, finished_run, tmp_path, capsys):
    run, _ = finished_run
    models = ["--policy", str(run), "--reference", str(model_dir)]
    out = tmp_path / "out"
    rerank.main(["--responses", str(responses), *models, "--out", str(out), "--subsets", "16"])
    result = json.loads((out / "rerank.json").read_text())
    assert [p["n"] for p in result["curves"]["best"]] == [1, 2, 4]
    assert result["curves"]["single"][0]["accuracy"] == 0.5
    assert "weighted" in capsys.readouterr().out and any(out.glob("events.out.tfevents.*"))
    asked = [json.loads(line) for line in (responses / "responses.jsonl").read_text().splitlines()]
    texts = [r for question in asked for r in question["responses"]]
    lines = [json.loads(line) for line in (out / "scores.jsonl").read_text().splitlines()]
    assert len(lines) == len(texts)
    for line, response in zip(lines, texts, strict=True):
        assert "".join(line["tokens"]) == response["text"] + "<|im_end|>" * response["ended"]
        assert len(line["tokens"]) == len(line["log_ratios"])
        assert (line["read"], line["correct"]) == (response["read"], response["correct"])
        assert line["score"] == pytest.approx(sum(line["log_ratios"]), abs=1e-2)
    # The policy was taught the records' own chains, which are the right responses here.
    right = [line["score"] for line in lines if line["correct"]]
    wrong = [line["score"] for line in lines if not line["correct"]]
    assert np.mean(right) > np.mean(wrong) and np.mean(right) > 0 and min(map(abs, right)) > 0


def test_models_of_different_tokenisers_are_refused(responses, model_dir, tmp_path, capsys):
    policy = shutil.copytree(model_dir, tmp_path / "policy")
    tokenizer = json.loads((policy / "tokenizer.json").read_text())
    tokenizer["model"]["merges"].pop()
    (policy / "tokenizer.json").write_text(json.dumps(tokenizer))
    models = ["--policy", str(policy), "--reference", str(model_dir)]
    with pytest.raises(SystemExit):
        rerank.main(["--responses", str(responses), *models, "--out", str(tmp_path / "out")])
    assert "different tokenisers" in capsys.readouterr().err


def test_token_texts_give_the_text_back(model_dir):
    processor = Processor(model_dir)
    text = "  Zelle (3, 5) ist rot, naïve 中.\n\n### Answer: C "
    tokens, _ = processor.response_and_starts(text)
    pieces = rerank.token_texts(processor, text, len(tokens))
    assert len(pieces) == len(tokens) and "".join(pieces) == text + "<|im_end|>"
    assert "".join(rerank.token_texts(processor, text, len(tokens) - 1)) == text
