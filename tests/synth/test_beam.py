"""Apache Beam, in several processes, writes the very data set that local processes write."""

import hashlib
import os
import subprocess
import sys

import pytest

from synth.__main__ import main
from tests.conftest import ROOT, run_module
from tests.synth.test_domains import LIGHTS

FLAGS = "--runner=DirectRunner --direct_num_workers=2 --direct_running_mode=multi_processing"
WHAT = ("--games", "maze,tictactoe", "--size", "112", "--seed", "4")


def digests(out):
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("much", ["--per-task 6", "--preset gameqa --scale 0.01"])
def test_beam_makes_the_same_bytes(much, tmp_path):
    pytest.importorskip("apache_beam", reason="needs the extra 'beam'")
    for folder, more in (("local", ()), ("beam", (f"--beam={FLAGS}",))):
        out = tmp_path / folder
        run_module("synth", "generate", "--out", out, *WHAT, *much.split(), *more)
    assert digests(tmp_path / "beam") == digests(tmp_path / "local")
    assert len([name for name in digests(tmp_path / "beam") if "array_record" in name]) == 3


def test_beam_makes_no_training_split_outside_the_domain(tmp_path):
    pytest.importorskip("apache_beam", reason="needs the extra 'beam'")
    (games := tmp_path / "games").mkdir()
    outside = LIGHTS.replace('"in_domain"', '"out_of_domain"').replace('"lights"', '"lamps"')
    (games / "lamps.py").write_text(outside)
    command = ("synth", "generate", "--games", "lamps", "--size", "56", "--per-task", 6, "--out")
    for folder, more in (("local", ()), ("beam", (f"--beam={FLAGS}",))):
        run_module(*command, tmp_path / folder, *more, SYNTH_GAMES=str(games))
    found = digests(tmp_path / "beam")
    assert found == digests(tmp_path / "local")
    assert len([name for name in found if "array_record" in name]) == 2


def test_a_bucket_gets_the_same_bytes(tmp_path, bucket):
    """Written there by one process; with Beam the same writer is used."""
    command = ["generate", *WHAT, "--per-task", "3", "--workers", "1", "--out"]
    out = tmp_path / "out"
    assert main([*command, str(out)]) == main([*command, "gs://bucket/data"]) == 0
    bucket /= "data"
    kept = {name: (bucket / name).read_bytes() for name in digests(out)}
    assert {name: hashlib.sha256(data).hexdigest() for name, data in kept.items()} == digests(out)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            "--games tictactoe --seed 0 --per-task 1 --beam=--runner=DirectRunner",
            "a split has no records",
        ),
        ("--per-task 6 --beam=--runner=Nobody", "Unexpected pipeline runner: Nobody"),
    ],
)
def test_mistakes_are_told(more, sentence, tmp_path, capsys):
    pytest.importorskip("apache_beam", reason="needs the extra 'beam'")
    assert main(["generate", "--out", str(tmp_path), *WHAT, *more.split()]) == 2
    assert sentence in capsys.readouterr().err


def test_without_beam_the_extra_is_named(tmp_path):
    """In a process where Beam cannot be imported."""
    code = (
        "import sys; sys.modules['apache_beam'] = None\n"
        "from synth.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = ["generate", "--out", tmp_path, "--per-task", "1", f"--beam={FLAGS}"]
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "c2l-jax[beam]" in done.stderr.splitlines()[-1]
