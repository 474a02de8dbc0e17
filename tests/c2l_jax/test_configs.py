"""Every program in configs/ gives settings that a run takes."""

import importlib

import jax
import pytest
from ml_collections import ConfigDict

from c2l_jax import train
from c2l_jax.objectives import named
from c2l_jax.sharding import make_mesh
from configs import forkme
from tests.conftest import ROOT

PROGRAMS = sorted(path.stem for path in (ROOT / "configs").glob("[!_]*.py"))


def settings(config: ConfigDict) -> set[str]:
    return {
        f"{name}.{inner}" if inner else name
        for name, value in config.items()
        for inner in (settings(value) if isinstance(value, ConfigDict) else [""])
    }


@pytest.mark.parametrize("program", PROGRAMS)
def test_settings_are_those_that_are_explained_and_make_sense(program):
    config = importlib.import_module(f"configs.{program}").get_config()
    assert settings(config) == settings(forkme.get_config())
    config.model, config.data.path = "MODEL", "DATA"
    train.validate(config, make_mesh(config.mesh, jax.devices()[:1]))
    named(config.objective).check(config)


def test_the_papers_are_there():
    both = {"game_rl_sft", "game_rl_grpo", "llava_reasoner_sft", "llava_reasoner_dpo"}
    assert both <= set(PROGRAMS)
    for program in both:
        told = importlib.import_module(f"configs.{program}").__doc__
        assert "Not run at full size here" in told
