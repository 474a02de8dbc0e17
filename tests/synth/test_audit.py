"""The audit convicts each known fault by name, and a clean data set of none."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from synth import dataset, unfinished
from synth.__main__ import main
from synth.games import maze
from synth.plan import make_shard
from synth.records import make_record, split_of

PLAN = dataset.Plan(("maze", "tictactoe"), 20, 11, 112)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A folder with a clean data set of 540 records, and these records."""
    out = tmp_path_factory.mktemp("clean")
    placed = [made for shard in PLAN.shards() for made in make_shard(shard)]
    write(out, placed)
    return out, [record for _, record in placed]


def write(out: Path, placed: list[tuple[str, dict]]) -> None:
    """Records in given splits, by way of the real builder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unfinished, "jobs", lambda plan: [(0, placed)])
        patch.setattr(unfinished, "make_shard", lambda shard: shard)
        dataset.generate(out, PLAN, 1)


def audit(out: Path, *more) -> tuple[int, dict]:
    kept = out / "audit.json"
    status = main(["audit", str(out), "--json", str(kept), "--workers", "1", *more])
    return status, json.loads(kept.read_text())


def name(task: str, index: int, level: str = "Hard") -> str:
    return f"{task.replace('/', '-')}-{level}-{PLAN.seed}-{index}"


def third_smallest(record: dict, rng) -> None:
    """Leaves answer and position; the other options are two smaller and two larger cells."""
    row, col = json.loads(record["state"])["player"]
    columns = rng.permutation(9)[:4].tolist()
    others = [(row - 1, columns[0]), (row - 1, columns[1])]
    others += [(row + 1, columns[2]), (row + 1, columns[3])]
    others = [f"({others[i][0]}, {others[i][1]})" for i in rng.permutation(4)]
    at = record["options"].index(f"({row}, {col})")
    record["options"] = [*others[:at], f"({row}, {col})", *others[at:]]


def with_faults(records: list[dict]) -> tuple[list[tuple[str, dict]], set[tuple[str, str]]]:
    """The records with their splits after a fault of each sort, and the (kind, where) to find."""
    by_id = {record["id"]: dict(record) for record in records}
    expected = set()

    def break_(task: str, index: int, *kinds: str) -> dict:
        expected.update((kind, name(task, index)) for kind in kinds)
        return by_id[name(task, index)]

    record = break_("maze/goal_position", 0, "wrong", "oracle")  # a wrong answer
    record["answer"] = "B" if record["answer"] == "A" else "A"

    record = break_("maze/position_after_step", 1, "duplicate options")
    wrong = [at for at in range(5) if "ABCDE"[at] != record["answer"]]
    record["options"] = list(record["options"])
    record["options"][wrong[0]] = record["options"][wrong[1]]

    record = break_("maze/path_to_goal", 2, "ambiguous", "oracle")  # a detour is right, too
    right = "ABCDE".index(record["answer"])
    way, count = re.fullmatch(r"(\w+) (\d+).*", record["options"][right]).groups()
    back = {"up": "down", "down": "up", "left": "right", "right": "left"}[way]
    detour = f"{way} {count}, {back} {count}, {record['options'][right]}"
    record["options"] = [*record["options"]]
    record["options"][(right + 1) % 5] = detour

    record = break_("maze/open_directions", 3, "wrong", "alike")  # a stale picture
    record["image"] = next(
        other["image"]
        for other in records
        if other["image"] != record["image"]
        and split_of("maze", other["state"]) == split_of("maze", record["state"])
    )

    record = break_("maze/goal_position", 5, "wrong")  # steps that disagree
    record["steps"] = ["The goal is somewhere.", *record["steps"][1:]]

    record = break_("tictactoe/cell_color", 6, "wrong")  # a description that lost a piece
    head, marks = record["description"].split("row 0")
    record["description"] = f"{head}row 0{re.sub('[OX]', '-', marks, count=1)}"

    record = break_("tictactoe/rule_based_move", 7, "wrong")  # a question that was reworded
    record["question"] = record["question"].replace("best move", "worst move")

    twin = dict(by_id[name("maze/goal_position", 8)])  # a position in two splits
    twin["id"] = name("maze/goal_position", 1008)
    expected |= {("shared", twin["id"]), ("split", twin["id"])}

    expected |= break_tasks(by_id)
    placed = [(split_of(r["game"], r["state"]), r) for r in by_id.values()]
    split = split_of(twin["game"], twin["state"])
    return [*placed, ("test" if split == "train" else "train", twin)], expected


def break_tasks(by_id: dict[str, dict]) -> set[tuple[str, str]]:
    """Faults that no single record has."""
    rng = np.random.default_rng(0)
    for record in by_id.values():
        if record["task"] == "player_position":
            third_smallest(record, rng)
        if record["game"] == "tictactoe":  # the hard positions called easy
            swapped = {"Easy": "Hard", "Medium": "Medium", "Hard": "Easy"}
            record["plot_level"] = swapped[record["plot_level"]]
    with pytest.MonkeyPatch.context() as patch:  # a constant answer
        patch.setattr(maze, "TURNS", dict.fromkeys(maze.TURNS, (4, 4)))
        for key, record in by_id.items():
            if record["task"] == "turn_count":
                level, index = record["plot_level"], int(key.rsplit("-", 1)[1])
                again = make_record("maze", "turn_count", level, PLAN.seed, index, PLAN.size)
                assert again["answer"] == "4"
                by_id[key] = again
    return {
        ("blind", "maze/player_position"),
        ("blind", "maze/turn_count"),
        ("difficulty", "tictactoe"),
    }


def test_a_clean_data_set_is_acquitted(clean, capsys):
    status, found = audit(clean[0])
    said = capsys.readouterr().out
    assert found["faults"] == [] and status == 0 and "540 records, all good" in said
    assert [row["records"] for row in found["tasks"]] == [60] * 9
    for row in found["tasks"]:
        assert f"{row['game']}/{row['task']}" in said
        assert row["oracle agrees"] == row["oracle asked"] == 60
        assert row["shared"] == row["wrong"] == row["ambiguous"] == row["duplicate options"] == 0
        assert 0 < row["states"] <= 60 and row["pictures"] == row["states"] and row["seconds"] > 0
    assert set(found["difficulty"]) == {"maze", "tictactoe"}


def test_every_known_fault_is_convicted_and_nothing_else(clean, tmp_path, capsys):
    placed, expected = with_faults(clean[1])
    write(tmp_path, placed)
    table = tmp_path / "audit.md"
    status, found = audit(tmp_path / "gameqa" / "1.0.0", "--table", str(table))
    written = table.read_text(encoding="utf-8")
    assert f"9 tasks; {len(found['faults'])} failures." in written
    assert all(f"- {fault['where']}: {fault['kind']}: " in written for fault in found["faults"])
    said = capsys.readouterr().out
    assert status == 1
    assert {(fault["kind"], fault["where"]) for fault in found["faults"]} == expected
    for kind, where in expected:
        assert re.search(f"FAIL {re.escape(where)}: {kind}: ", said), said
    for reason in (
        "is listed twice",
        "the options . and . are right",
        "the picture is not that of the state",
        r"step 1 should be 'The player is at \(\d+, \d+\), the goal at \(\d+, \d+\).', not",
        "the description is read back as another state",
        "the question is not what the task asks",
        r"the position is in \w+, and as maze-goal_position-Hard-11-8 in",
        "blind reader 'always '4', the task' is right on 60 of 60",
        "blind reader 'look' is right on",
        "marks to look ahead do not grow",
    ):
        assert re.search(reason, said), (reason, said)
    assert f"541 records: {len(found['faults'])} failures" in said


def test_the_table_of_all_tasks(clean, tmp_path):
    """A line for each task of a clean data set, whose numbers are those of the records."""
    path = tmp_path / "docs" / "audit.md"
    audit(clean[0], "--table", str(path), "--oracle-sample", "2")
    said = path.read_text(encoding="utf-8")
    assert "540 records, 2 games, 9 tasks; no failure." in said and "Failures" not in said
    head, rule, *lines = [line[2:-2].split(" | ") for line in said.splitlines() if line[:1] == "|"]
    assert len(lines) == 9 and {len(head)} == {len(cells) for cells in (rule, *lines)}
    for cells in lines:
        found = dict(zip(head, cells, strict=True))
        chains = [r["steps"] for r in clean[1] if (r["game"], r["task"]) == tuple(cells[:2])]
        words = [sum(len(step.split()) for step in steps) for steps in chains]
        assert float(found["steps"]) == np.median([len(steps) for steps in chains])
        assert float(found["words"]) == np.median(words)
        assert (found["records"], found["wrong"], found["oracle %"]) == ("60", "0", "100.0")
        assert float(found["right %"]) <= 100 and float(found["bound %"]) > 0


def test_missing_oracles_are_told(clean, tmp_path, capsys, monkeypatch):
    package = tmp_path / "few_oracles"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "maze.py").write_text("from tests.synth.oracles.maze import ORACLES")
    monkeypatch.syspath_prepend(tmp_path)
    status, found = audit(clean[0], "--oracles", "few_oracles", "--oracle-sample", "2")
    assert status == 1
    assert [fault["where"] for fault in found["faults"]] == [
        "tictactoe/cell_color",
        "tictactoe/reply_after_move",
        "tictactoe/rule_based_move",
    ]
    assert "oracle: there is no oracle in few_oracles" in capsys.readouterr().out
    asked = {row["task"]: row["oracle asked"] for row in found["tasks"]}
    # Where several values could be right only an oracle can tell, so it judges all of those.
    assert asked["turn_count"] == 6 and asked["path_to_goal"] == 60 and asked["cell_color"] == 0
