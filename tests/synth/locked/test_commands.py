"""generate --locked and audit --locked, and what of them runs nothing foreign."""

import importlib
import re

import pytest

from records.errors import UserError
from records.reading import open_splits
from synth import code
from synth.__main__ import main
from synth.locked import opening
from tests.conftest import run_module
from tests.synth.locked.test_verdict import (
    LIGHTS,
    PATCH,
    SOLVER,
    WRONG,
    change,
    games_in,
)


def test_commands_import_nothing(tmp_path):
    """The same records, whoever makes them; and no code of the game's runs outside."""
    mark, folder = tmp_path / "mark", tmp_path / "games"
    (folder / "solvers").mkdir(parents=True)
    touch = f"\ntry:\n    open({str(mark)!r}, 'w')\nexcept OSError:\n    pass\n"
    (folder / "lights.py").write_text(LIGHTS + touch)
    (folder / "solvers" / "lights.py").write_text(SOLVER + touch)
    env = {"SYNTH_GAMES": str(folder)}
    command = ["synth", "generate", "--games", "lights", "--per-task", 8, "--size", 56, "--out"]
    run_module(*command, tmp_path / "open", "--workers", 1, **env)
    assert mark.exists()
    mark.unlink()
    how = ["--locked", "--sandbox", "lock", "--workers", 2]
    run_module(*command, tmp_path / "locked", *how, **env)
    one, other = (open_splits(tmp_path / name / "gameqa" / "1.0.0") for name in ("open", "locked"))
    assert {name: list(split) for name, split in one.items()} == {
        name: list(split) for name, split in other.items()
    }
    check = ["synth", "audit", tmp_path / "locked", "--oracles", folder / "solvers", *how]
    done = run_module(*check, **env)
    assert "48 records, all good" in done.stdout
    assert "locked in by limits, Landlock and seccomp; " in done.stdout
    assert re.search(r"lights/lit_count +24 +0 +0 +0 +24/24 ", done.stdout)
    assert not mark.exists()
    # The three lines by which the audit was forged, when it imported what it judges.
    (folder / "lights.py").write_text(change(WRONG, more=PATCH + touch))
    run_module(*command, tmp_path / "forged", *how, **env)
    check[2] = tmp_path / "forged"
    done = run_module(*check, check=False, **env)
    assert done.returncode == 1 and re.search(r"lights/lit_count +24 +0 +0 +0 +0/24 ", done.stdout)
    assert not mark.exists()


def test_a_game_that_cannot_be_asked_is_told(tmp_path, capsys):
    (tmp_path / "broken.py").write_text("GAME = 1 / 0\n")
    (tmp_path / "unread.py").write_text("GAME = (\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text(LIGHTS)
    (tmp_path / "package" / "data").symlink_to("/etc/passwd")
    out = tmp_path / "data"
    command = ["generate", "--locked", "--sandbox", "lock", "--per-task", "1", "--out", str(out)]
    for games, sentence in (
        ("broken", "the game broken: ZeroDivisionError: division by zero (broken.py, line 1)"),
        ("unread", "unread.py is no Python: '(' was never closed"),
        ("package", "package/data is no ordinary file of at most 16 MiB"),
        ("maze --beam=--runner=DirectRunner", "--locked works with local processes only"),
    ):
        with games_in(tmp_path):
            assert main([*command, "--games", *games.split()]) == 2
        told = capsys.readouterr().err
        assert sentence in told.splitlines()[-1], told


def test_foreign_code_may_not_lie_where_imports_look(tmp_path, monkeypatch, capsys):
    (tmp_path / "solvers").mkdir()
    (tmp_path / "lights.py").write_text(LIGHTS)
    (tmp_path / "solvers" / "maze.py").write_text("raise SystemExit('it was run')")
    command = ["generate", "--locked", "--games", "lights", "--per-task", "1", "--out"]
    with games_in(tmp_path), monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        assert main([*command, str(tmp_path / "data")]) == 2
        told = capsys.readouterr().err
        assert f"with --locked {tmp_path}, which holds foreign code, must be neither on" in told
    with games_in(tmp_path), monkeypatch.context() as patch:
        patch.syspath_prepend("")
        patch.chdir(tmp_path)
        assert main([*command, str(tmp_path / "data")]) == 2
        assert "the working directory, which holds foreign code" in capsys.readouterr().err
    monkeypatch.syspath_prepend(tmp_path / "solvers")
    solvers = {"maze": tmp_path / "solvers" / "maze.py"}
    with pytest.raises(UserError, match="which holds foreign code"):
        opening.locked_in("lock", ["maze"], solvers).__enter__()


def test_files_of_code_are_found_without_running_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "pack" / "inner").mkdir(parents=True)
    for path in ("pack/__init__.py", "pack/inner/__init__.py", "pack/inner/leaf.py"):
        (tmp_path / path).write_text("raise SystemExit('it was run')")
    importlib.invalidate_caches()
    assert code.module_file("pack.inner.leaf") == (tmp_path / "pack/inner/leaf.py").resolve()
    assert code.module_file("pack.inner.none") is None and code.module_file("no.such") is None
