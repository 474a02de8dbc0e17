"""CONTRIBUTING's examples: objective, family, attention, judge, evaluator and reward."""

import json
import re

import pytest

from c2l_jax import evaluate, evaluators, init_model
from c2l_jax.metrics import read_metrics
from c2l_jax.models import FAMILIES
from c2l_jax.responses import judged, read_responses
from c2l_jax.rewards import Rewards
from configs import tiny_grpo
from tests.c2l_jax import speaking
from tests.c2l_jax.conftest import train_arguments
from tests.conftest import ROOT, run_module

REGISTERED = """
from c2l_jax.models import FAMILIES
from c2l_jax.ops.attention import IMPLEMENTATIONS
from configs import tiny_sft

FAMILIES["pinhole"] = "pinhole"
IMPLEMENTATIONS["dense"] = "dense"


def get_config():
    config = tiny_sft.get_config()
    config.objective, config.attention = "smoothed", "dense"
    return config
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The examples, as files."""
    folder = tmp_path_factory.mktemp("mine")
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name in ("smoothed", "pinhole", "dense", "strict", "near", "brief"):
        (example,) = re.findall(rf"`{name}\.py`:\n\n```python\n(.*?)```", text, re.DOTALL)
        (folder / f"{name}.py").write_text(example)
    (folder / "settings.py").write_text(REGISTERED)
    return folder


def test_an_objective_a_family_an_attention_a_judge_and_an_evaluator_of_ones_own(
    folder, dataset, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setitem(FAMILIES, "pinhole", "pinhole")
    model = tmp_path / "model"
    init_model.init_model(preset="nano", data=dataset, out=model, family="pinhole")
    arguments = train_arguments(model, dataset, tmp_path / "run", steps=2, data__rows=2)
    arguments[arguments.index("--config") + 1] = str(folder / "settings.py")
    run_module(*arguments, PYTHONPATH=f"{folder}:{ROOT}")
    assert [line["step"] for line in read_metrics(tmp_path / "run")] == [1, 2]
    trained = tmp_path / "run" / "model"
    assert (trained / "model.safetensors").exists()
    speaks = speaking.write(tmp_path / "speaks", trained, dataset, "# Answer: A")
    asked = {"model": speaks, "data": dataset, "out": tmp_path / "out", "judge": "strict:judge"}
    asked |= {"rows": 4, "limit": 8, "max-tokens": 16}
    evaluate.main([str(each) for name, value in asked.items() for each in (f"--{name}", value)])
    settings, questions = read_responses(tmp_path / "out")
    assert settings["judge"] == "strict:judge"
    for response in judged(questions):  # also where "A" can't be the answer, unlike by the rules
        assert (response["text"], response["extracted"]) == ("# Answer: A", "A")
        assert response["read"] and response["correct"] == (response["answer"] == "A")
    assert not all(question["options"] for question in questions)
    measured = asked | {"out": tmp_path / "near", "evaluator": "near"}
    del measured["judge"]
    evaluate.main([str(each) for name, value in measured.items() for each in (f"--{name}", value)])
    found = json.loads((tmp_path / "near" / "evaluation.json").read_text())
    right = [line["answer"] == "A" for line in questions]
    assert found["figures"] == {"off by one at most": sum(right) / 8}
    assert (found["evaluator"], found["overall"]["correct"]) == ("near", sum(right))


def test_an_evaluator_of_ones_own_scores_in_parts(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    records = [{"options": [], "answer": "7"}] * 3
    found = evaluators.named("near").judge(records, ["7", "So.\n### Answer: 9", "seven"])
    assert [verdict.fields().get("score") for verdict in found] == [None, 1 / 3, None]
    assert [verdict.correct for verdict in found] == [True, False, False]


def test_a_reward_of_ones_own(folder, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    grpo = tiny_grpo.get_config().grpo
    grpo.rewards = (("rule", 1.0), ("brief:reward", 0.1))
    record = {"question": "How many?", "options": [], "answer": "7"}
    found = Rewards(grpo, tmp_path)([record] * 2, ["### Answer: 7", "well " * 50])
    assert found["rule"].tolist() == [1, 0]
    assert found["brief:reward"].tolist() == pytest.approx([1 - 3 / 50, 0])
