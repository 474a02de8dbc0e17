"""FreeCell: patience with all cards face up, four free cells and four foundations."""

import dataclasses
import re
from collections.abc import Mapping

from synth.cards import (
    CARD,
    CARDS_ARE,
    DECK,
    RANKS,
    SUITS,
    carriers,
    fits,
    named,
    rank,
    suit,
)
from synth.draw.cards import Table
from synth.game import PERCEPTION, PREDICTION, Game, Solution, Task
from synth.questions import between, pick, pick_some

RULES = (
    "The picture shows a game of FreeCell: four cells, foundations for S, H, D and C, of which the "
    "top cards are seen, and numbered cascades, whose lowest card in the picture is the last one. "
    "A move takes the last card of a cascade or the card of a cell. It goes to an empty cell; to "
    "an empty cascade or onto a cascade whose last card is one rank higher and of the other "
    "colour; or to the foundation of its own suit, an ace first and then each next rank. "
    f"{CARDS_ARE}"
)
CASCADES = {"Easy": 8, "Medium": 6, "Hard": 4}
MOVES = {"Easy": (1, 2), "Medium": (2, 3), "Hard": (3, 4)}  # in a list of moves
CELLS = tuple(f"cell {number}" for number in range(1, 5))
FOUNDATIONS = tuple(f"foundation {suit}" for suit in SUITS)

Move = tuple[str, str]  # from and to: a cascade, a cell or a foundation


@dataclasses.dataclass(frozen=True)
class Freecell:
    cascades: tuple[tuple[str, ...], ...]  # the last card of each can be moved
    cells: tuple[str, ...]  # "" for an empty one
    foundations: tuple[str, ...]  # the top cards in the order of SUITS, "" for an empty one


def cascades_of(count: int) -> tuple[str, ...]:
    return tuple(f"cascade {number}" for number in range(1, count + 1))


def places(table: Freecell) -> dict[str, list[str]]:
    """The cards at every place, the one on top last; of a foundation only that one."""
    single = {**dict(zip(CELLS, table.cells, strict=True))}
    single |= dict(zip(FOUNDATIONS, table.foundations, strict=True))
    return {
        **dict(zip(cascades_of(len(table.cascades)), map(list, table.cascades), strict=True)),
        **{name: [card] if card else [] for name, card in single.items()},
    }


def objection(at: Mapping[str, list[str]], move: Move) -> str | None:
    """Why a move is not legal, in words; None if it is. at: the cards at every place."""
    start, end = move
    if not at[start]:
        return f"{start} is empty"
    card, onto = at[start][-1], at[end][-1] if at[end] else ""
    if end in CELLS:
        return f"it holds {onto}" if onto else None
    if end in FOUNDATIONS:
        if end[-1] != suit(card):
            return f"{card} is of another suit"
        needed = rank(onto) + 1 if onto else 1
        return None if rank(card) == needed else f"{card} does not follow {named(onto)}"
    if not onto or fits(card, onto):
        return None
    if rank(onto) != rank(card) + 1:
        return f"{onto} is not one rank above {card}"
    return f"{onto} has the colour of {card}"


# How tables are made. If no cascade is longer than when it was dealt, a game leads there: deal the
# cards of cells and foundations onto the short cascades, those of low rank last, and move them off.


def new(rng, level: str) -> Freecell:
    top = top_ranks(rng)
    return lay(rng, level, top, {}, between(rng, 0, 4))


def top_ranks(rng) -> dict[str, int]:
    """How far every foundation is built."""
    return {name: between(rng, 0, 3) for name in SUITS}


def not_built(top: Mapping[str, int]) -> list[str]:
    return [card for card in DECK if rank(card) > top[suit(card)]]


