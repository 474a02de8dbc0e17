"""benchmarks.learning at a toy size, from a model that says one of two letters, by chance."""

import dataclasses

import pytest

from benchmarks import learning
from c2l_jax.accuracy import paired_difference
from c2l_jax.responses import judged, read_responses
from records.reading import open_split
from tests.c2l_jax import bandit
from tests.conftest import run_module

ARMS = {arm.name: arm for arm in learning.ARMS}
SIZE = learning.Size(
    games="maze",
    per_task=40,
    sampled=16,
    steps=2,
    held_out=12,
    rows=12,
    arms=(
        dataclasses.replace(ARMS["rft"], rates=(1e-4, 1e-2)),
        dataclasses.replace(ARMS["fork"], rates=(1e-4,)),
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


def test_tables_say_what_was_answered(learnt):
    runs, document, _ = learnt
    found = lines(document)
    before, after = (answers(runs, f"{name}_test_trained_task") for name in ("before", "rft"))
    assert found["before, %"][0][0] == f"{100 * learning.share(before):.1f}"
    test = open_split(runs / "data", "test").only("id", "state")
    states = {record["id"]: record["state"] for record in test}
    expected = paired_difference(
        [row["correct"] for row in before],
        [row["correct"] for row in after],
        [states[row["id"]] for row in before],
    )
    shown = learning.interval(expected).strip("*")
    gained, chosen = found[ARMS["rft"].title]
    assert gained[:2] == [shown, f"{100 * expected['difference']:+.1f}"]
    assert len(found[f"{ARMS['fork'].title} − {ARMS['rft'].title}"][0]) == 1 + len(SIZE.sets)
    by_rate = {
        rate: learning.share(answers(runs, f"rft_{rate:g}_validation_trained_task"))
        for rate in (1e-4, 1e-2)
    }
    assert float(chosen[0]) == max(by_rate, key=lambda rate: (by_rate[rate], -rate))


def test_what_is_done_is_not_done_again_and_other_settings_are_refused(learnt, capsys):
    *_, run = learnt
    run(refuse)
    with pytest.raises(SystemExit):
        run(refuse, dataclasses.replace(SIZE, sampled=8))
    assert "samples_cot was made by another command" in capsys.readouterr().err
