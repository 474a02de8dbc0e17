"""Klondike by rank numbers and sets: every move of a single card is listed and looked up."""

import re

RANKS = ["A", *map(str, range(2, 11)), "J", "Q", "K"]
CASES = re.compile(r"\(a\) (\w+), \(b\) (\w+), \(c\) (\w+): (a|no) deadlock")


def card(text):
    """(rank from 0, suit, is red); None for no card."""
    return (RANKS.index(text[:-1]), text[-1], text[-1] in "DH") if text else None


def legal_moves(state) -> dict[str, bool]:
    """Every legal move as text, each with whether it is effective."""
    piles = state["piles"]
    sources = {f"pile {i}": pile[-1] for i, pile in enumerate(piles, 1) if pile}
    if state["waste"]:
        sources["waste"] = state["waste"]
    found = {}
    for source, text in sources.items():
        rank, suit, red = card(text)
        for i, top in enumerate(map(card, state["foundations"]), 1):
            if (top is None and rank == 0) or (top and top[:2] == (rank - 1, suit)):
                found[f"{source} to F{i}"] = True
        for i, pile in enumerate(piles, 1):
            last = card(pile[-1]) if pile else None
            if source != f"pile {i}" and (
                (last is None and rank == 12)
                or (last is not None and last[0] - 1 == rank and last[2] is not red)
            ):
                single = source != "waste" and len(piles[int(source[5:]) - 1]) == 1
                found[f"{source} to pile {i}"] = single
    return found


def only(state, params, needs_effect):
    good = {move for move, effective in legal_moves(state).items() if effective or not needs_effect}
    listed = {" to ".join(move) for move in params["moves"]}
    return lambda text: text in good & listed or (not good & listed and text == "none of these")


def deadlock_reason(state, params):
    moves = legal_moves(state)
    used_up = state["stock"] == 0 and state["waste"] == ""
    builds = any(" to F" in move for move in moves)
    frees = any(e for move, e in moves.items() if move.count("pile") == 2)

    def holds(text):
        *said, deadlock = CASES.fullmatch(text).groups()
        stuck = used_up and not builds and not frees
        right = ["true" if so else "false" for so in (used_up, builds, frees)]
        return said == right and (deadlock == "a") == stuck

    return holds


ORACLES = {
    "valid_move": lambda state, params: only(state, params, False),
    "effective_move": lambda state, params: only(state, params, True),
    "deadlock_reason": deadlock_reason,
}
