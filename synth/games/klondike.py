"""Klondike: patience on seven piles, one card moved at a time."""

import dataclasses
import re
from collections.abc import Iterable
from itertools import product

from synth.cards import (
    CARD,
    CARDS_ARE,
    DECK,
    RANKS,
    SUITS,
    carriers,
    fits,
    named,
    next_up,
    rank,
    riders,
    suit,
)
from synth.draw.cards import Table
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.questions import between, pick, pick_some

RULES = (
    "The picture shows a game of Klondike: the stock (its number tells how many cards lie face "
    "down in it), the top card of the waste, four foundations F1 to F4, and seven piles, whose "
    "lowest card in the picture is the last one. A move takes one card, the last card of a pile "
    "or the top card of the waste, never several. It goes onto the last card of a pile that is "
    "one rank higher and of the other colour, or, if it is a king, to an empty pile; or to a "
    "foundation: an ace to any empty one, any other card onto the next lower card of its suit. "
    f"{CARDS_ARE}"
)
EFFECTIVE = (
    "takes a card from a pile to another pile and thereby uncovers a card that lies face down or "
    "empties the pile"
)
PILES = tuple(f"pile {number}" for number in range(1, 8))
FOUNDATIONS = tuple(f"F{number}" for number in range(1, 5))
FACE_UP = {"Easy": (8, 12), "Medium": (13, 18), "Hard": (19, 26)}  # cards in the piles
LONGEST = {"Easy": 5, "Medium": 7, "Hard": 10}  # face-up cards of one pile
NONE = "none of these"

Move = tuple[str, str]  # from and to, as they are named in the picture


@dataclasses.dataclass(frozen=True)
class Klondike:
    stock: int  # cards face down in the stock; the rest of the deck lies below the waste's card
    waste: str  # the top card, "" if there is none
    foundations: tuple[str, ...]  # the top cards, "" for an empty one
    hidden: tuple[int, ...]  # cards face down in each pile
    piles: tuple[tuple[str, ...], ...]  # cards face up in each pile, the last one can be moved


def ends(table: Klondike) -> dict[str, str]:
    """The card that can be moved from, or built on, at every place; "" for an empty one."""
    cards = {name: pile[-1] if pile else "" for name, pile in zip(PILES, table.piles, strict=True)}
    return {**cards, "waste": table.waste, **dict(zip(FOUNDATIONS, table.foundations, strict=True))}


def objection(at: dict[str, str], move: Move) -> str | None:
    """Why a move is not legal, in words; None if it is. at: `ends` of the table."""
    start, end = move
    card, onto = at[start], at[end]
    if not card:
        return f"{start} is empty"
    if end in FOUNDATIONS:
        if onto:
            return None if next_up(onto) == card else f"{card} does not follow {onto}"
        return None if rank(card) == 1 else f"{card} is no ace"
    if not onto:
        return None if rank(card) == len(RANKS) else f"{card} is no king"
    if rank(onto) != rank(card) + 1:
        return f"{onto} is not one rank above {card}"
    return None if fits(card, onto) else f"{onto} has the colour of {card}"


def legal_text(at: dict[str, str], move: Move) -> str:
    """What a legal move does, in words."""
    start, end = move
    return f"{at[start]} onto {at[end]}" if at[end] else f"{at[start]} onto an empty place"


def is_legal(at: dict[str, str], move: Move) -> bool:
    return objection(at, move) is None


def frees(table: Klondike, name: str) -> bool:
    """Whether taking the last card of a pile uncovers a card that lies face down, or empties it."""
    return len(table.piles[PILES.index(name)]) == 1


def foundation_moves(at: dict[str, str]) -> list[Move]:
    return [move for move in product((*PILES, "waste"), FOUNDATIONS) if is_legal(at, move)]


def freeing_moves(table: Klondike) -> list[Move]:
    """The legal moves from pile to pile that uncover a card or empty a pile."""
    at = ends(table)
    pairs = product(PILES, PILES)
    return [(a, b) for a, b in pairs if a != b and is_legal(at, (a, b)) and frees(table, a)]


# How positions are made. Any cards can lie face up where a game may have turned them up, since
# those face down are not known; `can_arise` says when. So the cards that matter are chosen first.


def new(rng, level: str) -> Klondike:
    while True:
        table = lay(rng, level, choose_ends(rng))
        if table is not None:
            return table


