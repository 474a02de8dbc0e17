"""Jewel2: pieces are cleared or swapped, and runs of three equal ones go."""

from synth.game import Game
from synth.games.jewel2 import tasks
from synth.games.jewel2.picture import describe, draw, parse
from synth.games.jewel2.rules import RULES, Jewels

GAME = Game(
    name="jewel2",
    category="Pattern Recognition and Matching",
    split_kind="out_of_domain",
    rules=RULES,
    state=Jewels,
    new=tasks.new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cells", lambda board: len(board.rows) ** 2),
    tasks=(
        tasks.CountPiece(),
        tasks.PiecePosition(),
        tasks.CountSpecials(),
        tasks.ClearOutcome(),
        tasks.SwapOutcome(),
        tasks.TwoCommands(),
        tasks.BestCommand(),
    ),
)
