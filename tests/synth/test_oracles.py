"""Every task against an independent solver, which also judges every wrong option."""

import pytest

from synth.audit import ask_oracle, oracle_for
from tests.synth.sampling import TASKS, questions


@pytest.mark.parametrize(("game", "task"), TASKS)
def test_the_oracle_agrees(game, task):
    oracle = oracle_for("tests.synth.oracles", game, task)
    assert oracle is not None, f"tests/synth/oracles/{game}.py has no oracle for {task}"
    for record in questions(game, task, 50):
        assert ask_oracle(oracle, record) == [], record["id"]
