"""Spider with one suit: runs of falling ranks are moved, rows are dealt from the stock."""

from synth.draw.cards import Table
from synth.game import Game
from synth.games.spider_solitaire.rules import RULES, Spider, describe, name_of, parse
from synth.games.spider_solitaire.tables import new
from synth.games.spider_solitaire.tasks import (
    BestAction,
    DealsLeft,
    FaceDownTotal,
    FaceUpAfterDeals,
    MoveVerdict,
    RevealMove,
    TopCard,
)


def draw(table: Spider, size: int):
    count = len(table.piles)
    picture = Table(size, count, {0.2: "stock"}, range(count), low=True)
    faces = [[f"{name_of(rank)}S" for rank in pile] for pile in table.piles]
    picture.piles(faces, table.hidden)
    picture.backs(0.2, table.deals, apart=round(0.4 * picture.width))
    return picture.image


GAME = Game(
    name="spider_solitaire",
    category="Pattern Recognition and Matching",
    split_kind="in_domain",
    rules=RULES,
    state=Spider,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cards face up", lambda table: sum(map(len, table.piles))),
    tasks=(
        DealsLeft(),
        TopCard(),
        FaceDownTotal(),
        FaceUpAfterDeals(),
        MoveVerdict(),
        RevealMove(),
        BestAction(),
    ),
)