def lay(rng, level, top, forced: Mapping[tuple[str, int], str], filled) -> Freecell:
    """A random table with some cards `forced` to places, counted from the last card (0).

    top: how far the foundations are built. filled: how many of the cells, or which ones.
    """
    if isinstance(filled, int):
        filled = pick_some(rng, CELLS, filled)
    count = CASCADES[level]
    dealt = [len(DECK) // count + (at < len(DECK) % count) for at in range(count)]
    off = [at for at, size in enumerate(dealt) for _ in range(size // 2)]
    off = pick_some(rng, off, sum(top.values()) + len(filled))
    used = set(forced.values())
    left = [card for card in not_built(top) if card not in used]
    cards = iter(pick_some(rng, left, len(left)))
    cascades = tuple(
        tuple(
            forced.get((name, depth)) or next(cards)
            for depth in reversed(range(size - off.count(at)))
        )
        for at, (name, size) in enumerate(zip(cascades_of(count), dealt, strict=True))
    )
    cells = tuple(forced.get((name, 0)) or next(cards) if name in filled else "" for name in CELLS)
    tops = tuple(RANKS[top[name] - 1] + name if top[name] else "" for name in SUITS)
    return Freecell(cascades, cells, tops)


def draw(table: Freecell, size: int):
    count = len(table.cascades)
    head = {**dict(enumerate(CELLS)), **dict(enumerate(SUITS, 4))}
    columns = tuple((at + 0.5) * 8 / count - 0.5 for at in range(count))
    picture = Table(size, 8, head, columns, dict(enumerate(SUITS, 4)))
    picture.piles(table.cascades)
    for column, card in enumerate((*table.cells, *table.foundations)):
        picture.place(column, card)
    return picture.image


def singles(table: Freecell) -> str:
    """Cells and foundations in words."""
    cells = ", ".join(map(named, table.cells))
    tops = zip(SUITS, table.foundations, strict=True)
    return (
        f"Cells: {cells}. Foundations: {', '.join(f'{name} {named(top)}' for name, top in tops)}."
    )


def describe(table: Freecell) -> str:
    rows = (
        f"{name}: {' '.join(cards) or 'empty'}"
        for name, cards in zip(cascades_of(len(table.cascades)), table.cascades, strict=True)
    )
    return "\n".join(("FreeCell.", *rows, singles(table)))


def parse(description: str) -> Freecell:
    _, *rows, last = description.splitlines()
    cells, tops = re.fullmatch(r"Cells: (.*)\. Foundations: (.*)\.", last).groups()
    single = [*cells.split(", "), *(top.split()[1] for top in tops.split(", "))]
    single = ["" if card == "empty" else card for card in single]
    cascades = tuple(tuple(re.findall(CARD, row)) for row in rows)
    return Freecell(cascades, tuple(single[:4]), tuple(single[4:]))


def move_text(move: Move) -> str:
    return " to ".join(move)


class NthCard(Task):
    name = "nth_card"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 8

    def sample(self, table, rng, level):
        cascade = between(rng, 1, len(table.cascades))
        return {"cascade": cascade, "n": between(rng, 1, len(table.cascades[cascade - 1]))}

    def ask(self, table, cascade, n):
        return (
            f"Which card of cascade {cascade} is number {n}, counted upwards from its last card, "
            "which is number 1?"
        )

    def solve(self, table, cascade, n):
        upwards = table.cascades[cascade - 1][::-1]
        counted = ", ".join(f"{number} {card}" for number, card in enumerate(upwards[:n], 1))
        steps = [
            f"Cascade {cascade} from its last card upwards: {' '.join(upwards)}.",
            f"Counted: {counted}.",
        ]
        return Solution(upwards[n - 1], steps)

    def distractors(self, table, rng, answer, cascade, n):
        """Other cards of the cascade, and of the others if it is short."""
        same = [card for card in table.cascades[cascade - 1] if card != answer]
        others = [
            card for at, cards in enumerate(table.cascades, 1) if at != cascade for card in cards
        ]
        near = pick_some(rng, same, min(7, len(same)))
        return near + pick_some(rng, others, 7 - len(near))


def random_move(rng, count: int) -> Move:
    """From a cascade in three of four cases; to a cascade in more than half."""
    names, chance = cascades_of(count), rng.random()
    if chance < 0.4:
        return tuple(pick_some(rng, names, 2))
    if chance < 0.6:
        return pick(rng, names), pick(rng, CELLS)
    if chance < 0.75:
        return pick(rng, names), pick(rng, FOUNDATIONS)
    return pick(rng, CELLS), pick(rng, names if chance < 0.9 else FOUNDATIONS)


class ValidMove(Task):
    """First four random moves and the one that shall be legal, then cards to match: nothing but
    the picture tells which one it is. No move names its card, which would tell what lies where.
    """

    name = "valid_move"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 4

    def pose(self, game, rng, level):
        moves = ()
        while len(moves) < self.n_options:
            move = random_move(rng, CASCADES[level])
            # An empty cell would make every move to it legal.
            if move not in moves and move[1] not in {end for _, end in moves if end in CELLS}:
                moves += (move,)
        answer = pick(rng, moves)
        while True:
            table = self.match(rng, level, answer)
            if table and self.legal(table, moves) == [answer]:
                return table, {"moves": moves}

    def match(self, rng, level, move):
        """A table on which a move is legal, mostly with full cells; None if that fails."""
        start, end = move
        filled = {name for name in CELLS if rng.random() < 0.7} | {start} & set(CELLS)
        top, forced = top_ranks(rng), {}
        if end in FOUNDATIONS:
            forced[start, 0] = RANKS[top[end[-1]]] + end[-1]
        elif end not in CELLS:
            left = not_built(top)
            forced[start, 0] = card = pick(rng, left)
            above = [other for other in carriers(card) if other in left]
            if not above:
                return None
            forced[end, 0] = pick(rng, above)
        return lay(rng, level, top, forced, filled - {end})

    def legal(self, table, moves):
        at = places(table)
        return [move for move in moves if objection(at, move) is None]

    def ask(self, table, moves):
        return "Which of these moves is legal?"

    def solve(self, table, moves):
        (answer,) = self.legal(table, moves)
        last = ", ".join(
            f"{number} {named(cards[-1] if cards else '')}"
            for number, cards in enumerate(table.cascades, 1)
        )
        steps, at = [f"Last cards of the cascades: {last}. {singles(table)}"], places(table)
        for start, end in moves:
            why = objection(at, (start, end))
            if why is None:
                onto = f"onto {at[end][-1]}" if at[end] else f"to {end}, which is empty"
                why = f"{at[start][-1]} {onto}, legal"
            steps.append(f"{move_text((start, end))}: {why}.")
        return Solution(answer, steps)

    def distractors(self, table, rng, answer, moves):
        return [move for move in moves if move != answer]

    def text(self, value):
        return move_text(value)


class TopAfterMove(Task):
    """First the moves and the answer, then cards that allow the moves."""

    name = "top_after_move"
    qa_type, qa_level, n_options = PREDICTION, "Hard", 8

    def pose(self, game, rng, level):
        """All cards that the moves allow to be last are equally likely."""
        filled = pick_some(rng, CELLS, between(rng, 0, 3))
        moves, at, lies_on = self.plan(rng, level, filled)
        cascade = pick(rng, sorted({name for move in moves for name in move if name not in CELLS}))
        top, spot = top_ranks(rng), at[cascade][-1]
        below = 0
        while spot in lies_on:
            spot, below = lies_on[spot], below + 1
        left = [card for card in not_built(top) if rank(card) + below <= len(RANKS)]
        forced = self.match(rng, {at[cascade][-1]: pick(rng, left)}, lies_on, top)
        if forced is None:
            return None
        table = lay(rng, level, top, forced, filled)
        return table, {"moves": moves, "cascade": int(cascade.split()[1])}

    def plan(self, rng, level, filled):
        """Random moves of cards not yet known, none of a card that has moved before.

        A card is named by its spot: the place, and how many cards lie on it at first. Returns the
        moves, the spots at every place afterwards, and which spot's card comes to lie on which.
        """
        names = cascades_of(CASCADES[level])
        at = {name: [(name, depth) for depth in reversed(range(6))] for name in names}
        at |= {name: [(name, 0)] if name in filled else [] for name in CELLS}
        moves, lies_on, moved = [], {}, set()
        for _ in range(between(rng, *MOVES[level])):
            ways = [
                (start, end)
                for start in at
                for end in at
                if start != end and at[start] and at[start][-1] not in moved
                if end in names or (start in names and not at[end])
            ]
            start, end = pick(rng, ways)
            spot = at[start].pop()
            if end in names:
                lies_on[spot] = at[end][-1]
            at[end].append(spot)
            moved.add(spot)
            moves.append((start, end))
        return tuple(moves), at, lies_on

    def match(self, rng, forced, lies_on, top):
        """Random cards for all spots that come to lie on another; None if that fails."""
        left = [card for card in not_built(top) if card not in forced.values()]
        for spot in lies_on:
            if spot in lies_on.values():
                continue  # comes with the card that lies on it
            if spot not in forced:
                forced[spot] = pick(rng, left)
                left.remove(forced[spot])
            while spot in lies_on:
                found = [card for card in carriers(forced[spot]) if card in left]
                if not found:
                    return None
                spot = lies_on[spot]
                forced[spot] = pick(rng, found)
                left.remove(forced[spot])
        return forced

    def ask(self, table, moves, cascade):
        listed = "; ".join(map(move_text, moves))
        return (
            f"These moves are made one after the other: {listed}. Which card is then the last one "
            f"of cascade {cascade}?"
        )

    def solve(self, table, moves, cascade):
        at = places(table)
        takes = {name: sum(start == name for start, _ in moves) for move in moves for name in move}
        ends = (
            f"{name}: {' '.join(at[name][-1 - takes[name] :]) or 'empty'}" for name in sorted(takes)
        )
        steps = [f"At first the last cards are: {'; '.join(ends)}."]
        for start, end in moves:
            if why := objection(at, (start, end)):
                raise ValueError(f"{move_text((start, end))} is not legal: {why}")
            card = at[start].pop()
            onto = f" onto {at[end][-1]}" if at[end] else ""
            at[end].append(card)
            steps.append(f"{card} goes from {start} to {end}{onto}.")
        answer = at[f"cascade {cascade}"][-1]
        steps.append(f"The last card of cascade {cascade} is {answer}.")
        return Solution(answer, steps)

    def distractors(self, table, rng, answer, moves, cascade):
        """Other cards from near the ends of the cascades and in the cells.

        Not those on or under which a card comes to lie: their ranks would tell. Nor higher ones
        than could be the answer, which may have to lie on others.
        """
        at, below, tied = places(table), {}, set()
        for start, end in moves:
            card = at[start].pop()
            if at[end] and end not in CELLS:
                below[card] = below.get(at[end][-1], 0) + 1
                tied |= {card, at[end][-1]}
            at[end].append(card)
        highest = len(RANKS) - below.get(answer, 0)
        near = [card for cards in table.cascades for card in cards[-4:]]
        near += [card for card in table.cells if card]
        fitting = [c for c in near if c not in tied and c != answer and rank(c) <= highest]
        return pick_some(rng, fitting, self.n_options - 1)


GAME = Game(
    name="freecell",
    category="Pattern Recognition and Matching",
    split_kind="in_domain",
    rules=RULES,
    state=Freecell,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cards in the longest cascade", lambda table: max(map(len, table.cascades))),
    tasks=(NthCard(), ValidMove(), TopAfterMove()),
)
