"""The rules of Spider with one suit, its tables and their description."""

import dataclasses
import re

from synth.cards import RANKS

RULES = (
    "The picture shows a game of Spider with 104 cards, all spades, in numbered piles. The lowest "
    "card of a pile in the picture is its last one; blue cards lie face down. Every blue card at "
    "the top left, in the stock, stands for a row that can still be dealt: one card face up onto "
    "every pile, which is not allowed while a pile is empty. Ranks fall K, Q, J, 10, ..., 2, A. A "
    "run is a row of cards, all face up, each one rank below the card before it. A move takes the "
    "last cards of a pile, one or more, if they are a run, onto the last card of another pile if "
    "that is one rank above the first card of the run, or to an empty pile. If the last card of a "
    "pile then lies face down, it is turned up. Complete runs from K to A stay until they are "
    "taken off."
)
FEWER, FACE_DOWN, BROKEN, UNFIT, LEGAL = VERDICTS = (
    "the pile has fewer cards",
    "one of the cards lies face down",
    "the cards are no run",
    "the run does not fit onto the other pile",
    "the move is legal",
)


@dataclasses.dataclass(frozen=True)
class Spider:
    deals: int  # rows left in the stock
    hidden: tuple[int, ...]  # cards face down in each pile
    piles: tuple[tuple[int, ...], ...]  # ranks of the cards face up, the last one last


def run_of(pile: tuple[int, ...]) -> tuple[int, ...]:
    """The longest run at the end of a pile."""
    start = len(pile) - 1
    while start > 0 and pile[start - 1] == pile[start] + 1:
        start -= 1
    return pile[max(start, 0) :]


def verdict(table: Spider, start: int, n: int, end: int) -> str:
    """The first of VERDICTS that holds for moving the last n cards of pile `start` to `end`."""
    pile, onto = table.piles[start - 1], table.piles[end - 1]
    if n > table.hidden[start - 1] + len(pile):
        return FEWER
    if n > len(pile):
        return FACE_DOWN
    if n > len(run_of(pile)) or n < 1:
        return BROKEN
    return LEGAL if not onto or onto[-1] == pile[-n] + 1 else UNFIT


def openings(table: Spider, pile: int) -> list[tuple[int, int]]:
    """The moves (n, to) that take all cards face up off a pile."""
    n = len(table.piles[pile - 1])
    ends = range(1, len(table.piles) + 1)
    return [(n, end) for end in ends if end != pile and verdict(table, pile, n, end) == LEGAL]


def name_of(rank: int) -> str:
    return RANKS[rank - 1]


def names(ranks) -> str:
    return " ".join(map(name_of, ranks)) or "empty"


def describe(table: Spider) -> str:
    rows = (
        f"pile {number}: {backs} face down, face up {names(pile)}"
        for number, (backs, pile) in enumerate(zip(table.hidden, table.piles, strict=True), 1)
    )
    return "\n".join((f"Spider, all spades. Rows left in the stock: {table.deals}.", *rows))


def parse(description: str) -> Spider:
    first, *rows = description.splitlines()
    read = [re.search(r": (\d+) face down, face up (.*)", row).groups() for row in rows]
    return Spider(
        int(re.search(r"\d+", first)[0]),
        tuple(int(backs) for backs, _ in read),
        tuple(
            tuple(RANKS.index(word) + 1 for word in words.split() if word != "empty")
            for _, words in read
        ),
    )


def pile_text(table: Spider, pile: int) -> str:
    backs, ranks = table.hidden[pile - 1], table.piles[pile - 1]
    return f"Pile {pile}: {backs} face down, face up {names(ranks)}."


def cards_text(n: int) -> str:
    return "last card" if n == 1 else f"last {n} cards"
