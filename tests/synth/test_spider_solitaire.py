"""Spider: its tables arise in games, its answers are balanced, its picture can be counted."""

import collections
import itertools

import numpy as np

from synth.game import LEVELS, state_from_json
from synth.games.spider_solitaire.rules import VERDICTS, openings, run_of, verdict
from synth.games.spider_solitaire.tables import first_hidden, order
from synth.registry import find_game
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("spider_solitaire")


def asked(task):
    return questions("spider_solitaire", task, 150)


def table_of(record):
    return state_from_json(GAME, record["state"])


def tables():
    for task in GAME.tasks:
        for record in asked(task.name)[:150]:
            yield table_of(record)


def test_every_table_has_all_cards():
    for table in tables():
        cards = [rank for pile in table.piles for rank in pile]
        total = len(cards) + sum(table.hidden) + table.deals * len(table.piles)
        assert total == 104 and max(collections.Counter(cards).values()) <= 8


def changes_of(table):
    """For each pile: cards that stay face up, cards put on them, cards taken off before."""
    rows = 5 - table.deals
    for first, backs, pile in zip(
        first_hidden(len(table.piles)), table.hidden, table.piles, strict=True
    ):
        stayed = min(len(pile), 1 + rows if backs == first else 1)
        yield stayed, len(pile) - stayed, first + 1 + rows - backs - stayed


def replay(table):
    """Deals all rows such that a game leads to `table`, and plays it."""
    stayed, on, off = zip(*changes_of(table), strict=True)
    columns = [
        [0] * backs + list(pile[:stay])
        for backs, pile, stay in zip(table.hidden, table.piles, stayed, strict=True)
    ]
    face_up = first_hidden(len(columns))
    rests, moves = [], []
    for at in order(list(off), list(on)):
        gone = []
        for _ in range(off[at]):
            end, rank = rests[len(moves)]
            moves.append((at, end))
            gone.append(rank)
        columns[at] += reversed(gone)
        rests += [(at, rank) for rank in table.piles[at][stayed[at] :]]
    assert len(moves) == len(rests)
    for column, backs in zip(columns, first_hidden(len(columns)), strict=True):
        assert len(column) == backs + 1 + 5 - table.deals
    for start, end in moves:
        rank = columns[start].pop()
        assert not columns[end] or columns[end][-1] == rank + 1
        columns[end].append(rank)
        face_up[start] = min(face_up[start], max(len(columns[start]) - 1, 0))
    seen = tuple(tuple(column[up:]) for column, up in zip(columns, face_up, strict=True))
    assert seen == table.piles and tuple(face_up) == table.hidden


def test_a_game_leads_to_every_table():
    for table in tables():
        replay(table)


def test_answers_are_equally_frequent():
    expected = {"deals_left": 6, "top_card": 14, "face_up_after_deals": 8, "move_verdict": 5}
    for task, count in expected.items():
        for level in LEVELS:
            answers = [chosen(r) for r in asked(task) if r["plot_level"] == level]
            seen = collections.Counter(answers)
            assert len(seen) == count and max(seen.values()) < 2.2 * len(answers) / count


def test_the_number_of_cards_does_not_tell_the_verdict():
    seen = collections.Counter(
        (state_and_params(record)[1]["n"], chosen(record)) for record in asked("move_verdict")
    )
    assert len(seen) == 4 * len(VERDICTS) and min(seen.values()) >= 8


def test_a_named_move_uncovers_a_card_and_is_the_only_one():
    moves = 0
    for record in asked("reveal_move"):
        table, pile = table_of(record), state_and_params(record)[1]["pile"]
        ways = openings(table, pile) if table.hidden[pile - 1] else []
        assert len(ways) == chosen(record).startswith("its last")
        moves += len(ways)
    assert moves > 0.6 * len(asked("reveal_move"))


def test_the_best_action_is_the_only_best_one():
    kinds, rivals = collections.Counter(), 0
    for record in asked("best_action"):
        table, actions = table_of(record), state_and_params(record)[1]["actions"]
        legal = [a[1] for a in actions if a[0] == "move" and verdict(table, *at(a)) == VERDICTS[4]]
        complete = [
            a for a in actions if a[0] == "run" and len(run_of(table.piles[a[1] - 1])) == 13
        ]
        kind = "run" if complete else "move" if legal else "deal"
        kinds[kind] += 1
        assert chosen(record).split()[0] == {"run": "take", "move": "last", "deal": "deal"}[kind]
        rivals += kind == "move" and len(legal) > 1
        assert kind != "deal" or (table.deals and () not in table.piles)
        assert kind != "move" or legal.count(max(legal)) == 1
    assert min(kinds.values()) > 30 and rivals > 50


def at(action):
    _, n, start, end = action
    return start, n, end


def test_blue_cards_can_be_counted_in_the_picture():
    for record, size in itertools.product(asked("deals_left")[:12], (224, 448)):
        table = table_of(record)
        pixels = np.asarray(GAME.draw(table, size)).astype(int)
        blue = (pixels[..., 2] - pixels[..., 0] > 80) & (pixels[..., 1] > 120)
        stock = blue[round(0.08 * size)].astype(int)
        assert (np.diff(stock, prepend=0) == 1).sum() == table.deals
        for number, backs in enumerate(table.hidden):
            column = blue[round(0.125 * size) :, round((number + 0.5) * size / len(table.hidden))]
            assert (np.diff(column.astype(int), prepend=0) == 1).sum() == backs
