"""Games outside the domain are never trained on, and data sets know which code made them."""

import importlib
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import synth.games
from records.reading import open_splits
from synth import dataset, plan, registry
from synth.__main__ import main
from synth.code import code_of
from synth.records import HELD_OUT, make_question, split_of, splits_of
from tests.conftest import ROOT, run_module

LIGHTS = re.search(
    r"`lights.py`:\n\n```python\n(.*?)```",
    (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
    re.DOTALL,
)[1]
GENERATE = ["generate", "--per-task", "4", "--size", "56", "--workers", "1", "--games"]


@pytest.fixture
def games(tmp_path, monkeypatch):
    """A folder of games, found as if SYNTH_GAMES named it, with one outside the domain."""
    folder = tmp_path / "games"
    folder.mkdir()
    outside = LIGHTS.replace('"in_domain"', '"out_of_domain"').replace('"lights"', '"lamps"')
    (folder / "lamps.py").write_text(outside)
    (folder / "lights.py").write_text(LIGHTS)
    monkeypatch.setattr(synth.games, "__path__", [*synth.games.__path__, str(folder)])
    _forget_games()
    yield folder
    monkeypatch.undo()
    _forget_games()


def _forget_games():
    importlib.invalidate_caches()
    registry.game_names.cache_clear()
    registry._import.cache_clear()
    for name in [name for name in sys.modules if re.match(r"synth\.games\.(lamps|lights)", name)]:
        del sys.modules[name]


def splits_by_game(out: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for split, source in open_splits(out).items():
        for record in source:
            found.setdefault(record["game"], set()).add(split)
    return found


def test_positions_outside_the_domain_are_held_out_half_and_half(games):
    states = [json.dumps(number) for number in range(2000)]
    shares = [
        np.mean([split_of("lamps", state) == split for state in states]) for split in HELD_OUT
    ]
    assert sum(shares) == 1 and abs(shares[0] - 0.5) < 0.05
    assert splits_of(["lamps"]) == HELD_OUT and "train" in splits_of(["lamps", "maze"])
    # Those of other games stay where they were.
    held_out = [at for at in range(24) if split_of("maze", states[at]) != "train"]
    assert held_out == [9, 10, 15, 21] and split_of("maze", states[9]) == "validation"


def test_the_command_holds_them_out(games, tmp_path):
    """With SYNTH_GAMES, as a user has it."""
    environment = {"SYNTH_GAMES": str(games)}
    out = tmp_path / "data"
    made = run_module("synth", *GENERATE, "lamps,lights", "--out", out, **environment)
    assert re.search(r"\(train \d+, validation \d+, test \d+\)", made.stdout)
    by_game = splits_by_game(out)
    assert "train" in by_game["lights"] and by_game["lamps"] == set(HELD_OUT)
    alone = tmp_path / "alone"
    made = run_module("synth", *GENERATE, "lamps", "--out", alone, **environment)
    assert "(train 0, " in made.stdout and splits_by_game(alone) == {"lamps": set(HELD_OUT)}


def test_the_audit_finds_them_in_train(games, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plan, "split_of", lambda game, state: "train")
    assert main([*GENERATE, "lamps", "--out", str(tmp_path / "data")]) == 0
    command = ["audit", str(tmp_path / "data"), "--no-oracles", "--workers", "1"]
    assert main([*command, "--json", str(tmp_path / "found.json")]) == 1
    faults = json.loads((tmp_path / "found.json").read_text())["faults"]
    told = [fault for fault in faults if fault["kind"] == "split"]
    assert len(told) == 24 and all(
        re.fullmatch("is in train, and belongs in (validation|test)", fault["reason"])
        for fault in told
    )
    assert ": split: is in train, and belongs in " in capsys.readouterr().out


# ------------------------------------------------------------------------ the code that made it


def test_a_data_set_made_by_other_code_is_no_complete_one(games, tmp_path, capsys):
    command = [*GENERATE, "lights", "--out", str(tmp_path / "data")]
    assert main(command) == 0 and main(command) == 0
    assert "already complete" in capsys.readouterr().out
    (games / "lamps.py").write_text("# Other games' code does not matter.\nGAME = None\n")
    assert main(command) == 0
    changed = LIGHTS.replace("together", "in all")
    assert changed != LIGHTS
    (games / "lights.py").write_text(changed)
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "made by other code than there is now (synth.games.lights changed)" in said
    assert "choose a different --out, or delete the folder" in said
    # Where the code was not kept, nothing can be told, and the data set is as good as ever.
    kept = tmp_path / "data" / "gameqa" / "1.0.0" / "metadata.json"
    old = json.loads(kept.read_text())
    del old["code"]
    kept.write_text(json.dumps(old))
    assert main(command) == 0
    assert dataset.plan_of(kept.parent) == dataset.Plan(("lights",), 4, 0, 56)


def test_code_is_what_makes_the_records_and_nothing_else(games):
    (games / "lamps.py").unlink()
    package = games / "lamps"
    package.mkdir()
    (package / "rules.py").write_text("import os.path\nimport numpy.linalg\nLIT = 1\n")
    (package / "words.txt").write_text("lamp\n")
    (package / "__init__.py").write_text(f"from . import rules\n{LIGHTS}")
    _forget_games()
    code = code_of(["lamps"])
    ours = {"synth.plan", "synth.records", "synth.questions", "synth.draw.board", "synth.game"}
    assert ours | {"synth.games.lamps", "synth.games.lamps.rules"} <= set(code)
    assert not set(code) & {"synth.audit", "synth.dataset", "synth.games.maze", "numpy", "os"}
    assert code["synth.questions"] == code_of(["maze"])["synth.questions"]

    def changed() -> list[str]:
        now = code_of(["lamps"])
        return [name for name in now | code if now.get(name) != code.get(name)]

    (package / "rules.py").write_bytes((package / "rules.py").read_bytes().replace(b"\n", b"\r\n"))
    (package / ".hidden").touch()
    shutil.copytree(package, package / "__pycache__")
    assert changed() == []
    (package / "words.txt").write_text("lantern\n")
    assert changed() == ["synth.games.lamps"]
    (package / "words.txt").write_text("lamp\n")
    (package / "rules.py").write_text("import os.path\nimport numpy.linalg\nLIT = 2\n")
    assert changed() == ["synth.games.lamps.rules"]


def test_records_of_the_example_game_have_its_kind(games):
    assert make_question("lamps", "lit_count", "Easy", 0, 0)["split_kind"] == "out_of_domain"
