"""Star battle from the rules alone: every completion of the board by trying out."""

import itertools


def as_text(cell) -> str:
    return f"({cell[0]}, {cell[1]})"


def region(state, cell) -> str:
    return state["rows"][cell[0]][cell[1]]


def clash(state, one, other) -> bool:
    """Whether two stars break a rule together."""
    return (
        one[0] == other[0]
        or one[1] == other[1]
        or region(state, one) == region(state, other)
        or (abs(one[0] - other[0]) <= 1 and abs(one[1] - other[1]) <= 1)
    )


def completions(state, stars=None) -> list[set]:
    """All full boards with these stars (the shown ones), row by row."""
    stars = {tuple(star) for star in (state["stars"] if stars is None else stars)}
    missing = [row for row in range(len(state["rows"])) if row not in {star[0] for star in stars}]
    if not missing:
        return [stars]
    cells = [(missing[0], col) for col in range(len(state["rows"]))]
    fitting = [cell for cell in cells if not any(clash(state, cell, star) for star in stars)]
    return list(itertools.chain.from_iterable(completions(state, stars | {c}) for c in fitting))


def last_star(state, params):
    (full,) = completions(state)
    (missing,) = full - {tuple(star) for star in state["stars"]}
    return as_text(missing)


def cell_of_region(state, params):
    (cell,) = (cell for cell in params["cells"] if region(state, cell) == params["region"])
    return as_text(cell)


def star_in_region(state, params):
    found = [star for star in state["stars"] if region(state, star) == params["region"]]
    return as_text(found[0]) if found else "none"


def placeable_cell(state, params):
    (cell,) = (
        cell
        for cell in params["cells"]
        if not any(clash(state, cell, star) for star in state["stars"])
    )
    return as_text(cell)


ORACLES = {
    "last_star": last_star,
    "cell_of_region": cell_of_region,
    "star_in_region": star_in_region,
    "placeable_cell": placeable_cell,
}
