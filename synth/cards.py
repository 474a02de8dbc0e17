"""Playing cards, written as rank and suit: "10H" is the ten of hearts."""

RANKS = ("A", "2", "3", "4", "5", "6", "7", "8", "9", "10", "J", "Q", "K")
SUITS = {"S": "spades", "H": "hearts", "D": "diamonds", "C": "clubs"}
RED_SUITS = "HD"
DECK = tuple(rank + suit for suit in SUITS for rank in RANKS)
CARD = r"(?:10|[A2-9JQK])[SHDC]"  # a card in a text
CARDS_ARE = (  # for the rules of a game with a whole deck
    "Cards are written as rank (A is 1, then 2 to 10, J, Q, K) and suit: S spades and C clubs are "
    "black, H hearts and D diamonds red."
)

_RANK = {card: RANKS.index(card[:-1]) + 1 for card in DECK}


def rank(card: str) -> int:
    """From 1, the ace, to 13, the king."""
    return _RANK[card]


def suit(card: str) -> str:
    return card[-1]


def is_red(card: str) -> bool:
    return card[-1] in RED_SUITS


def fits(card: str, onto: str) -> bool:
    """Whether columns of falling ranks and changing colours let `card` lie on `onto`."""
    return _RANK[onto] == _RANK[card] + 1 and is_red(card) != is_red(onto)


def carriers(card: str) -> tuple[str, ...]:
    """The cards that `card` fits onto; none for a king."""
    if _RANK[card] == len(RANKS):
        return ()
    other = "SC" if is_red(card) else RED_SUITS
    return tuple(RANKS[_RANK[card]] + suit for suit in other)


def riders(card: str) -> tuple[str, ...]:
    """The cards that fit onto `card`; none for an ace."""
    if _RANK[card] == 1:
        return ()
    other = "SC" if is_red(card) else RED_SUITS
    return tuple(RANKS[_RANK[card] - 2] + suit for suit in other)


def next_up(card: str) -> str | None:
    """The card of the same suit and the next rank; None after the king."""
    return None if _RANK[card] == len(RANKS) else RANKS[_RANK[card]] + card[-1]


def named(card: str) -> str:
    """A card that may be missing, in words."""
    return card or "empty"
