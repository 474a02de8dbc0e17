"""What a data set holds is counted by hand from its records, and drawn with the same numbers."""

import collections
import json
import math

import numpy as np
import pytest
from PIL import Image

from synth import charts, dataset, stats
from synth.__main__ import main
from synth.plan import make_shard


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("data")
    plan = dataset.Plan(("maze", "minesweeper"), 4, 1, 56)
    dataset.generate(out, plan, 1)
    return out, [one for shard in plan.shards() for one in make_shard(shard)]


def test_the_table_counts_the_records(made, tmp_path, capsys):
    out, placed = made
    assert main(["stats", str(out), "--out", str(tmp_path / "new" / "stats.png")]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    head, rows = lines[0], {line[0]: line[1:] for line in lines[1:] if line}
    by_task = collections.defaultdict(list)
    for split, record in placed:
        by_task[f"{record['game']}/{record['task']}"].append((split, record))
    assert set(by_task) < set(rows)
    for name, some in by_task.items():
        found = dict(zip(head[1:], map(float, rows[name]), strict=True))
        assert found["records"] == len(some) == 12 and found["Easy"] == 4
        assert found["test"] == sum(split == "test" for split, _ in some)
        right = [
            r["options"]["ABCDEFGHIJ".index(r["answer"])] if r["options"] else r["answer"]
            for _, r in some
        ]
        shares = [count / 12 for count in collections.Counter(right).values()]
        assert found["answers"] == len(shares)
        assert abs(found["bits"] + sum(x * math.log2(x) for x in shares)) < 0.051
        assert found["steps"] == np.median([len(r["steps"]) for _, r in some])
    assert rows["all"][0] == str(len(placed)) and rows["maze"][0] == "72"
    with Image.open(tmp_path / "new" / "stats.png") as image:
        assert image.format == "PNG" and len(set(image.convert("RGB").getdata())) > 10


def test_the_bars_have_the_lengths_of_the_counts(made, monkeypatch):
    """Twice the records, twice the bar; and nothing is drawn beyond the page."""
    tasks = stats.collect(made[0])
    boxes = []
    box = charts.Page.box
    monkeypatch.setattr(
        charts.Page, "box", lambda page, *at: (boxes.append((page.image.size, at)), box(page, *at))
    )
    drawn = charts.picture(tasks)
    for size, (left, top, right, bottom, _) in boxes:
        assert 0 <= left <= right <= size[0] and 0 <= top < bottom + 1 <= size[1]
    assert drawn.size == boxes[0][0]
    hard = [at[2] - at[0] for _, at in boxes if at[4] == charts.WARM[2]]
    legend, *bars = hard
    assert len(bars) == len(tasks) and max(bars) - min(bars) < 1 and legend == 10


def test_sizes_come_from_the_pictures(made):
    tasks = stats.collect(made[0])
    assert {size for of in tasks for size in of.pictures} == {(56, 56)}
    assert sum(of.pictures.total() for of in tasks) == len(made[1])
    assert json.dumps(sorted({of.game for of in tasks})) == '["maze", "minesweeper"]'
