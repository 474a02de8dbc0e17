"""The data set on disk: the same bytes from any number of workers, and nothing half done."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from records.schema import SPLITS
from synth import dataset, unfinished
from synth.__main__ import main
from synth.records import make_record, split_of

ROOT = Path(__file__).parents[2]


def generate(out, *more, per_task=3):
    command = [sys.executable, "-m", "synth", "generate", "--out", out, "--size", "112"]
    command += ["--games", "maze,tictactoe", "--per-task", str(per_task), "--seed", "4", *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A data set of 81 records made by two workers, and what the command printed."""
    out = tmp_path_factory.mktemp("two_workers")
    done = generate(out, "--workers", "2")
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def digests(out):
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def test_one_worker_writes_the_same_bytes(made, tmp_path):
    done = generate(tmp_path, "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path) == digests(made[0])
    assert any("array_record" in path for path in digests(tmp_path))


def test_reading_gives_the_records_back_without_tensorflow(made):
    """In a process of its own: nothing else can have imported TensorFlow there."""
    code = """
import json, sys
from records.reading import open_splits
found = []
for split, source in open_splits(sys.argv[1]).items():
    for record in source:
        found.append({**record, "image": record["image"].hex(), "split": split})
assert "tensorflow" not in sys.modules and "torch" not in sys.modules, "imported"
assert "jax" not in sys.modules, "imported"
print(json.dumps(found))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, made[0]], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len({record["id"] for record in found}) == len(found) == 81
    counts = dict.fromkeys(SPLITS, 0)
    for record in found:
        split = record.pop("split")
        counts[split] += 1
        assert split == split_of(record["game"], record["state"])
        record["image"] = bytes.fromhex(record["image"])
        made_again = make_record(
            record["game"],
            record["task"],
            record["plot_level"],
            4,
            int(record["id"].rsplit("-", 1)[1]),
            112,
        )
        assert record == made_again
    for split, count in counts.items():
        assert f"{split} {count}" in made[1]
    assert "81 records in" in made[1] and "MB on disk" in made[1]


def test_a_position_is_in_one_split_only_and_splits_are_8_1_1():
    counts = dict.fromkeys(SPLITS, 0)
    for number in range(5000):
        counts[split_of("maze", json.dumps(number))] += 1
    shares = np.array([counts[split] / 5000 for split in SPLITS])
    assert np.abs(shares - [0.8, 0.1, 0.1]).max() < 0.015


def test_a_complete_data_set_is_left_alone(made):
    before = digests(made[0])
    again = generate(made[0])
    assert again.returncode == 0 and "already complete" in again.stdout
    other = generate(made[0], per_task=4)
    assert other.returncode == 2 and "already holds another data set" in other.stderr
    assert len(other.stderr.strip().splitlines()) == 1
    assert digests(made[0]) == before


def killed(out, *more, after):
    """Starts a command in `out` and kills it once `after` shards are finished."""
    command = [sys.executable, "-m", "synth", "generate", "--out", out, "--workers", "2", *more]
    running = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while len(list(out.glob("gameqa/unfinished/*.records"))) < after:
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.stderr.read()  # ends when the workers, which hold the other end, have ended too
    running.wait()


def test_a_killed_generation_goes_on_to_the_same_bytes(tmp_path):
    """Finished shards are not made again, and nothing else is left in the end."""
    what = ("--games", "maze,sudoku", "--preset", "gameqa", "--scale", "0.004", "--size", "56")
    command = [sys.executable, "-m", "synth", "generate", *what, "--workers", "1", "--out"]
    subprocess.run([*command, tmp_path / "whole"], cwd=ROOT, check=True, capture_output=True)
    out = tmp_path / "killed"
    killed(out, *what, after=3)
    assert not (out / "gameqa" / "1.0.0").exists()
    parts = out / "gameqa" / "unfinished"
    (parts / "0000000.records.1.part").write_bytes(b"half")  # by a worker that was killed
    (out / "gameqa" / "incomplete.ABC_1.0.0").mkdir()
    before = {path.name: path.stat().st_mtime_ns for path in parts.glob("*.records")}

    other = subprocess.run([*command, out, "--seed", "1"], cwd=ROOT, capture_output=True, text=True)
    assert other.returncode == 2 and "other arguments or made by other code" in other.stderr
    assert len(other.stderr.strip().splitlines()) == 1

    made, new = [], unfinished.make_shard
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unfinished, "make_shard", lambda shard: made.append(shard) or new(shard))
        assert main([*command[3:], str(out)]) == 0
    plan = dataset.Plan(("maze", "sudoku"), None, 0, 56, 0.004)
    assert len(made) == len(plan.shards()) - len(before) and len(before) >= 3
    assert digests(out) == digests(tmp_path / "whole")
    folders = [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_dir()]
    assert sorted(folders) == ["gameqa", "gameqa/1.0.0"]


def test_an_empty_folder_is_filled_and_a_part_of_a_data_set_is_told(made, tmp_path):
    folder = tmp_path / "gameqa" / "1.0.0"
    folder.mkdir(parents=True)
    done = generate(tmp_path, "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path) == digests(made[0])
    for name in ("gameqa-test.array_record-00000-of-00001", "metadata.json", "features.json"):
        kept = (folder / name).read_bytes()
        (folder / name).unlink()
        again = generate(tmp_path, "--workers", "1")
        assert again.returncode == 2 and f"delete this folder (rm -r {folder})" in again.stderr
        assert name in again.stderr and len(again.stderr.strip().splitlines()) == 1
        (folder / name).write_bytes(kept)


def test_what_does_not_fit_in_memory_is_sorted_on_disk(made, tmp_path, monkeypatch):
    """As more than a gigabyte is; without TensorFlow, to the same bytes."""
    monkeypatch.setattr("tensorflow_datasets.core.shuffle.MAX_MEM_BUFFER_SIZE", 10_000)
    plan = dataset.Plan(("maze", "tictactoe"), 3, 4, 112)
    dataset.generate(tmp_path, plan, 1)
    assert digests(tmp_path) == digests(made[0])
