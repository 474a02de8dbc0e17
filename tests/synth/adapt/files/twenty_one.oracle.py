"""Twenty-one: the best of all ways to count the aces."""

import itertools

RANKS = ["A", *map(str, range(2, 11)), "J", "Q", "K"]


def value(cards):
    ways = []
    for card in cards:
        rank = card[:-1]
        ways.append((11, 1) if rank == "A" else (10,) if rank in "JQK" else (int(rank),))
    totals = {sum(way) for way in itertools.product(*ways)}
    good = [total for total in totals if total <= 21]
    return max(good) if good else min(totals)


def hand_value(state, params):
    return str(value(state["hand"]))


def value_after(state, params):
    return str(value([*state["hand"], params["card"]]))


def safe_ranks(state, params):
    return str(sum(value([*state["hand"], rank + "S"]) <= 21 for rank in RANKS))


def red_count(state, params):
    red = [card[:-1] for card in state["hand"] if card[-1] in "HD"]
    return str(sum({"A": 11, "J": 10, "Q": 10, "K": 10}.get(r) or int(r) for r in red))


ORACLES = {
    "hand_value": hand_value,
    "value_after": value_after,
    "safe_ranks": safe_ranks,
    "red_count": red_count,
}
