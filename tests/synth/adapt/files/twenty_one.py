"""Twenty-one: what a hand is worth, and which cards it may still get."""

import dataclasses
import re

from PIL import Image, ImageDraw

from synth.cards import CARD, CARDS_ARE, DECK, RANKS, is_red
from synth.draw import BLACK, RED, WHITE, write
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.questions import between, listed, pick, pick_numbers, pick_some

CARDS = {"Easy": (2, 3), "Medium": (3, 4), "Hard": (4, 5)}
FELT = (201, 224, 206)
RULES = (
    "The picture shows a hand of cards. Number cards are worth their number; jack, queen and king "
    "10; each ace 11, but as many aces as needed count 1 instead where the hand would be worth "
    "more than 21. " + CARDS_ARE
)


@dataclasses.dataclass(frozen=True)
class Hand:
    hand: tuple[str, ...]

    def __post_init__(self):
        if len(set(self.hand) & set(DECK)) < len(self.hand):
            raise ValueError("a hand has different cards of a deck")


def new(rng, level):
    return Hand(tuple(pick_some(rng, DECK, between(rng, *CARDS[level]))))


def draw(hand, size):
    image = Image.new("RGB", (size, size), FELT)
    pen, width = ImageDraw.Draw(image), size // 5
    for at, card in enumerate(hand.hand):
        left, top = at * width + 2, size // 3
        pen.rectangle((left, top, left + width - 5, top + 3 * width // 2), WHITE, BLACK)
        colour = RED if is_red(card) else BLACK
        write(image, (left + width / 2 - 2, top + width / 2), card[:-1], width / 2, colour)
        write(image, (left + width / 2 - 2, top + width), card[-1], width / 2, colour)
    return image


def describe(hand):
    return f"The hand, from left to right: {listed(hand.hand)}."


def parse(description):
    return Hand(tuple(re.findall(CARD, description.partition(": ")[2])))


def worth(card):
    rank = RANKS.index(card[:-1]) + 1
    return 11 if rank == 1 else min(rank, 10)


def value(cards):
    total, aces = sum(map(worth, cards)), sum(card[0] == "A" for card in cards)
    while total > 21 and aces:
        total, aces = total - 10, aces - 1
    return total


def with_value(rng, level, wanted):
    hand = new(rng, level)
    return hand if value(hand.hand) == wanted else None


def steps_of(cards):
    said = ", ".join(f"{card} {worth(card)}" for card in cards)
    return [f"The cards are worth: {said}.", f"Together, aces as needed: {value(cards)}."]


class HandValue(Task):
    name = "hand_value"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        hand = with_value(rng, level, between(rng, 14, 21))
        return hand and (hand, {})

    def ask(self, hand):
        return "What is the hand worth?"

    def solve(self, hand):
        return Solution(value(hand.hand), [describe(hand), *steps_of(hand.hand)])


class ValueAfter(Task):
    name = "value_after"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 4

    def pose(self, game, rng, level):
        """First what the hand will be worth, then a hand and a card."""
        wanted = between(rng, 12, 27)
        *hand, card = pick_some(rng, DECK, between(rng, *CARDS[level]) + 1)
        return (Hand(tuple(hand)), {"card": card}) if value((*hand, card)) == wanted else None

    def ask(self, hand, card):
        return f"The hand gets the {card}, too. What is it worth then?"

    def solve(self, hand, card):
        cards = (*hand.hand, card)
        return Solution(value(cards), [describe(hand), *steps_of(cards)])

    def distractors(self, hand, rng, answer, card):
        return pick_numbers(rng, answer, 12, 27, 3, 6)


class SafeRanks(Task):
    name = "safe_ranks"
    qa_type, qa_level = STRATEGY, "Hard"

    def pose(self, game, rng, level):
        wanted, hand = pick(rng, (5, 6, 7, 8)), new(rng, level)
        return (hand, {}) if self.count(hand) == wanted else None

    def count(self, hand):
        return sum(value((*hand.hand, f"{rank}S")) <= 21 for rank in RANKS)

    def ask(self, hand):
        return "With how many of the 13 ranks, as the next card, is the hand worth 21 or less?"

    def solve(self, hand):
        good = [rank for rank in RANKS if value((*hand.hand, f"{rank}S")) <= 21]
        return Solution(len(good), [describe(hand), f"Good ranks: {listed(good)}."])


class RedCount(Task):
    name = "red_count"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        wanted, hand = between(rng, 0, 20), new(rng, level)
        return (hand, {}) if self.count(hand) == wanted else None

    def count(self, hand):
        return sum(worth(card) for card in hand.hand if is_red(card))

    def ask(self, hand):
        return "How much are the red cards worth together, each ace counting 11?"

    def solve(self, hand):
        red = [card for card in hand.hand if is_red(card)]
        said = f"The red cards: {listed(red) or 'none'}; together {self.count(hand)}."
        return Solution(self.count(hand), [describe(hand), said])


GAME = Game(
    name="twenty_one",
    category="Multi-step Reasoning",
    split_kind="in_domain",
    rules=RULES,
    state=Hand,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cards in the hand", lambda hand: len(hand.hand)),
    tasks=(HandValue(), ValueAfter(), SafeRanks(), RedCount()),
)
