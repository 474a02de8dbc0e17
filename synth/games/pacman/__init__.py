"""Pac-Man: beans in a maze and two ghosts, one that follows and one that heads off."""

from synth.game import Game
from synth.games.pacman.board import GHOSTS, RULES, Position, describe, new, parse
from synth.games.pacman.ghost_tasks import BestStraightRun, NextStep, TurnAfterMove, TwoLegOutcome
from synth.games.pacman.picture import draw
from synth.games.pacman.tasks import BeansInWindow, BeansStraightAhead, CloserGhost, PacmanPose

GAME = Game(
    name="pacman",
    category="Strategic Planning",
    split_kind="out_of_domain",
    rules=RULES,
    state=Position,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("open cells", lambda p: sum(len(row) - row.count("#") for row in p.rows)),
    tasks=(
        PacmanPose(),
        BeansInWindow(),
        CloserGhost(),
        BeansStraightAhead(),
        TwoLegOutcome(),
        *(TurnAfterMove(ghost) for ghost in GHOSTS),
        *(NextStep(ghost) for ghost in GHOSTS),
        BestStraightRun(),
    ),
)
