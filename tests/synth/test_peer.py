"""Published cases, where they lie beside the project, agree with every game that is built."""

import pytest

from synth.registry import game_names
from tests.synth import peer


@pytest.mark.parametrize("game", game_names())
def test_published_cases_agree(game, capsys):
    path = peer.FOLDER / f"{game}.jsonl"
    if not path.exists():
        pytest.skip(f"no published cases at {path}")
    status = peer.main([str(path)])
    said = capsys.readouterr().out
    assert status == 0, said
    assert " of 0 agree" not in said


def case(answer, verdict="agrees"):
    state = {"board": [["O", "X", " "], [" ", " ", " "], [" ", " ", " "]]}
    params = {"cell": [0, 1]}
    return {
        "task": "cell_color",
        "case": "one",
        "state": state,
        "params": params,
        "answer": answer,
        "correct": "blue" if verdict == "published_wrong" else None,
        "verdict": verdict,
    }


def test_disagreements_and_skipped_cases_are_told(capsys):
    cases = [
        case("blue"),
        case("red"),
        case("red", "published_wrong"),
        case("red", "underdetermined"),
    ]
    assert peer.compare("tictactoe", cases) == 1
    said = capsys.readouterr().out
    assert 'DISAGREES tictactoe/cell_color one: expected "red", our answer is "blue"' in said
    assert "tictactoe: 2 of 3 agree, 1 skipped (underdetermined)" in said
    assert "  cell_color: 2 of 3" in said
    assert peer.compare("checkers", cases) == 0
    assert "checkers: not built yet" in capsys.readouterr().out
