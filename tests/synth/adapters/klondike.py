"""Published tables: "<..." is a card face down; places are "tab1", "waste", "foundation1"."""

RANKS = ["A", *map(str, range(2, 11)), "J", "Q", "K"]


def card(text):
    suit, rank = text.split()
    return RANKS[int(rank) - 1] + suit[0].upper()


def top(cards):
    return card(cards[-1]) if cards else ""


def move(published):
    if published == "none":
        return "none of these"
    names = (name.replace("tab", "pile ").replace("foundation", "F") for name in published)
    return list(names)


def adapt(case, value):
    given, task = case["state"], case["task"]
    faces = [[text for text in pile if not text.startswith("<")] for pile in given["tableau"]]
    state = {
        "stock": len(given["draw"]),
        "waste": top(given["dump"]),
        "foundations": [top(pile) for pile in given["piles"]],
        "hidden": [len(pile) - len(up) for pile, up in zip(given["tableau"], faces, strict=True)],
        "piles": [[card(text) for text in up] for up in faces],
    }
    if task == "deadlock_reason":
        told = (
            value["stock_and_waste_empty"],
            value["foundation_move_exists"],
            value["effective_tableau_move_exists"],
        )
        assert value["deadlock"] == (told == (True, False, False))
        return task, state, {}, told
    listed = [move(option) for option in case["options"] if option != "none"]
    return task, state, {"moves": listed}, move(value)
