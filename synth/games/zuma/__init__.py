"""Zuma: a frog shoots marbles into a row of marbles on a spiral track."""

from synth.game import Game
from synth.games.zuma import tasks
from synth.games.zuma.picture import describe, draw, parse
from synth.games.zuma.rules import RULES, Zuma

GAME = Game(
    name="zuma",
    category="Pattern Recognition and Matching",
    split_kind="in_domain",
    rules=RULES,
    state=Zuma,
    new=tasks.new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("marbles", lambda board: len(board.marbles)),
    tasks=(
        tasks.NextColour(),
        tasks.ColourCount(),
        tasks.GroupsInSector(),
        tasks.HitColour(),
        tasks.ShotOutcome(),
        tasks.BestShot(),
    ),
)
