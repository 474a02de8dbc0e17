"""Without the picture nobody may answer better than by guessing.

A blind reader sees everything but the picture: question, level, options and their order. It
learns on half of the records and is judged on the other half.
"""

import collections
import re

import numpy as np
import pytest

from tests.synth.sampling import CHOICES, TASKS, questions

PER_LEVEL = 600
MARGIN = 0.05


def asked(record) -> str:
    """The question without the rules: it may name a cell or a direction."""
    return record["question"].split("\n\n")[1]


def right(record) -> int:
    return "ABCDEFGHIJ".index(record["answer"])


def numbers_in(text: str) -> list[float]:
    """The first two numbers of a text, 0 where it has fewer."""
    return ([float(number) for number in re.findall(r"\d+", text)] + [0.0, 0.0])[:2]


def look(record) -> np.ndarray:
    """[options, features]: what an option looks like, alone and beside the others."""
    pairs_o2 = np.array([numbers_in(option) for option in record["options"]])
    words = [re.findall(r"[a-z]+", option) for option in record["options"]]
    every_word = [word for some in words for word in some]
    sizes = [
        np.array([len(option) for option in record["options"]], float),
        np.array([len(some) for some in words], float),
        np.array([len(set(some)) for some in words], float),
        pairs_o2.sum(1),
        *pairs_o2.T,
    ]
    beside = [
        # An answer often is what the distractors were made from: their centre, their common part.
        np.abs(pairs_o2[:, None] - pairs_o2).sum((1, 2)),
        *(pairs_o2[:, None] == pairs_o2).sum(0).T.astype(float),
        np.array([sum(some[:3] == other[:3] for other in words) for some in words], float),
        np.array([sum(every_word.count(word) for word in set(some)) for some in words], float),
        np.abs(pairs_o2 - numbers_in(asked(record))).sum(1),
    ]
    extreme = [np.abs(size - size.mean()) for size in sizes]
    ranks = [size.argsort(kind="stable").argsort(kind="stable") for size in sizes]
    columns_of = np.stack([np.arange(len(words)), *sizes, *beside, *extreme, *ranks], 1)
    columns_of = columns_of - columns_of.mean(0)
    return columns_of / np.maximum(columns_of.std(0), 1e-6)


def read_look(train, test) -> np.ndarray:
    """Guesses of a logistic regression over the options' looks."""
    looks_nof = np.stack([look(record) for record in train])
    right_no = np.eye(looks_nof.shape[1])[[right(record) for record in train]]
    weights_f = np.zeros(looks_nof.shape[2])
    for _ in range(300):
        odds_no = np.exp(looks_nof @ weights_f)
        error_no = odds_no / odds_no.sum(1, keepdims=True) - right_no
        weights_f -= 0.2 * (np.einsum("nof,no->f", looks_nof, error_no) / len(train))
    return np.stack([look(record) @ weights_f for record in test]).argmax(1)


def read_text(train, test, context) -> np.ndarray:
    """Guesses the option whose text was right most often where it was offered in this context."""
    offered, won = collections.Counter(), collections.Counter()
    for record in train:
        for at, option in enumerate(record["options"]):
            offered[context(record), option] += 1
            won[context(record), option] += at == right(record)
    chance = 1 / len(train[0]["options"])
    return np.array(
        [
            np.argmax(
                [
                    (won[context(record), option] + 3 * chance)
                    / (offered[context(record), option] + 3)
                    for option in record["options"]
                ]
            )
            for record in test
        ]
    )


def blind_accuracies(records) -> dict[str, float]:
    half = len(records) // 2
    train, test = records[:half], records[half:]
    guesses = {
        "look": read_look(train, test),
        "text": read_text(train, test, lambda record: ""),
        "text and level": read_text(train, test, lambda record: record["plot_level"]),
        "text and question": read_text(train, test, asked),
        "set of options": read_text(train, test, lambda record: tuple(sorted(record["options"]))),
    }
    key = np.array([right(record) for record in test])
    return {reader: float(np.mean(guess == key)) for reader, guess in guesses.items()}


@pytest.mark.parametrize(("game", "task"), CHOICES)
def test_a_blind_reader_is_at_chance(game, task):
    records = questions(game, task, PER_LEVEL)
    chance = 1 / len(records[0]["options"])
    accuracies = blind_accuracies(records)
    print({reader: round(accuracy, 3) for reader, accuracy in accuracies.items()}, chance)
    assert max(accuracies.values()) < chance + MARGIN


@pytest.mark.parametrize(("game", "task"), CHOICES)
def test_right_options_are_uniform_over_positions(game, task):
    records = questions(game, task, PER_LEVEL)
    counts = np.bincount([right(r) for r in records], minlength=len(records[0]["options"]))
    expected = len(records) / len(counts)
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    freedom = len(counts) - 1
    # Wilson-Hilferty: 3.7 standard deviations, one false alarm in ten thousand.
    bound = freedom * (1 - 2 / (9 * freedom) + 3.7 * (2 / (9 * freedom)) ** 0.5) ** 3
    assert chi_square < bound


@pytest.mark.parametrize("level_at", range(3))
@pytest.mark.parametrize(("game", "task"), [task for task in TASKS if task not in CHOICES])
def test_no_fill_in_answer_is_nearly_constant(game, task, level_at):
    records = questions(game, task, PER_LEVEL)[level_at::3]
    commonest = collections.Counter(record["answer"] for record in records).most_common(1)[0][1]
    assert commonest / len(records) < 0.35


def test_a_leak_would_be_seen():
    """The readers do find the published defect: an answer amid its four neighbours."""
    records = [dict(record) for record in questions("maze", "player_position", PER_LEVEL)]
    rng = np.random.default_rng(0)
    for record in records:
        row, col = map(int, numbers_in(record["options"][right(record)]))
        around = [(row, col), (row + 1, col), (row - 1, col), (row, col + 1), (row, col - 1)]
        order = rng.permutation(5)
        record["options"] = [f"({around[i][0]}, {around[i][1]})" for i in order]
        record["answer"] = "ABCDE"[int(np.argmin(order))]
    assert blind_accuracies(records)["look"] > 0.9
