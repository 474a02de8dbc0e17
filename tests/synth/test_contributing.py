"""What CONTRIBUTING.md shows works as it stands there: the game, its oracle and the commands."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, run_module

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
OF_GAMES = TEXT.partition("## What the audit asks for")[0]


def test_the_example_game_passes_the_whole_audit(tmp_path):
    files = re.findall(r"`([\w/]+\.py)`:\n\n```python\n(.*?)```", OF_GAMES, re.DOTALL)
    assert [name for name, _ in files] == ["lights.py", "oracles/lights.py"]
    for name, code in files:
        path = tmp_path / "games" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
    (commands,) = re.findall(r"```sh\n(export SYNTH_GAMES.*?)```", TEXT, re.DOTALL)
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=ROOT,
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "300 records, all good" in done.stdout
    for task in ("lit_count", "row_after_press"):
        assert re.search(rf"lights/{task} +150 +0 +0 +0 +150/150 ", done.stdout)
    assert len(list((tmp_path / "samples").glob("*.png"))) == 2
    assert (tmp_path / "lights.html").read_text(encoding="utf-8").count("<article") == 6


def test_a_folder_of_games_must_be_there(tmp_path):
    done = run_module("synth", "list", check=False, SYNTH_GAMES=str(tmp_path / "none"))
    assert done.returncode == 2 and "none, which is no folder" in done.stderr


def test_what_lies_beside_games_is_no_game(tmp_path):
    """A package without a game, such as oracles, is passed over; a file without one is named."""
    (tmp_path / "oracles").mkdir()
    (tmp_path / "oracles" / "__init__.py").touch()
    assert "maze" in run_module("synth", "list", SYNTH_GAMES=str(tmp_path)).stdout
    (tmp_path / "notes.py").write_text("x = 1\n")
    done = run_module("synth", "list", check=False, SYNTH_GAMES=str(tmp_path))
    assert done.returncode == 2 and "notes.py is no game" in done.stderr
    assert "Traceback" not in done.stderr
    (tmp_path / "notes.py").unlink()
    files = re.findall(r"`([\w/]+\.py)`:\n\n```python\n(.*?)```", OF_GAMES, re.DOTALL)
    (tmp_path / "lights").mkdir()
    (tmp_path / "lights" / "__init__.py").write_text(files[0][1])  # a package may be one
    assert "lights" in run_module("synth", "list", SYNTH_GAMES=str(tmp_path)).stdout
