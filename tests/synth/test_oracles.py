"""Every task against an independent solver, which also judges every wrong option."""

import pytest

from synth import oracles
from tests.synth.sampling import TASKS, questions


@pytest.mark.parametrize(("game", "task"), TASKS)
def test_the_oracle_agrees(game, task):
    oracle = oracles.find("tests.synth.oracles", game)
    assert oracle is not None, f"there is no tests/synth/oracles/{game}.py"
    assert task in oracle.tasks()
    for record in questions(game, task, 50):
        assert oracles.objections(oracle, record) == [], record["id"]
