"""The sizes of a data set: those that were published, in any part, and balanced."""

import collections
import dataclasses
import types

import pytest

from records.schema import SPLITS
from synth import plan
from synth.game import LEVELS
from synth.plan import Plan, make_shard
from synth.records import HELD_OUT
from synth.registry import find_game, game_names


def wanted(of: Plan, *by: str) -> dict[str, collections.Counter]:
    """Records by split, and in it by these fields of the shards."""
    counts = collections.defaultdict(collections.Counter)
    for shard in of.shards():
        for split, count in shard.wanted.items():
            counts[split][tuple(getattr(shard, name) for name in by)] += count
    return counts


def test_the_published_sizes(monkeypatch):
    """20 games to train on and 10 that are held out, of 3 to 9 tasks each."""
    tasks = [types.SimpleNamespace(name=str(number)) for number in range(9)]
    games = {f"g{number}": tasks[: 3 + number % 7] for number in range(30)}
    abouts = {name: types.SimpleNamespace(tasks=its_tasks) for name, its_tasks in games.items()}
    engines = {
        name: types.SimpleNamespace(about=lambda about=about: about)
        for name, about in abouts.items()
    }
    monkeypatch.setattr(plan, "engine", engines.get)
    inside = {f"g{number}" for number in range(20)}
    monkeypatch.setattr(plan, "splits_of", lambda some: SPLITS if some[0] in inside else HELD_OUT)
    of = Plan(tuple(games), None, 0, 56, 1.0)
    sizes = {split: counts[()] for split, counts in wanted(of).items()}
    assert sizes == {"train": 126_760, "validation": 1_500, "test": 15_047}
    assert of.total() == 126_760 + 1_500 + 15_047
    by_game = wanted(of, "game")
    assert by_game["train"] == {(game,): 6338 for game in inside}
    assert set(by_game["test"].values()) == {501, 502} and len(by_game["test"]) == 30


@pytest.mark.parametrize("scale", [1.0, 0.01, 0.003])
def test_games_tasks_and_levels_are_balanced(scale):
    of = Plan(game_names(), None, 0, 56, scale)
    for split, by_game in wanted(of, "game").items():
        assert max(by_game.values()) - min(by_game.values()) <= 1
        assert ("minecraft",) not in by_game or split != "train"
    for split, cells in wanted(of, "game", "task", "level").items():
        of_game = collections.defaultdict(list)
        for (game, *_), count in cells.items():
            of_game[game].append(count)
        assert all(max(counts) - min(counts) <= 1 for counts in of_game.values()), split
    for split, levels in wanted(of, "level").items():
        even = sum(levels.values()) / len(LEVELS)
        assert all(abs(levels[level,] - even) <= 0.1 * even + 2 for level in LEVELS), split


def test_each_split_gets_just_what_is_wanted():
    """Maze has all splits, minecraft none to train on; ids and positions are in one split only."""
    of = Plan(("maze", "minecraft"), None, 3, 56, 0.02)
    made = [one for shard in of.shards() for one in make_shard(shard)]
    expected = {split: counts for split, counts in wanted(of, "game", "task", "level").items()}
    found = collections.defaultdict(collections.Counter)
    for split, record in made:
        found[split][record["game"], record["task"], record["plot_level"]] += 1
    assert {k: +v for k, v in expected.items()} == found
    assert len({record["id"] for _, record in made}) == len(made)
    splits = collections.defaultdict(set)
    for split, record in made:
        splits[record["game"], record["state"]].add(split)
    assert all(len(some) == 1 for some in splits.values())


def test_shards_of_one_task_share_its_records(monkeypatch):
    """Together they have what is wanted of it, and no record twice."""
    monkeypatch.setattr(plan, "SHARD", 10)
    of = Plan(("maze",), None, 0, 56, 0.05)
    mine = [s for s in of.shards() if (s.task, s.level) == ("goal_position", "Easy")]
    assert len(mine) > 1
    ids = [record["id"] for shard in mine for _, record in make_shard(shard)]
    assert len(set(ids)) == len(ids) == sum(sum(shard.wanted.values()) for shard in mine)


def test_a_split_without_positions_is_told(monkeypatch):
    monkeypatch.setattr(plan, "MAX_DRAWS", 5)
    monkeypatch.setattr(plan, "split_of", lambda game, state: "train")
    shard = Plan(("maze",), None, 0, 56, 0.1).shards()[0]
    with pytest.raises(RuntimeError, match=r"maze/.* at level Easy were in a split that was full"):
        make_shard(dataclasses.replace(shard, wanted={"train": 1, "test": 1}))


def test_a_number_for_each_task_counts_all_splits():
    of = Plan(("maze",), 300, 0, 56)
    assert of.total() == 300 * len(LEVELS) * len(find_game("maze").tasks)
    assert [len(shard.indices) for shard in of.shards()[:3]] == [256, 44, 256]
