"""The judge on a table of ways to state an answer, answer_cases.txt."""

from pathlib import Path

import pytest

from c2l_jax import answers

TABLE = Path(__file__).with_name("answer_cases.txt")


def records() -> list[tuple[dict, list[tuple[str, str]]]]:
    """Each record of the table with its cases (wanted verdict, response)."""
    found = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("= "):
            answer, *options = line[2:].split(" | ")
            found.append(({"options": options, "answer": answer}, []))
        elif line and not line.startswith("#"):
            found[-1][1].append((line[:8].strip(), line[8:].replace("⏎", "\n")))
    return found


def verdict(response: str, record: dict) -> str:
    given = answers.verdict(response, record)
    return "right" if given.correct else "wrong" if given.read else "unread"


@pytest.mark.parametrize(
    ("record", "cases"), records(), ids=lambda value: value["answer"] if "answer" in value else ""
)
def test_every_response_has_its_verdict(record, cases):
    given = [(wanted, verdict(response, record), response) for wanted, response in cases]
    assert [each for each in given if each[0] != each[1]] == []


def test_the_table_has_enough_of_each_verdict():
    wanted = [each for _, cases in records() for each, _ in cases]
    assert set(wanted) == {"right", "wrong", "unread"}
    assert len(wanted) >= 1200 and wanted.count("wrong") >= 300


CELLS = ["(1, 1)", "(4, 4)", "(3, 5)", "(5, 3)"]
ASIDES = [
    "Note that {} is a common distractor.",
    "Option {} is wrong.",
    "{} is not possible.",
    "{} would run into a wall.",
    "I ruled out {}.",
    "The others, {} and D, do not fit.",
    "I checked {} as well.",
    "({} is a distractor.)",
    "Unlike {}, it fits.",
    "If it were {}, the cell would be empty.",
    "One might be tempted by {}.",
    "That is why I did not choose {}.",
    "Neither {} nor D is right.",
    "It is right next to {}.",
    "The answer is not {}.",
    "A common mistake is to say that the answer is {}.",
]


@pytest.mark.parametrize("aside", ASIDES)
@pytest.mark.parametrize("form", ["The answer is {}. ", "### Answer: {}\n", "Answer: ({}) {}.\n\n"])
def test_what_is_said_beside_an_answer_does_not_turn_it(form, aside):
    """B is stated and C named in an aside, and the other way round."""
    for stated, text, other in (("B", "(4, 4)", "C"), ("C", "(3, 5)", "B")):
        response = form.format(stated, text) + aside.format(other)
        right, wrong = ({"options": CELLS, "answer": each} for each in (stated, other))
        assert verdict(response, right) in ("right", "unread"), response
        assert verdict(response, wrong) in ("wrong", "unread"), response
