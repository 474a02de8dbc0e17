"""The judge on a table of ways to state an answer, answer_cases.txt."""

from pathlib import Path

import pytest

from c2l_jax.answers import judge

TABLE = Path(__file__).with_name("answer_cases.txt")


def cases():
    """(record, response, wanted verdict) of each line that is a case."""
    for number, line in enumerate(TABLE.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("= "):
            answer, *options = line[2:].split(" | ")
            record = {"options": options, "answer": answer}
        elif line and not line.startswith("#"):
            wanted, response = line[:8].strip(), line[8:].replace("⏎", "\n")
            yield pytest.param(record, response, wanted, id=f"{number}-{response[:40]!a}")


@pytest.mark.parametrize(("record", "response", "wanted"), cases())
def test_a_case_has_its_verdict(record, response, wanted):
    verdict = judge(response, record)
    given = "right" if verdict.correct else "wrong" if verdict.read else "unread"
    assert given == wanted, verdict


def test_the_table_has_enough_of_each_verdict():
    wanted = [case.values[2] for case in cases()]
    assert set(wanted) == {"right", "wrong", "unread"}
    assert len(wanted) >= 260 and wanted.count("wrong") >= 80
