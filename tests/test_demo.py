"""The demo's commands: finished ones are skipped, changed ones run again, failed ones are loud."""

import json

import pytest

from configs import demo_dpo, demo_grpo, demo_sft
from demo import pipeline
from demo.commands import Commands
from records.errors import UserError

# Appends its first argument to the file trace in the folder that is its last.
SCRIPT = """
import pathlib, sys
folder = pathlib.Path(sys.argv[-1])
folder.mkdir(exist_ok=True)
with (folder / "trace").open("a") as file:
    file.write(sys.argv[1])
sys.exit(sys.argv[1] == "fail")
"""


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """(commands run by name, in a fresh object each time) -> what their folders hold."""
    for name in ("scribble", "training"):
        (tmp_path / f"{name}.py").write_text(SCRIPT)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("demo.commands.RESUME", ("training",))

    def run(*words, module="scribble", settings=None):
        commands = Commands(tmp_path / "out")
        for number, word in enumerate(words):
            folder = tmp_path / "out" / str(number)
            commands.run(word, module, word, folder, out=folder, settings=settings)
        found = sorted((tmp_path / "out").glob("*/trace"))
        return [path.read_text() for path in found], commands.seconds

    return run


def test_finished_commands_are_skipped_and_their_time_counted(ran):
    first, seconds = ran("a", "b")
    assert first == ["a", "b"] and seconds > 0
    assert ran("a", "b", "c")[0] == ["a", "b", "c"]
    again, seconds_again = ran("a", "b")
    assert again == ["a", "b", "c"] and seconds_again == seconds


def test_from_a_change_on_all_is_made_anew(ran, tmp_path):
    ran("a", "b", "c", "d")
    assert ran("a", "x", "c")[0] == ["a", "x", "c"]
    made = stamps(tmp_path)
    assert ran("a", "x", "c", settings="other")[0] == ["a", "x", "c"]
    other = stamps(tmp_path)
    assert ran("a", "x", "c", module="training")[0] == ["a", "x", "c"]
    assert len({*made, *other, *stamps(tmp_path)}) == 9  # all were made three times


def stamps(tmp_path) -> list[int]:
    """When each command's trace was written."""
    return [path.stat().st_mtime_ns for path in sorted((tmp_path / "out").glob("*/trace"))]


def test_what_others_made_is_left_alone(ran, tmp_path):
    (tmp_path / "out" / "1").mkdir(parents=True)
    (tmp_path / "out" / "1" / "precious").touch()
    with pytest.raises(UserError, match="none of these commands made it"):
        ran("a", "b")
    assert (tmp_path / "out" / "1" / "precious").exists()


@pytest.mark.parametrize(("module", "expected"), [("training", "failfail"), ("scribble", "fail")])
def test_a_failure_ends_it_and_the_next_time_it_goes_on_there(ran, tmp_path, module, expected):
    for _ in range(2):
        with pytest.raises(UserError, match="exit status 1"):
            ran("a", "fail", "c", module=module)
    assert (tmp_path / "out" / "1" / "trace").read_text() == expected
    assert (tmp_path / "out" / "0" / "trace").read_text() == "a"
    assert not (tmp_path / "out" / "2").exists()
    assert ran("a", "b", "c", module=module)[0] == ["a", "b", "c"]


def test_a_changed_package_runs_again(ran, tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "part.py").write_text(SCRIPT)
    made = []
    for content in ("", "# changed", "# changed"):
        (package / "other.py").write_text(content)  # which part could import
        assert ran("a", module="package.part")[0] == ["a"]
        made += stamps(tmp_path)
    assert made[0] != made[1] == made[2]
    lines = (tmp_path / "out" / "commands.jsonl").read_text().splitlines()
    assert [json.loads(line)["command"].split()[1] for line in lines] == ["a"]


def test_every_stage_has_settings_and_the_control_those_of_dpo():
    for size in (pipeline.FULL, pipeline.SMALL):
        assert size.steps.keys() == {*demo_sft.TASKS, "dpo", "grpo"}
    for stage in demo_sft.TASKS:
        assert demo_sft.get_config(stage).objective == "sft"
    dpo, more = demo_dpo.get_config("dpo"), demo_dpo.get_config("more_sft")
    assert dpo.objective == "dpo" and more.objective == "sft"
    assert demo_grpo.get_config().objective == "grpo"
    for name in ("rows", "row_tokens", "row_targets", "row_tiles"):
        assert dpo.data[name] == more.data[name]
    assert more.data.tasks == demo_grpo.get_config().data.tasks


def test_gain_tells_points_and_intervals():
    answered = {
        stage: [{"correct": True}, {"correct": False}] for stage in ("SFT", "more SFT", "DPO")
    }
    cell = {"difference": 0.061, "low": 0.0474, "high": 0.0751, "fixed": 1, "broken": 0, "count": 2}
    names = ("DPO − SFT", "more SFT − SFT", "DPO − more SFT")
    found = pipeline.gain({name: cell for name in names}, answered)
    assert found["dpo_minus_sft"] == 6.1
    assert found["dpo_minus_sft_interval_95"] == [4.74, 7.51]
    assert found["more_sft_minus_sft"] == 6.1 and found["dpo_minus_more_sft"] == 6.1
    assert found["accuracy"] == {"sft": 50.0, "more_sft": 50.0, "dpo": 50.0}
