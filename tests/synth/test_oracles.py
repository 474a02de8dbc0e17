"""Every task against an independent solver, which also judges every wrong option."""

import pytest

from synth import oracles
from tests.conftest import ROOT
from tests.synth.sampling import TASKS, questions

PACKAGE = "tests.synth.oracles"


@pytest.mark.parametrize(("game", "task"), TASKS)
def test_the_oracle_agrees(game, task):
    oracle = oracles.find(PACKAGE, game)
    assert oracle is not None, f"there is no tests/synth/oracles/{game}.py"
    assert task in oracle.tasks()
    for record in questions(game, task, 50):
        assert oracles.objections(oracle, record) == [], record["id"]


def test_oracles_are_found_in_a_folder_too():
    folder = str(ROOT / "tests" / "synth" / "oracles")
    assert oracles.find(folder, "maze").tasks() == oracles.find(PACKAGE, "maze").tasks()
    assert oracles.find(folder, "chess") is None and oracles.find(PACKAGE, "chess") is None
