"""Spider, solved on columns of which cards that lie face down are None."""

import itertools

RANKS = ["A", *map(str, range(2, 11)), "J", "Q", "K"]


def columns(state):
    return [[None] * n + up for n, up in zip(state["hidden"], state["piles"], strict=True)]


def is_run(cards):
    return None not in cards and all(b - a == -1 for a, b in itertools.pairwise(cards))


def can_move(state, start, n, end):
    source, target = columns(state)[start - 1], columns(state)[end - 1]
    if n > len(source) or not is_run(source[-n:]):
        return False
    return target == [] or target[-1] == source[-n] + 1


def top_card(state, params):
    column = columns(state)[params["pile"] - 1]
    return RANKS[column[-1] - 1] if column else "empty"


def face_up_after_deals(state, params):
    table, left = columns(state), state["deals"]
    for _ in range(params["clicks"]):
        if left and all(table):
            left -= 1
            for column in table:
                column.append(0)
    return str(sum(card is not None for card in table[params["pile"] - 1]))


def move_verdict(state, params):
    start, n, end = params["start"], params["n"], params["end"]
    column = columns(state)[start - 1]
    if len(column) < n:
        return "the pile has fewer cards"
    if None in column[-n:]:
        return "one of the cards lies face down"
    if not is_run(column[-n:]):
        return "the cards are no run"
    if can_move(state, start, n, end):
        return "the move is legal"
    return "the run does not fit onto the other pile"


def reveal_move(state, params):
    """By trying every move of the pile and looking whether a hidden card becomes its last one."""
    pile = params["pile"]
    column = columns(state)[pile - 1]
    if None not in column:
        return "no card lies face down there"
    found = set()
    for n in range(1, len(column)):
        for end in range(1, len(state["piles"]) + 1):
            if end != pile and can_move(state, pile, n, end) and column[-n - 1] is None:
                found.add(f"its last {f'{n} cards' if n > 1 else 'card'} to pile {end}")
    return (lambda text: text in found) if found else "no single move does"


def best_action(state, params):
    best = []
    for kind, *rest in params["actions"]:
        if kind == "run":
            end = columns(state)[rest[0] - 1][-13:]
            if end == list(range(13, 0, -1)):
                best.append((100, f"take off the run of pile {rest[0]}"))
        elif kind == "deal":
            best.append((0, "deal a row"))
        else:
            n, start, end = rest
            if can_move(state, start, n, end):
                cards = "last card" if n == 1 else f"last {n} cards"
                best.append((n, f"{cards} of pile {start} to pile {end}"))
    most = max(value for value, _ in best)
    return lambda text: text in [said for value, said in best if value == most]


ORACLES = {
    "deals_left": lambda state, params: str(state["deals"]),
    "top_card": top_card,
    "face_down_total": lambda state, params: str(
        sum(column.count(None) for column in columns(state))
    ),
    "face_up_after_deals": face_up_after_deals,
    "move_verdict": move_verdict,
    "reveal_move": reveal_move,
    "best_action": best_action,
}
