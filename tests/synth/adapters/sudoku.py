"""Published Sudokus: numbers for the colours, rows and columns from 1; two colours differ."""

NEW_NAMES = {"gray": "slate", "forest green": "orange"}


def adapt(case, value):
    rows = ["".join("-RGBMYASPO"[number] for number in row) for row in case["state"]["board"]]
    params = {
        "cell": from_zero,
        "first": lambda cells: list(map(from_zero, cells)),
        "target": from_zero,
        "color": lambda name: NEW_NAMES.get(name, name),
    }
    given = {
        name: params[name](old) if name in params else old for name, old in case["params"].items()
    }
    return case["task"], {"rows": rows}, given, NEW_NAMES.get(value, value)


def from_zero(cell):
    return [cell[0] - 1, cell[1] - 1]
