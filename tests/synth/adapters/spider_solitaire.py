"""Published tables: piles and cards are counted from 0, ours from 1 and from the last card."""

from synth.games.spider_solitaire.rules import BROKEN, FACE_DOWN, FEWER, LEGAL, UNFIT
from synth.games.spider_solitaire.tasks import RevealMove

WORDS = {
    "ok": LEGAL,
    "face_down": FACE_DOWN,
    "run_broken": BROKEN,
    "target_rank": UNFIT,
    "no_card": FEWER,
    "nothing_hidden": RevealMove.NOTHING,
    "not_now": RevealMove.NOT_NOW,
}
RANKS = ["A", *map(str, range(2, 11)), "J", "Q", "K"]


def adapt(case, value):
    waste, params = case["state"]["waste"], case["params"]
    count_of = [len(pile) for pile in waste]

    def last_cards(pile, index):
        """How many cards a move takes; one more than there are if there is no such card."""
        return count_of[pile] - index if 0 <= index < count_of[pile] else count_of[pile] + 1

    def action(published):
        kind, *rest = published
        if kind == "move":
            start, index, end = rest
            return ["move", last_cards(start, index), start + 1, end + 1]
        return ["deal"] if kind == "deal" else ["run", rest[0] + 1]

    state = {
        "deals": len(case["state"]["stock"]) // len(waste),
        "hidden": [sum(not card["faceUp"] for card in pile) for pile in waste],
        "piles": [[card["rank"] for card in pile if card["faceUp"]] for pile in waste],
    }
    task, ours = case["task"], {}
    if task == "top_card":
        value = "empty" if value == "empty" else RANKS[value[1] - 1]
    elif task == "move_verdict":
        n = last_cards(params["from"], params["card"])
        ours = {"start": params["from"] + 1, "n": n, "end": params["to"] + 1}
    elif task == "best_action":
        ours = {"actions": [action(option) for option in case["options"]]}
        value = action(value)
    elif task == "reveal_move" and isinstance(value, list):
        _, start, index, end = value
        if start != params["pile"]:
            return None
        value = [1 if index is None else last_cards(start, index), end + 1]
    if "pile" in params:
        ours["pile"] = params["pile"] + 1
    if "clicks" in params:
        ours["clicks"] = params["clicks"]
    return task, state, ours, WORDS[value] if isinstance(value, str) and value in WORDS else value
