"""Minesweeper: counting, and concluding what hidden cells hold."""

from synth.game import Game
from synth.games.minesweeper.field import (
    FLAG,
    HIDDEN,
    RULES,
    Field,
    cells_with,
    describe,
    draw,
    new,
    parse,
)
from synth.games.minesweeper.tasks import (
    BestActionAtCell,
    CellState,
    FlagCount,
    MinesRemaining,
    RevealedCount,
    RevealOutcome,
)

GAME = Game(
    name="minesweeper",
    category="Multi-step Reasoning",
    split_kind="out_of_domain",
    rules=RULES,
    state=Field,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("hidden cells", lambda field: len(cells_with(field, HIDDEN + FLAG))),
    tasks=(
        FlagCount(),
        MinesRemaining(),
        RevealedCount(),
        CellState(),
        RevealOutcome(),
        BestActionAtCell(),
    ),
)
