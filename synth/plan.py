"""What a data set is to hold, and the shards in which its records are made.

There are two kinds of plans. With `per_task` each task has so many records at each level, whatever
their splits. With `scale` each split has so many records of each game, those of GAMEQA times the
scale, shared evenly among levels and tasks; a draw of a position whose split is full is passed
over. Either way a position's split follows from the position alone.
"""

import dataclasses
import json
import sys
from fractions import Fraction

from records.errors import UserError, pattern_of
from records.schema import SPLITS
from synth.engine import MAX_DRAWS
from synth.game import LEVELS
from synth.records import make_question, split_of, splits_of, with_position
from synth.registry import engine

SHARD = 256  # records that a worker makes in one go, and that a kill can cost
# Records of each game in the published data; a validation split was not published.
GAMEQA = {"train": Fraction(126_760, 20), "validation": Fraction(50), "test": Fraction(15_047, 30)}


@dataclasses.dataclass(frozen=True)
class Shard:
    """Questions of one task and level: those of `indices`, as far as `wanted` by split."""

    game: str
    task: str
    level: str
    seed: int
    size: int | None
    indices: range
    wanted: dict[str, int] | None = None  # None: all


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to generate; equal plans give byte-identical records.

    per_task: records for each task and plot level; None with a scale. size: side of the pictures
    in pixels; None: positions are put in words. tasks: a regular expression, some of whose matches
    is in "level/game/task" of all that there is to be; None: no other condition.
    """

    games: tuple[str, ...]
    per_task: int | None
    seed: int
    size: int | None
    scale: float | None = None
    tasks: str | None = None

    def shards(self) -> list[Shard]:
        """In the order of the records. Raises UserError where `tasks` leaves none."""
        cells = [
            (game, task.name, level)
            for game in self.games
            for task in engine(game).about().tasks
            for level in LEVELS
        ]
        if self.tasks is not None:
            pattern = pattern_of(self.tasks, "--tasks")
            cells = [cell for cell in cells if pattern.search("/".join((cell[2], *cell[:2])))]
            if not cells:
                raise UserError(
                    f"--tasks {self.tasks!r}: none of these games has it; names look like "
                    "'Easy/maze/open_directions'."
                )
        if self.scale is None:
            return [
                Shard(*cell, self.seed, self.size, range(first, min(first + SHARD, self.per_task)))
                for cell in cells
                for first in range(0, self.per_task, SHARD)
            ]
        wanted = self._wanted()
        return [shard for cell in cells for shard in self._parts(cell, wanted[cell])]

    def total(self) -> int:
        """How many records there are."""
        return sum(
            len(shard.indices) if shard.wanted is None else sum(shard.wanted.values())
            for shard in self.shards()
        )

    def as_json(self) -> dict:
        """As it is read back from JSON; without a scale, as before there were others."""
        values = json.loads(json.dumps(dataclasses.asdict(self)))
        unset = [key for key in ("scale", "tasks") if values[key] is None]
        return {key: value for key, value in values.items() if key not in unset}

    def _wanted(self) -> dict[tuple[str, str, str], dict[str, int]]:
        """Records of each split for each (game, task, level)."""
        wanted = {}
        for split in SPLITS:
            games = [game for game in self.games if split in splits_of([game])]
            total = round(GAMEQA[split] * Fraction(self.scale) * len(games))
            for number, of_game in enumerate(_shares(total, len(games))):
                game, phase = games[number], number / len(games)
                # By level first: a few records are then of all levels, and of several tasks.
                tasks = engine(game).about().tasks
                cells = [(game, task.name, at) for at in LEVELS for task in tasks]
                for cell, count in zip(cells, _shares(of_game, len(cells), phase), strict=True):
                    wanted.setdefault(cell, {})[split] = count
        return wanted

    def _parts(self, cell: tuple[str, str, str], wanted: dict[str, int]) -> list[Shard]:
        """Shards that draw in turn: of n shards, the first draws the indices 0, n, 2n, ..."""
        count = -(-sum(wanted.values()) // SHARD)
        shares = {split: _shares(number, count) for split, number in wanted.items()}
        return [
            Shard(
                *cell,
                self.seed,
                self.size,
                range(part, sys.maxsize, count),
                {split: numbers[part] for split, numbers in shares.items()},
            )
            for part in range(count)
        ]


def _shares(total: int, parts: int, phase: float = 0) -> list[int]:
    """`total` as a sum of whole numbers that differ by 1 at most.

    phase: from 0 to 1, moves the larger ones, which else would be the same in each game.
    """
    ahead = int(phase * parts)
    return [
        (total * (at + 1) + ahead) // parts - (total * at + ahead) // parts for at in range(parts)
    ]


def make_shard(shard: Shard) -> list[tuple[str, dict]]:
    """The records of a shard, each with its split.

    Raises RuntimeError where a split has too few positions.
    """
    made, passed = [], 0
    left = dict(shard.wanted or {})
    for index in shard.indices:
        if shard.wanted is not None and not any(left.values()):
            break
        record = make_question(shard.game, shard.task, shard.level, shard.seed, index)
        split = split_of(shard.game, record["state"])
        if shard.wanted is not None:
            if not left.get(split):
                if (passed := passed + 1) == MAX_DRAWS:
                    raise RuntimeError(
                        f"{passed} positions of {shard.game}/{shard.task} at level {shard.level} "
                        f"were in a split that was full; still wanted: {left}"
                    )
                continue
            left[split] -= 1
            passed = 0
        made.append((split, with_position(record, shard.size)))
    return made
