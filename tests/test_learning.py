"""benchmarks.learning at a toy size, from a model that says one of two letters, by chance."""

import dataclasses

import pytest

from benchmarks import learning
from c2l_jax.accuracy import paired_difference
from c2l_jax.responses import judged, read_responses
from tests.c2l_jax import bandit
from tests.conftest import run_module

ARMS = {arm.name: arm for arm in learning.ARMS}
SIZE = learning.Size(
    games="maze",
    per_task=40,
    sampled=16,
    steps=8,
    held_out=12,
    rows=12,
    arms=(
        dataclasses.replace(ARMS["rft"], rates=(1e-4, 1e-2)),
        dataclasses.replace(ARMS["grpo"], rates=(1e-4,)),
    ),
    sets=("trained task",),
    plain="cot",
)


def start(words, environment) -> int:
    return run_module(*words, **environment).returncode


def refuse(words, environment) -> int:
    raise AssertionError(f"started {words}")


@pytest.fixture(scope="module")
def learnt(tmp_path_factory, model_dir, dataset):
    """(runs, document, how to run the same again)."""
    out = tmp_path_factory.mktemp("learning")
    model = bandit.write(out / "model", model_dir, dataset)
    words = ["--out", out / "runs", "--seeds", 1, "--model", model, "--table", out / "table.md"]

    def run(start, size=SIZE):
        learning.main(list(map(str, words)), size=size, start=start)

    run(start)
    return out / "runs", (out / "table.md").read_text(), run


def lines(document: str) -> dict[str, list[list[str]]]:
    """By its first cell every line of the tables, as cells."""
    found = {}
    for text in document.splitlines():
        if text.startswith("| "):
            first, *rest = (cell.strip(" *") for cell in text.strip("|").split("|"))
            found.setdefault(first, []).append(rest)
    return found


def answers(runs, name: str) -> list[dict]:
    return judged(read_responses(runs / "seed0" / "evaluations" / name)[1])


def test_the_document_says_what_was_answered(learnt):
    runs, document, _ = learnt
    found = lines(document)
    before = answers(runs, "before_test_cot")
    assert found["before, %"][0][0] == f"{100 * learning.share(before):.1f}"
    by_rate = {
        rate: learning.share(answers(runs, f"rft_{rate:g}_validation_cot")) for rate in (1e-4, 1e-2)
    }
    *_, chosen = found[ARMS["rft"].title]
    assert float(chosen[0]) == max(by_rate, key=lambda rate: (by_rate[rate], -rate))


def test_tables_pool_seeds_by_position():
    """Two seeds, four questions about two positions."""
    right = {
        ("before", "trained task"): ["1000", "0000"],
        ("rft", "trained task"): ["1111", "1100"],
        ("fork", "trained task"): ["1110", "1100"],
    }
    made = {
        key: [[{"id": str(n), "correct": c == "1"} for n, c in enumerate(seed)] for seed in seeds]
        for key, seeds in right.items()
    }
    positions = {"0": "a", "1": "a", "2": "b", "3": "b"}
    arms = {name: ARMS[name] for name in ("rft", "fork")}
    gained = lines(learning.gains(made, positions, list(arms.values()), ["trained task"]))
    assert gained["before, %"] == [["12.5", ""]]
    changes, groups = [0, 1, 1, 1, 1, 1, 0, 0], list("aabb" * 2)
    expected = paired_difference([0] * 8, changes, groups)
    shown = learning.interval(expected).strip("*")
    assert gained[ARMS["rft"].title] == [[shown, "+75.0, +50.0"]] and shown.startswith("+62.5")
    against = lines(learning.comparisons(made, positions, arms, ["trained task"]))
    (cells,) = against[f"{ARMS['fork'].title} − {ARMS['rft'].title}"]
    assert cells[0].startswith("-12.5") and cells[1] == "-25.0, +0.0"


def test_what_is_done_is_not_done_again_and_other_settings_are_refused(learnt, capsys):
    *_, run = learnt
    run(refuse)
    with pytest.raises(SystemExit):
        run(refuse, dataclasses.replace(SIZE, sampled=8))
    assert "samples_cot was made by another command" in capsys.readouterr().err