def choose_ends(rng, legal: Iterable[Move] = (), used_up: bool = False) -> dict[str, str] | None:
    """Random `ends`, such that some moves are legal; None if that does not work out.

    used_up: the waste is empty and the foundations are high, so that no card may be left over.
    """
    at = dict.fromkeys((*PILES, "waste"))
    kings = range(1, 14) if used_up else range(1, 7)
    suits = pick_some(rng, tuple(SUITS), 4)
    for name, its_suit in zip(pick_some(rng, FOUNDATIONS, 4), suits, strict=True):
        is_empty = rng.random() < (0.1 if used_up else 0.4)
        at[name] = "" if is_empty else RANKS[pick(rng, kings) - 1] + its_suit
    built = {suit(at[name]): rank(at[name]) for name in FOUNDATIONS if at[name]}
    left = [card for card in DECK if rank(card) > built.get(suit(card), 0)]
    left = [left[i] for i in rng.permutation(len(left)).tolist()]
    if used_up:
        at["waste"] = ""
    if len(left) < len(at):
        return None
    for move in legal:
        if not fit(rng, at, move, left):
            return None
    for name in (*PILES, "waste"):
        if at[name] is None:
            at[name] = "" if rng.random() < (0.04 if name in PILES else 0.25) else left.pop()
    return at


def fit(rng, at: dict[str, str], move: Move, left: list[str]) -> bool:
    """Chooses cards among those `left` for the two ends of a move that shall be legal."""
    start, end = move
    if at[start] is None and at[end] is None:
        at[end] = "" if rng.random() < 0.1 else left.pop()
    if at[start] is None:
        if end in FOUNDATIONS:
            found = [c for c in left if (next_up(at[end]) == c if at[end] else rank(c) == 1)]
        elif at[end]:
            found = [card for card in riders(at[end]) if card in left]
        else:
            found = [card for card in left if rank(card) == len(RANKS)]
        if not found:
            return False
        at[start] = pick(rng, found)
        left.remove(at[start])
    elif at[end] is None:
        found = [card for card in carriers(at[start] or "KS") if card in left]
        if not found:
            return False
        at[end] = pick(rng, found)
        left.remove(at[end])
    return is_legal(at, move)


def lay(
    rng,
    level: str,
    at: dict[str, str] | None,
    alone: dict[str, bool] | None = None,
    used_up: bool = False,
) -> Klondike | None:
    """A table with these `ends`; None if that does not work out, or if no game leads to it.

    alone: piles of which the last card shall be the only one face up, or not. used_up: no card is
    in the stock or the waste.
    """
    if at is None:
        return None
    alone = alone or {}
    below = {suit(at[name]): rank(at[name]) for name in FOUNDATIONS if at[name]}
    left = {card for card in DECK if rank(card) > below.get(suit(card), 0)} - set(at.values())
    piles = [[at[name]] if at[name] else [] for name in PILES]
    open_ = [pile for name, pile in zip(PILES, piles, strict=True) if pile and not alone.get(name)]
    total = between(rng, *FACE_UP[level])
    while open_ and sum(map(len, piles)) < total:
        pile = pick(rng, open_)
        above = [card for card in carriers(pile[0]) if card in left]
        if above and len(pile) < LONGEST[level]:
            pile.insert(0, pick(rng, above))
            left.remove(pile[0])
        else:
            open_ = [other for other in open_ if other is not pile]
    # The cards left over lie face down: in the piles, in the stock and below the waste's card.
    beds = [number for number, pile in enumerate(piles) if pile for _ in range(number)]
    most = min(len(left), 0 if used_up else 24 - bool(at["waste"]))
    if most < len(left) - len(beds):
        return None
    rest = between(rng, max(0, len(left) - len(beds)), most)
    backs = pick_some(rng, beds, len(left) - rest)
    hidden = tuple(backs.count(number) for number in range(7))
    stock = between(rng, 0, rest) if at["waste"] else rest
    tops = tuple(at[name] for name in FOUNDATIONS)
    table = Klondike(stock, at["waste"], tops, hidden, tuple(map(tuple, piles)))
    low, high = FACE_UP[level]
    fine = (
        low <= sum(map(len, piles)) <= high
        and all(frees(table, name) == is_alone for name, is_alone in alone.items())
        and not idle_king(table)
        and can_arise(table)
    )
    return table if fine else None


def idle_king(table: Klondike) -> bool:
    """Whether a king that is alone could be moved to an empty pile, which changes nothing."""
    alone = [
        p[0] for p, backs in zip(table.piles, table.hidden, strict=True) if len(p) == 1 > backs
    ]
    return () in table.piles and any(rank(card) == len(RANKS) for card in alone)


