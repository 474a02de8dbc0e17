"""Ultra tic-tac-toe: nine small grids; every mark tells in which of them the next one goes."""

import re

from synth.game import Game
from synth.games.ultra_tictactoe.picture import draw
from synth.games.ultra_tictactoe.rules import AT, Ultra, new
from synth.games.ultra_tictactoe.tasks import (
    BestScoringCell,
    CellOwner,
    FreeCellsNextGrid,
    InferNextGrid,
    MarkedCenters,
    PieceTotal,
    PointsInGrid,
    cell_text,
    spell,
)
from synth.questions import text

RULES = (
    "The picture shows nine small grids of nine cells. Cell (i, j, r, c) is in row r and column c "
    "of the small grid in row i and column j: the large numbers are i and j, the small ones r and "
    "c. The first player writes X, the second O, by turns. X starts in small grid (1, 1). Then a "
    "mark must go into that small grid (i, j) which is the (r, c) of the mark before it: after "
    "(0, 2, 1, 0) comes a mark in small grid (1, 0). If that is full, the game ends. Every row, "
    "column or diagonal of three equal marks within a small grid is a point for its player; the "
    "small grid stays in play and can give more points. If a mark has a frame, it is the last one."
)


def describe(board: Ultra) -> str:
    grids = "\n".join(
        f"small grid {text(at)}: {spell(marks)}" for at, marks in zip(AT, board.grids, strict=True)
    )
    last = f"The last mark is the one at {cell_text(board.last)}." if board.last else ""
    return (
        "The small grids, each row by row; X is the first player's mark, O the second's, - a free "
        f"cell:\n{grids}\n{last or 'Which mark is the last one is not shown.'}"
    )


def parse(description: str) -> Ultra:
    grids = re.findall(r"small grid .*: ([XO-]{3}) / ([XO-]{3}) / ([XO-]{3})", description)
    last = re.search(r"\((\d), (\d), (\d), (\d)\)\.$", description)
    return Ultra(tuple(map("".join, grids)), tuple(map(int, last.groups())) if last else ())


GAME = Game(
    name="ultra_tictactoe",
    category="Strategic Planning",
    split_kind="in_domain",
    rules=RULES,
    state=Ultra,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("marks", lambda board: 81 - "".join(board.grids).count("-")),
    tasks=(
        CellOwner(),
        FreeCellsNextGrid(),
        MarkedCenters(),
        PieceTotal(),
        PointsInGrid(),
        InferNextGrid(),
        BestScoringCell(),
    ),
)
