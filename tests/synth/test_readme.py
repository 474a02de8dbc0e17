"""The README counts the games and tasks that there are."""

from synth.game import CATEGORIES
from synth.registry import all_games
from tests.conftest import ROOT


def table() -> str:
    """README's table of the games, with the number of each one's tasks."""
    lines = ["| category | in domain | out of domain |", "| --- | --- | --- |"]
    for category in CATEGORIES:
        cells = []
        for kind in ("in_domain", "out_of_domain"):
            games = [
                g for g in all_games().values() if (g.category, g.split_kind) == (category, kind)
            ]
            cells.append(", ".join(f"`{game.name}` {len(game.tasks)}" for game in games))
        lines.append(f"| {category} | {' | '.join(cells)} |")
    tasks = sum(len(game.tasks) for game in all_games().values())
    lines.append(f"| {len(all_games())} games, {tasks} tasks | | |")
    return "\n".join(lines)


def test_the_readme_counts_what_is_there():
    assert table() in (ROOT / "README.md").read_text(encoding="utf-8")