def can_arise(table: Klondike) -> bool:
    """Whether a game can lead here, moving single cards, if at most 24 cards are not in the piles.

    Pile n begins with n - 1 cards face down and one face up. The first card that is face up now may
    be the one that lay there; those dealt above it have been moved away: to foundations, or onto
    the last cards of piles that have lost theirs already. All other cards come from the stock,
    where each can be had in turn. An empty pile has lost all its cards.
    """
    space = sum(rank(card) for card in table.foundations if card)
    gone_and_gained = sorted(
        (number + 1 - backs - bool(pile), max(0, len(pile) - 1))
        for number, (backs, pile) in enumerate(zip(table.hidden, table.piles, strict=True))
    )
    for gone, gained in gone_and_gained:
        if gone > space:
            return False
        space += gained - gone
    return True


def draw(table: Klondike, size: int):
    head = {0: "stock", 1: "waste", **dict(enumerate(FOUNDATIONS, 3))}
    picture = Table(size, 7, head, range(7))
    picture.piles(table.piles, table.hidden)
    picture.backs(0, min(table.stock, 1))
    picture.words(0, table.stock)
    for column, card in enumerate((table.waste, "", *table.foundations), 1):
        picture.place(column, card)
    return picture.image


def describe(table: Klondike) -> str:
    at = ends(table)
    lines = [f"Klondike. Stock: {table.stock} face down. Waste: {named(table.waste)}."]
    lines.append(f"Foundations: {', '.join(f'{name} {named(at[name])}' for name in FOUNDATIONS)}.")
    for name, backs, pile in zip(PILES, table.hidden, table.piles, strict=True):
        lines.append(f"{name}: {backs} face down, face up {named(' '.join(pile))}.")
    return "\n".join(lines)


def parse(description: str) -> Klondike:
    first, second, *rest = description.splitlines()
    stock, waste = re.search(r"Stock: (\d+) .* Waste: (\w+)", first).groups()
    tops = re.findall(r"F\d (\w+)", second)
    waste, *tops = ("" if card == "empty" else card for card in (waste, *tops))
    hidden = tuple(int(re.search(r": (\d+)", line)[1]) for line in rest)
    piles = tuple(tuple(re.findall(CARD, line)) for line in rest)
    return Klondike(int(stock), waste, tuple(tops), hidden, piles)


def read(table: Klondike) -> str:
    """The first sentence of a solution: what can be moved and built on."""
    at = ends(table)
    said = ", ".join(f"{name[-1]} {named(at[name])}" for name in PILES)
    tops = ", ".join(f"{name} {named(at[name])}" for name in FOUNDATIONS)
    return f"Last cards of the piles: {said}. Waste {named(at['waste'])}. {tops}."


def random_move(rng) -> Move:
    """From pile to pile in half of the cases."""
    chance = rng.random()
    if chance < 0.5:
        return tuple(pick_some(rng, PILES, 2))
    if chance < 0.65:
        return "waste", pick(rng, PILES)
    return pick(rng, (*PILES, *PILES, "waste")), pick(rng, FOUNDATIONS)


class ChooseMove(Task):
    """One of seven listed moves, or none of them.

    First seven random moves and the one that shall be right, then cards to match: nothing but the
    picture tells which one it is. `moves` are the listed ones.
    """

    n_options = 8
    asked: str

    def pose(self, game, rng, level):
        moves = self.draw_moves(rng)
        answer = pick(rng, (*moves, NONE))
        while True:
            table = self.match(rng, level, moves, answer)
            if table and [move for move in moves if self.verdict(table, move)[0]] == (
                [] if answer == NONE else [answer]
            ):
                return table, {"moves": moves}

    def draw_moves(self, rng):
        moves = {random_move(rng): None for _ in range(7)}
        while len(moves) < 7:
            moves[random_move(rng)] = None
        return tuple(moves)

    def ask(self, table, moves):
        return self.asked

    def solve(self, table, moves):
        steps, right = [read(table)], []
        for move in moves:
            is_right, why = self.verdict(table, move)
            right += [move] * is_right
            steps.append(f"{self.text(move)}: {why}.")
        if len(right) > 1:
            raise ValueError("several of the listed moves are right")
        return Solution(right[0] if right else NONE, steps)

    def distractors(self, table, rng, answer, moves):
        return [move for move in (*moves, NONE) if move != answer]

    def text(self, value):
        return value if value == NONE else " to ".join(value)


class ValidMove(ChooseMove):
    name = "valid_move"
    qa_type, qa_level = PERCEPTION, "Easy"
    asked = f"Which of these moves is legal? If there is none, the answer is '{NONE}'."

    def match(self, rng, level, moves, answer):
        return lay(rng, level, choose_ends(rng, [answer] if answer != NONE else []))

    def verdict(self, table, move):
        at = ends(table)
        why = objection(at, move)
        return why is None, why or f"{legal_text(at, move)}, legal"


