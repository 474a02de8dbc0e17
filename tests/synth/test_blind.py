"""Without the picture nobody may answer better than by guessing: the readers of `synth.blind`."""

import numpy as np
import pytest

from synth import blind
from synth.game import LEVELS
from tests.synth.sampling import CHOICES, TASKS, questions

PER_LEVEL = 100


@pytest.mark.parametrize(("game", "task"), TASKS)
def test_a_blind_reader_is_at_chance(game, task):
    scores = blind.judge(questions(game, task, PER_LEVEL))
    for score in scores:
        print(f"{score.reader}: {score.accuracy:.3f}, bound {score.bound:.3f}")
    assert not any(score.exceeds for score in scores)


@pytest.mark.parametrize(("game", "task"), CHOICES)
def test_right_options_are_uniform_over_positions(game, task):
    records = questions(game, task, PER_LEVEL)
    counts = np.bincount([blind.right(r) for r in records], minlength=len(records[0]["options"]))
    expected = len(records) / len(counts)
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    freedom = len(counts) - 1
    # Wilson-Hilferty: 3.7 standard deviations, one false alarm in ten thousand.
    bound = freedom * (1 - 2 / (9 * freedom) + 3.7 * (2 / (9 * freedom)) ** 0.5) ** 3
    assert chi_square < bound


def exceeded(records) -> set[str]:
    return {score.reader for score in blind.judge(records) if score.exceeds}


def test_a_published_leak_is_seen():
    """An answer amid its four neighbours."""
    records = [dict(record) for record in questions("maze", "player_position", PER_LEVEL)]
    rng = np.random.default_rng(0)
    for record in records:
        row, col = map(int, blind.numbers_in(record["options"][blind.right(record)]))
        around = [(row, col), (row + 1, col), (row - 1, col), (row, col + 1), (row, col - 1)]
        order = rng.permutation(5)
        record["options"] = [f"({around[i][0]}, {around[i][1]})" for i in order]
        record["answer"] = "ABCDE"[int(np.argmin(order))]
    scores = {score.reader: score for score in blind.judge(records)}
    assert scores["look"].accuracy > 0.9 and scores["look"].exceeds


# Each leak is in half of the records: what a reader must see is weaker than always.
CHOICE_LEAKS = {
    "position": lambda rng, level, numbers: 0,
    "look": lambda rng, level, numbers: int(np.argsort(numbers)[2]),  # the third smallest
    "text": lambda rng, level, numbers: numbers.index(7) if 7 in numbers else 0,
    "text and level": lambda rng, level, numbers: np.argmin(
        [abs(number - 10 * LEVELS.index(level)) for number in numbers]
    ),
}


def choice_records(pick, count=900):
    """Eight different numbers below 30 as options; `pick` chooses the right one, or chance."""
    rng = np.random.default_rng(1)
    records = []
    for index in range(count):
        level = LEVELS[index % 3]
        numbers = rng.permutation(30)[:8].tolist()
        leaks = pick is not None and rng.random() < 0.5
        at = int(pick(rng, level, numbers)) if leaks else int(rng.integers(8))
        records.append(
            {
                "question": "Rules.\n\nHow many?",
                "options": list(map(str, numbers)),
                "answer": "ABCDEFGH"[at],
                "plot_level": level,
            }
        )
    return records


@pytest.mark.parametrize("reader", CHOICE_LEAKS)
def test_a_leaking_choice_is_seen(reader):
    assert reader in exceeded(choice_records(CHOICE_LEAKS[reader]))


def fill_in_records(draw, count=900):
    rng = np.random.default_rng(2)
    records = []
    for index in range(count):
        level, row = LEVELS[index % 3], int(rng.integers(5))
        question = f"Rules.\n\nHow many in row {row}?"
        answer = str(draw(rng, level, row))
        records.append({"question": question, "options": [], "answer": answer, "plot_level": level})
    return records


FILL_IN_LEAKS = {
    "always '3', the task": lambda rng, level, row: 3 if rng.random() < 0.7 else rng.integers(9),
    "always '0', Hard": lambda rng, level, row: 0 if level == "Hard" else rng.integers(9),
    "majority, the task": lambda rng, level, row: 3 if rng.random() < 0.3 else rng.integers(20),
    "level, the task": lambda rng, level, row: 4 * LEVELS.index(level) + rng.integers(4),
    "level, Easy": lambda rng, level, row: (
        4 if level == "Easy" and rng.random() < 0.4 else rng.integers(20)
    ),
    "words, Medium": lambda rng, level, row: row if rng.random() < 0.5 else rng.integers(5),
}


@pytest.mark.parametrize("reader", FILL_IN_LEAKS)
def test_a_leaking_fill_in_is_seen(reader):
    assert reader in exceeded(fill_in_records(FILL_IN_LEAKS[reader]))


def test_chance_is_not_mistaken_for_a_leak():
    for count in (30, 90, 900):
        assert not exceeded(choice_records(None, count))
        assert not exceeded(fill_in_records(lambda rng, level, row: rng.integers(9), count))
