"""Published deals, with piles and cells counted from 0.

Published moves name their card, ours do not: a listed move of a card that is not the last one where
it is taken from is none of ours.
"""

SUITS = {"♠": "S", "♥": "H", "♦": "D", "♣": "C"}
RANKS = ["A", *map(str, range(2, 11)), "J", "Q", "K"]


def card(text):
    rank, suit = text.split()
    return rank + SUITS[suit]


def place(published):
    kind, at = published
    if kind == "foundation":
        return f"foundation {at[0].upper()}"
    return f"{'cell' if kind == 'freecell' else kind} {at + 1}"


def move(published):
    return [place(published[1]), place(published[2])]


def adapt(case, value):
    given, params, task = case["state"], case["params"], case["task"]
    assert not any(given["free_cells"]) and not any(given["foundation_piles"].values())
    cascades = [[card(text) for text in pile] for pile in given["cascade_piles"]]
    state = {"cascades": cascades, "cells": [""] * 4, "foundations": [""] * 4}
    if task == "valid_move":
        listed = [
            option
            for option in case["options"]
            if option == value
            or (option[1][0] == "cascade" and names_its_card(option, cascades[option[1][1]]))
        ]
        return task, state, {"moves": [move(option) for option in listed]}, move(value)
    suit, rank = value
    ours = {"cascade": params["pile"] + 1}
    ours |= {"n": params["n"]} if task == "nth_card" else {"moves": [move(params["move"])]}
    return task, state, ours, rank + suit[0].upper()


def names_its_card(option, pile):
    suit, rank = option[0]
    return pile[-1] == RANKS[rank - 1] + suit[0].upper()
