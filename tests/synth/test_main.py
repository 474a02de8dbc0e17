"""The command line, run in this process."""

import json
from dataclasses import asdict

import pytest

from synth.__main__ import main
from synth.dataset import Plan
from synth.registry import game_names


def test_list(capsys):
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [game["name"] for game in found] == list(game_names())
    for game in found:
        assert set(game) == {"name", "category", "split_kind", "tasks"}
        for task in game["tasks"]:
            assert set(task) == {"name", "qa_type", "qa_level", "kind"}
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    assert all(game["name"] in said and game["tasks"][0]["name"] in said for game in found)


def test_what_is_shown_can_be_solved(tmp_path, capsys):
    assert (
        main(["show", "tictactoe", "--level", "Hard", "--size", "112", "--out", str(tmp_path)]) == 0
    )
    pictures = capsys.readouterr().out.split()
    assert len(pictures) == 3
    path = next(tmp_path.glob("*reply_after_move*.json"))
    record = json.loads(path.read_text())
    right = record["options"]["ABCDEFGHI".index(record["answer"])]
    assert main(["solve", "tictactoe", "reply_after_move", "--state", str(path)]) == 0
    whole = capsys.readouterr().out
    assert whole.splitlines() == [*record["steps"][:-1], f"answer: {right}"]
    state = tmp_path / "state.json"
    state.write_text(record["state"])
    command = ["solve", "tictactoe", "reply_after_move", "--state", str(state)]
    assert main([*command, "--params", record["params"]]) == 0
    assert capsys.readouterr().out == whole


MAZE = '{"rows": ["#####", "#...#", "#####"], "player": [1, 1], "goal": [1, 3]}'


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("show chess --out OUT", "there is no game 'chess'; choose one of: "),
        ("show maze --task jump --out OUT", "game maze has no task 'jump'"),
        ("show maze --level hard --out OUT", "there is no level 'hard'"),
        ("show maze --size 9 --out OUT", "9 pixels are too few"),
        ("generate --out OUT --games maze,go --per-task 1", "there is no game 'go'"),
        ("generate --out OUT --per-task 0", "0 is not 1 or more"),
        ("generate --out OUT", "--per-task"),
        ("generate --out OUT --per-task 1 --preset gameqa", "not allowed with"),
        ("generate --out OUT --per-task 1 --scale 0.1", "--scale belongs to --preset"),
        ("generate --out OUT --preset gameqa --scale 0", "0 is not more than 0"),
        ("generate --out OUT --preset gameqa --scale 1e-6", "a scale of 1e-06 leaves no records"),
        ("generate --out OUT --per-task 1 --text --size 99", "not allowed with"),
        ("generate --out OUT/maze --per-task 1", "maze (File exists)"),
        ("solve maze jump --state OUT", "game maze has no task 'jump'"),
        ("solve maze turn_count --state OUT/none", "none is no state"),
        ("solve maze turn_count --state OUT/broken", "broken is no state"),
        ("solve tictactoe cell_color --state OUT/maze", "the keys rows"),
        ("solve maze turn_count --state OUT/maze --params [", "--params is no JSON object"),
        ("solve maze position_after_step --state OUT/maze", "cannot be asked here"),
        ("solve tictactoe rule_based_move --state OUT/empty", "not just one best move"),
        ("audit OUT --json OUT/maze/a.json", "maze (File exists)"),
        ("audit OUT --json OUT", "is a folder; name a file"),
        ("audit OUT", "holds no data set; make one with"),
        ("audit OUT/data --oracles no.such", "package no.such with the independent solvers"),
        ("stats OUT", "holds no data set; make one with"),
        ("stats OUT --out OUT/page", "page is no picture; name one"),
        ("gallery --out OUT/maze/page.html", "maze (File exists)"),
        ("gallery --out OUT", "is a folder; name the page"),
        ("gallery --out OUT/page.html --games go", "there is no game 'go'"),
        ("dance", "invalid choice"),
    ],
)
def test_a_mistake_is_answered_by_one_sentence(command, sentence, tmp_path, capsys):
    (tmp_path / "maze").write_text(MAZE)
    (tmp_path / "broken").write_text("{")
    (tmp_path / "empty").write_text('{"rows": ["---", "---", "---"]}')
    (tmp_path / "data").mkdir()
    for name, kept in {"dataset_info": {}, "metadata": asdict(Plan(("maze",), 1, 0, 112))}.items():
        (tmp_path / "data" / f"{name}.json").write_text(json.dumps(kept))
    assert main(command.replace("OUT", str(tmp_path)).split()) == 2
    said = capsys.readouterr().err
    assert sentence in said and len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "command", ["", "list", "generate", "audit", "stats", "show", "gallery", "solve"]
)
def test_help(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([*command.split(), "--help"])
    assert end.value.code == 0
    assert "usage: python -m synth" in capsys.readouterr().out
