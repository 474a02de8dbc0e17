"""The audit of a data set with a damaged file: one sentence that names it."""

import pytest

from records.reading import dataset_directory
from synth import dataset
from synth.__main__ import main
from tests.damage import DAMAGED, cut, missing, written

PLAN = dataset.Plan(("tictactoe",), 8, 4, 56)
METADATA = {
    f"metadata.json {what}": (damage, "metadata.json")
    for what, damage in (
        ("missing", missing("metadata.json")),
        ("cut", cut("metadata.json", 0.5)),
        ("empty", written("metadata.json", b"")),
        ("a list", written("metadata.json", b"[]")),
        ("another's", written("metadata.json", b'{"seed": 3}')),
    )
}


@pytest.mark.parametrize("name", DAMAGED | METADATA)
def test_a_damaged_file_is_named(name, whole, tmp_path, capsys):
    damage, file = (DAMAGED | METADATA)[name]
    folder = tmp_path / "data"
    folder.mkdir()
    for path in dataset_directory(whole).iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    damage(folder)
    assert main(["audit", str(folder), "--workers", "1", "--no-oracles"]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(said) == 1 and str(folder) in said[0] and file in said[0]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    dataset.generate(out, PLAN, workers=1)
    return out


@pytest.mark.parametrize("name", METADATA)
def test_what_a_damaged_data_set_was_made_of_is_not_guessed(name, whole, tmp_path, capsys):
    folder = tmp_path / "gameqa" / "1.0.0"
    folder.mkdir(parents=True)
    for path in dataset_directory(whole).iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    METADATA[name][0](folder)
    command = ["generate", "--games", "tictactoe", "--per-task", "8", "--out", str(tmp_path)]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and str(folder) in said and said.count("\n") == 1
