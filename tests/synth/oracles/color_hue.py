"""Color hue: a line is fitted by least squares; names come from the table, worked out by hand."""

import numpy as np

TABLE = ((30, "red"), (60, "orange"), (90, "yellow"), (150, "green"), (200, "cyan"))
TABLE += ((240, "blue"), (270, "indigo"), (330, "purple"), (360, "red"))


def colour(code):
    return np.array([int(code[at : at + 2], 16) for at in (0, 2, 4)], float)


def name(code):
    red, green, blue = colour(code)
    most, span = max(red, green, blue), np.ptp(colour(code))
    if most < 51:
        return "black"
    grey = span / most
    if most > 229.5 and grey < 0.1:
        return "white"
    if grey < 0.15:
        return "dark gray" if most < 127.5 else "light gray"
    if most == red:
        hue = 60 * (green - blue) / span % 360
    elif most == green:
        hue = 120 + 60 * (blue - red) / span
    else:
        hue = 240 + 60 * (red - green) / span
    words = [["pale"], [], ["vivid"]][int(grey >= 0.4) + int(grey > 0.8)]
    words = words + [["dark"], [], ["bright"]][int(most >= 102) + int(most > 204)]
    return " ".join([*words, next(name for end, name in TABLE if hue <= end)])


def runs(marks):
    """The used cells of a line in a row: lists of (place, mark)."""
    found = [[]]
    for at, mark in enumerate(marks):
        if mark == "-":
            found.append([])
        else:
            found[-1].append((at, mark))
    return found


def fitting_swatch(state, params):
    (place,) = [
        (row, col)
        for row, marks in enumerate(state["rows"])
        for col, mark in enumerate(marks)
        if mark == params["label"]
    ]
    row, col = state["rows"][place[0]], [marks[place[1]] for marks in state["rows"]]
    lines = [(line, at) for marks, at in ((row, place[1]), (col, place[0])) for line in runs(marks)]
    line, at = max(
        (len(line), number, line, at)
        for number, (line, at) in enumerate(lines)
        if (at, params["label"]) in line
    )[2:]
    known = [(where, colour(mark)) for where, mark in line if len(mark) == 6]
    where, colours = np.array([where for where, _ in known]), np.array([c for _, c in known])
    slopes, starts = np.polyfit(where, colours, 1)
    off = [np.abs(colour(code) - slopes * at - starts).sum() for code in state["palette"]]
    return str(int(np.argmin(off)) + 1)


def name_of_cell(state, params):
    row, col = params["cell"]
    return name(state["rows"][row][col])


def names_of_ends(state, params):
    rows = state["rows"] if params["line"] == "row" else list(zip(*state["rows"], strict=True))
    line = max(runs(rows[params["index"]]), key=len)
    return f"from {name(line[0][1])} to {name(line[-1][1])}"


ORACLES = {
    "color_matching": fitting_swatch,
    "color_description": name_of_cell,
    "gradient_pattern": names_of_ends,
}
