"""Klondike: its tables arise in games, its options tell nothing, its picture shows the cards."""

import collections
import itertools
import json
import re

import numpy as np

from synth.cards import DECK, next_up, rank, riders, suit
from synth.game import LEVELS, state_from_json
from synth.games import klondike
from synth.registry import find_game
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("klondike")
TASKS = [task.name for task in GAME.tasks]


def asked(task):
    return questions("klondike", task, 150)


def tables():
    for task in TASKS:
        for record in asked(task)[:150]:
            yield state_from_json(GAME, record["state"])


class Play:
    """A game played forward from its deal, with every rule checked."""

    def __init__(self, dealt, stock):
        self.hidden = [list(pile[:-1]) for pile in dealt]
        self.faces = [[pile[-1]] for pile in dealt]
        self.stock, self.built = set(stock), {}

    def take(self, source, card):
        if source is None:
            self.stock.remove(card)  # the stock is gone through until it shows the card
            return
        assert self.faces[source].pop() == card
        if not self.faces[source] and self.hidden[source]:
            self.faces[source].append(self.hidden[source].pop())

    def build(self, card):
        assert rank(card) == self.built.get(suit(card), 0) + 1
        self.built[suit(card)] = rank(card)

    def put(self, pile, card):
        assert card in riders(self.faces[pile][-1])
        self.faces[pile].append(card)


def replay(table):
    """Deals cards such that a game leads to `table`, and plays it."""
    seen = [card for pile in table.piles for card in pile] + [table.waste] * bool(table.waste)
    builds = [c for top in table.foundations if top for c in DECK if suit(c) == suit(top)]
    tops = {suit(top): rank(top) for top in table.foundations if top}
    builds = sorted((c for c in builds if rank(c) <= tops[suit(c)]), key=rank)
    unseen = [card for card in DECK if card not in seen and card not in builds]
    gone = {
        at: at + 1 - backs - bool(pile)
        for at, (backs, pile) in enumerate(zip(table.hidden, table.piles, strict=True))
    }
    # In which order cards come to rest, and where they lie before that: from the piles first.
    rests, sources = [(None, card) for card in builds], {}
    dealt = [list(table.piles[at][:1]) for at in range(7)]
    for at in sorted(gone, key=lambda at: (gone[at], len(table.piles[at]))):
        for _ in range(gone[at]):
            _, card = rests[len(sources)]
            sources[card] = at
        rests += [(at, card) for card in table.piles[at][1:]]
    for card, at in reversed(sources.items()):
        dealt[at].append(card)
    hidden = [[unseen.pop() for _ in range(backs)] for backs in table.hidden]
    dealt = [down + pile for down, pile in zip(hidden, dealt, strict=True)]
    for at, pile in enumerate(dealt):
        assert len(pile) == at + 1
    stock = set(DECK) - {card for pile in dealt for card in pile}
    assert len(stock) == 24
    play = Play(dealt, stock)
    for at, card in rests:
        play.take(sources.get(card), card)
        if at is None:
            play.build(card)
        else:
            play.put(at, card)
    assert [tuple(pile) for pile in play.faces] == list(table.piles)
    assert [len(pile) for pile in play.hidden] == list(table.hidden)
    assert play.built == tops
    assert len(play.stock) >= table.stock + bool(table.waste)
    assert (len(play.stock) > table.stock) == bool(table.waste)


def test_a_game_leads_to_every_table():
    for table in tables():
        replay(table)


def test_piles_fall_in_changing_colours():
    for table in tables():
        for pile in table.piles:
            assert all(low in riders(high) for high, low in itertools.pairwise(pile))
        cards = [card for pile in table.piles for card in pile]
        cards += [card for card in (table.waste, *table.foundations) if card]
        assert len(set(cards)) == len(cards)


def test_a_foundation_is_no_safe_guess():
    """In the published questions every foundation that is listed is the answer."""
    for task in ("valid_move", "effective_move"):
        listed, right = collections.Counter(), collections.Counter()
        for record in asked(task):
            for option in record["options"]:
                kind = re.sub(r"\d", "", option)
                listed[kind] += 1
                right[kind] += option == chosen(record)
        assert all(0.05 < right[kind] / listed[kind] < 0.2 for kind in listed), task


def test_legal_moves_without_effect_are_listed():
    idle = 0
    for record in asked("effective_move"):
        table = state_from_json(GAME, record["state"])
        at, moves = klondike.ends(table), state_and_params(record)[1]["moves"]
        legal = [move for move in moves if klondike.is_legal(at, tuple(move))]
        verdict = GAME.task("effective_move").verdict
        idle += any(not verdict(table, tuple(move))[0] for move in legal)
    assert idle > 0.4 * len(asked("effective_move"))


def test_deadlocks_occur_at_every_level():
    seen = collections.Counter(
        (record["plot_level"], chosen(record)) for record in asked("deadlock_reason")
    )
    assert len(seen) == 8 * len(LEVELS) and min(seen.values()) >= 5


def test_a_king_is_not_moved_to_and_fro():
    for table in tables():
        for a, b in itertools.product(range(7), repeat=2):
            alone = len(table.piles[a]) == 1 and not table.hidden[a] and not table.piles[b]
            assert not (alone and next_up(table.piles[a][0]) is None)


def test_cards_face_down_can_be_counted_in_the_picture():
    for record in asked("deadlock_reason")[:9]:
        state = json.loads(record["state"])
        for size in (224, 448):
            pixels = np.asarray(GAME.draw(state_from_json(GAME, record["state"]), size)).astype(int)
            blue = (pixels[..., 2] - pixels[..., 0] > 80) & (pixels[..., 1] > 120)
            for at, backs in enumerate(state["hidden"]):
                column = blue[size // 4 :, round((at + 0.5) * size / 7)]
                assert (np.diff(column.astype(int)) == 1).sum() == backs
