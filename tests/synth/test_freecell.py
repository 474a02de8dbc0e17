"""FreeCell: its tables arise in games, its lists of moves tell nothing, its moves matter."""

import collections
import re

import numpy as np

from synth.cards import DECK, rank, suit
from synth.draw import BLACK, RED
from synth.game import state_from_json
from synth.games import freecell
from synth.registry import find_game
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("freecell")


def asked(task):
    return questions("freecell", task, 150)


def tables():
    for task in GAME.tasks:
        for record in asked(task.name):
            yield state_from_json(GAME, record["state"])


def test_a_game_leads_to_every_table():
    """Cards of cells and foundations, dealt onto the short cascades, can be moved off again."""
    for table in tables():
        count = len(table.cascades)
        dealt = [52 // count + (at < 52 % count) for at in range(count)]
        piles = [list(cards) for cards in table.cascades]
        built = [c for top in table.foundations if top for c in DECK if suit(c) == suit(top)]
        tops = {suit(top): rank(top) for top in table.foundations if top}
        built = sorted((c for c in built if rank(c) <= tops[suit(c)]), key=rank)
        off = [card for card in table.cells if card] + built  # in the order of the moves
        for card in reversed(off):
            at = next(at for at in range(count) if len(piles[at]) < dealt[at])
            piles[at].append(card)
        assert [len(pile) for pile in piles] == dealt
        assert sorted(card for pile in piles for card in pile) == sorted(DECK)
        foundations = dict.fromkeys("SHDC", 0)
        for card in off:
            next(pile for pile in piles if pile[-1] == card).pop()
            if card in built:
                assert rank(card) == foundations[suit(card)] + 1
                foundations[suit(card)] += 1
        assert [tuple(pile) for pile in piles] == list(table.cascades)


def test_all_kinds_of_moves_are_right_equally_often():
    """In published lists a move to a cell is right in nine of ten."""
    listed, right = collections.Counter(), collections.Counter()
    for record in asked("valid_move"):
        for option in record["options"]:
            kind = re.sub(r"cascade \d|cell \d|foundation \w", lambda m: m[0].split()[0], option)
            listed[kind] += 1
            right[kind] += option == chosen(record)
    assert len(listed) == 5
    assert all(0.1 < right[kind] / listed[kind] < 0.42 for kind in listed)


def test_the_moves_decide_which_card_is_last():
    """In published questions it is always the second card of the pile that is moved from."""
    kinds = collections.Counter()
    for record in asked("top_after_move"):
        state, params = state_and_params(record)
        before = state["cascades"][params["cascade"] - 1]
        answer = chosen(record)
        kinds[before[::-1].index(answer) if answer in before else "arrived"] += 1
        assert answer != before[-1]
    assert kinds["arrived"] > 100 and kinds[1] > 60 and kinds[2] > 20


def test_lists_of_moves_are_legal():
    for record in asked("top_after_move"):
        _, params = state_and_params(record)
        at = freecell.places(state_from_json(GAME, record["state"]))
        for start, end in params["moves"]:
            assert freecell.objection(at, (start, end)) is None
            at[end].append(at[start].pop())


def test_nothing_is_cut_off_and_red_is_red():
    for record in asked("nth_card")[:12]:
        table = state_from_json(GAME, record["state"])
        for size in (224, 448):
            pixels = np.asarray(GAME.draw(table, size))
            cards = (pixels == 255).all(2)
            assert not cards[-1].any() and not cards[:, 0].any() and not cards[:, -1].any()
            count = len(table.cascades)
            for at, cascade in enumerate(table.cascades):
                # The lower half of the last card of a cascade shows its suit alone.
                x = round((at + 0.5) * size / count)
                middle = pixels[size // 3 :, x]
                inked = [tuple(pixel) for pixel in middle if tuple(pixel) in (RED, BLACK)]
                assert inked[-1] == (RED if suit(cascade[-1]) in "HD" else BLACK)
