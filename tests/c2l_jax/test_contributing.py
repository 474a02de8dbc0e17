"""CONTRIBUTING's examples of an objective, a family and an attention, from outside the package."""

import re

import pytest

from c2l_jax import init_model
from c2l_jax.metrics import read_metrics
from c2l_jax.models import FAMILIES
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
    for name in ("smoothed", "pinhole", "dense"):
        (example,) = re.findall(rf"`{name}\.py`:\n\n```python\n(.*?)```", text, re.DOTALL)
        (folder / f"{name}.py").write_text(example)
    (folder / "settings.py").write_text(REGISTERED)
    return folder


def test_an_objective_a_family_and_an_attention_of_ones_own_train(
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
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()
