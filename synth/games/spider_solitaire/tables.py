"""Random tables of Spider that a game leads to.

First all rows are dealt, then single cards are moved from pile to pile. As nobody knows the cards
face down, any ranks can come of that; so what shall have happened to the piles is chosen first.
"""

import dataclasses
from collections.abc import Mapping

from synth.games.spider_solitaire.rules import Spider
from synth.questions import between, pick_some

PILES = {"Easy": 8, "Medium": 9, "Hard": 10}
DEALS = {"Easy": (2, 5), "Medium": (1, 4), "Hard": (0, 3)}  # rows left in the stock
ROWS = 5  # rows in the stock at first
COPIES = 8  # of every rank


@dataclasses.dataclass(frozen=True)
class Change:
    """What a game has done to a pile after all rows were dealt: cards taken off, cards put on."""

    off: int = 0
    on: int = 0


def first_hidden(count: int) -> list[int]:
    """How many cards lie face down in each pile at first."""
    total = 2 * 52 - (ROWS + 1) * count
    return [total // count + (at < total % count) for at in range(count)]


def new(rng, level: str, deals: int | None = None) -> Spider:
    """Up to two piles have lost cards that lay face down."""
    while True:
        left = between(rng, *DEALS[level]) if deals is None else deals
        dug = pick_some(rng, range(1, PILES[level] + 1), between(rng, 0, 2))
        off = {pile: Change(off=ROWS - left + between(rng, 1, 3)) for pile in dug}
        table = lay(rng, level, left, off, between(rng, 2, 6))
        if table is not None:
            return table


def lay(
    rng,
    level: str,
    deals: int,
    changes: Mapping[int, Change],
    more: int = 3,
    last: Mapping[int, int] | None = None,
    dig: bool = False,
) -> Spider | None:
    """A table after these changes and about so many more moves; None if no game leads to it.

    last: ranks that the last cards of some piles shall have. dig: whether other piles may lose
    cards that lay face down, too.
    """
    count, rows, last = PILES[level], ROWS - deals, last or {}
    backs = first_hidden(count)
    off = [changes[at].off if at in changes else 0 for at in range(1, count + 1)]
    on = [changes[at].on if at in changes else 0 for at in range(1, count + 1)]
    free = [at for at in range(count) if at + 1 not in changes]
    losing = pick_some(rng, free, between(rng, 1, len(free) - 1))
    to_lose = [at for at in losing for _ in range(rows + (backs[at] if dig else 0))]
    to_gain = [at for at in free if at not in losing for _ in range(5)]
    # As many cards are lost as gained.
    goal = min(max(sum(off), sum(on)) + more, sum(off) + len(to_lose), sum(on) + len(to_gain))
    if goal < max(sum(off), sum(on)):
        return None
    lost = pick_some(rng, to_lose, goal - sum(off))
    gained = pick_some(rng, to_gain, goal - sum(on))
    off = [before + lost.count(at) for at, before in enumerate(off)]
    on = [before + gained.count(at) for at, before in enumerate(on)]
    if not can_arise(off, on):
        return None
    hidden, piles = [], []
    for at in range(count):
        stay = backs[at] + 1 + rows - off[at]
        hidden.append(min(backs[at], max(stay - 1, 0)))
        pile = ranks_of(rng, stay - hidden[-1], on[at], last.get(at + 1))
        if pile is None:
            return None
        piles.append(pile)
    seen = [rank for pile in piles for rank in pile]
    if any(seen.count(rank) > COPIES for rank in range(1, 14)):
        return None
    return Spider(deals, tuple(hidden), tuple(piles))


def ranks_of(rng, stayed: int, added: int, last: int | None) -> tuple[int, ...] | None:
    """Cards face up: random ones, on which a run was built card by card; None if it cannot end so.

    last: the rank of the last card, if that is given.
    """
    above = added if stayed else added - 1
    highest = 13 - max(above, 0)
    last = between(rng, 1, highest) if last is None else last
    if last > highest:
        return None
    run = tuple(range(last + above, last - 1, -1))
    return tuple(rng.integers(1, 14, max(stayed - 1, 0)).tolist()) + run


def can_arise(off: list[int], on: list[int]) -> bool:
    """Whether moves of single cards can make these changes to the piles.

    Every card that is taken off one pile must at once find its place on another, which needs to
    have lost all its own first. So piles that gain come first, those that need least before others.
    """
    space = 0
    for at in order(off, on):
        if off[at] > space:
            return False
        space += on[at] - off[at]
    return space == 0


def order(off: list[int], on: list[int]) -> list[int]:
    """In which order piles lose their cards such that the most places are free for them."""

    def key(at):
        loses = on[at] < off[at]
        return loses, -on[at] if loses else off[at]

    return sorted(range(len(off)), key=key)