class EffectiveMove(ChooseMove):
    name = "effective_move"
    qa_type, qa_level = STRATEGY, "Hard"
    asked = (
        f"A move is effective if it is legal and goes to a foundation, or {EFFECTIVE}. Which of "
        f"these moves is effective? If there is none, the answer is '{NONE}'."
    )

    def draw_moves(self, rng):
        """Without moves from the waste to a pile, which never are effective."""
        moves = {}
        while len(moves) < 7:
            start, end = random_move(rng)
            if start != "waste" or end in FOUNDATIONS:
                moves[start, end] = None
        return tuple(moves)

    def match(self, rng, level, moves, answer):
        """Up to two other moves are legal without being effective."""
        idle = [move for move in moves if move != answer and move[1] in PILES]
        idle = pick_some(rng, idle, min(len(idle), between(rng, 0, 2)))
        alone = {start: False for start, _ in idle}
        if answer != NONE and answer[1] in PILES:
            alone[answer[0]] = True
        at = choose_ends(rng, [*([answer] if answer != NONE else []), *idle])
        return lay(rng, level, at, alone)

    def verdict(self, table, move):
        at = ends(table)
        why = objection(at, move)
        if why:
            return False, why
        if move[1] in FOUNDATIONS:
            return True, f"{legal_text(at, move)}, effective"
        index = PILES.index(move[0])
        if not frees(table, move[0]):
            return False, f"legal, but leaves {table.piles[index][-2]} face up"
        frees_what = "uncovers a card" if table.hidden[index] else "empties the pile"
        return True, f"{legal_text(at, move)} {frees_what}, effective"


class DeadlockReason(Task):
    name = "deadlock_reason"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 8

    CASES = tuple(product((True, False), repeat=3))

    def pose(self, game, rng, level):
        """All eight cases are equally likely."""
        answer = used_up, builds, frees_one = pick(rng, self.CASES)
        while True:
            legal, alone = [], {}
            if builds:
                legal.append((pick(rng, PILES), pick(rng, FOUNDATIONS)))
            if frees_one:
                pair = tuple(pick_some(rng, PILES, 2))
                legal.append(pair)
                alone[pair[0]] = True
            table = lay(rng, level, choose_ends(rng, legal, used_up), alone, used_up)
            if table and self.answer(table) == answer:
                return table, {}

    def answer(self, table):
        used_up = not table.stock and not table.waste
        return used_up, bool(foundation_moves(ends(table))), bool(freeing_moves(table))

    def ask(self, table):
        return (
            "Three statements: (a) stock and waste are both empty; (b) a card can go to a "
            f"foundation, from a pile or from the waste; (c) there is a legal move that {EFFECTIVE}"
            ". The game is in a deadlock if (a) is true and (b) and (c) are false. What holds?"
        )

    def solve(self, table):
        waste = f"the waste shows {table.waste}" if table.waste else "the waste is empty"
        at = ends(table)
        answer = self.answer(table)
        to_build = self.listed(foundation_moves(at), at)
        single = [name for name in PILES if at[name] and frees(table, name)]
        steps = [
            read(table),
            f"(a) Cards in the stock: {table.stock}, and {waste}: {self.word(answer[0])}.",
            f"(b) To foundations: {to_build}: {self.word(answer[1])}.",
            "(c) Only one card is face up in: "
            f"{', '.join(f'{name} {at[name]}' for name in single) or 'no pile'}. From there to "
            f"other piles: {self.listed(freeing_moves(table), at)}: {self.word(answer[2])}.",
        ]
        return Solution(answer, steps)

    def listed(self, moves, at):
        return ", ".join(f"{at[a]} from {a} to {b}" for a, b in moves) or "nothing"

    def word(self, holds):
        return "true" if holds else "false"

    def distractors(self, table, rng, answer):
        return [case for case in self.CASES if case != answer]

    def text(self, value):
        said = ", ".join(
            f"({name}) {self.word(is_so)}" for name, is_so in zip("abc", value, strict=True)
        )
        return f"{said}: {'a' if value == (True, False, False) else 'no'} deadlock"


GAME = Game(
    name="klondike",
    category="Pattern Recognition and Matching",
    split_kind="out_of_domain",
    rules=RULES,
    state=Klondike,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cards face up in the piles", lambda table: sum(map(len, table.piles))),
    tasks=(ValidMove(), DeadlockReason(), EffectiveMove()),
)
