"""FreeCell with cards as numbers: 4 * rank + suit, spades 0, hearts 1, diamonds 2, clubs 3."""

RANKS = ["A", *map(str, range(2, 11)), "J", "Q", "K"]


def number(text):
    return 4 * RANKS.index(text[:-1]) + "SHDC".index(text[-1])


def is_red(card):
    return card % 4 in (1, 2)


def piles_of(state):
    piles = {f"cascade {i}": [*map(number, cards)] for i, cards in enumerate(state["cascades"], 1)}
    for i, text in enumerate(state["cells"], 1):
        piles[f"cell {i}"] = [number(text)] if text else []
    return piles


def is_legal(state, piles, start, end):
    if not piles[start]:
        return False
    card = piles[start][-1]
    if end.startswith("foundation"):
        suit = "SHDC".index(end[-1])
        top = state["foundations"][suit]
        return card == (number(top) + 4 if top else suit)
    if not piles[end]:
        return True
    last = piles[end][-1]
    return end.startswith("cascade") and last // 4 - card // 4 == 1 and is_red(last) ^ is_red(card)


def written(card):
    return RANKS[card // 4] + "SHDC"[card % 4]


def nth_card(state, params):
    return state["cascades"][params["cascade"] - 1][-params["n"]]


def valid_move(state, params):
    piles = piles_of(state)
    legal = {f"{a} to {b}" for a, b in params["moves"] if is_legal(state, piles, a, b)}
    return lambda text: text in legal


def top_after_move(state, params):
    piles = piles_of(state)
    for start, end in params["moves"]:
        if not is_legal(state, piles, start, end):
            return "an illegal move"
        piles[end].append(piles[start].pop())
    return written(piles[f"cascade {params['cascade']}"][-1])


ORACLES = {"nth_card": nth_card, "valid_move": valid_move, "top_after_move": top_after_move}
