"""What can be concluded about hidden cells, step by step, and which layouts of mines fit."""

import dataclasses

from synth.games.minesweeper.field import FLAG, HIDDEN, Field, around, cells_with
from synth.grid import Cell
from synth.questions import listed, text


@dataclasses.dataclass(frozen=True)
class Limit:
    """So many mines are in these hidden cells without flag."""

    source: Cell | None  # the cell that shows a number; None: the number of all mines
    cells: frozenset[Cell]
    mines: int


@dataclasses.dataclass(frozen=True)
class Finding:
    cells: frozenset[Cell]
    is_mine: bool
    limits: tuple[Limit, ...]  # that it follows from


def limits_of(field: Field, found: dict[Cell, bool]) -> list[Limit]:
    """What the numbers say about cells that are not `found` yet; the number of all mines last."""
    near = around(len(field.rows))

    def limit(source, cells, mines):
        is_mine = [found.get(cell, field[cell] == FLAG) for cell in cells]
        left = (cell for cell in cells if field[cell] == HIDDEN and cell not in found)
        return Limit(source, frozenset(left), mines - sum(is_mine))

    every = [limit(cell, near[cell], int(field[cell])) for cell in cells_with(field, "12345678")]
    every.append(limit(None, tuple(near), field.mines))
    return [limit for limit in every if limit.cells]


def next_finding(limits: list[Limit]) -> Finding | None:
    """From one limit or else from two, one of which lies within the other."""
    for limit in limits:
        if limit.mines in (0, len(limit.cells)):
            return Finding(limit.cells, limit.mines > 0, (limit,))
    for inner in limits:
        for outer in limits:
            if inner.cells < outer.cells:
                rest, mines = outer.cells - inner.cells, outer.mines - inner.mines
                if mines in (0, len(rest)):
                    return Finding(rest, mines > 0, (inner, outer))
    return None


def conclude(field: Field) -> tuple[dict[Cell, bool], list[Finding]]:
    """Whether hidden cells have mines, as far as it can be concluded, and how."""
    found, findings = {}, []
    while finding := next_finding(limits_of(field, found)):
        found |= dict.fromkeys(sorted(finding.cells), finding.is_mine)
        findings.append(finding)
    return found, findings


def argue(field: Field, findings: list[Finding], cells) -> list[str]:
    """The sentences that lead to what is known of these cells; findings not needed are left out."""
    near, wanted, said = around(len(field.rows)), set(cells), []
    for finding in reversed(findings):
        if finding.cells & wanted:
            for limit in finding.limits:
                wanted |= set(near if limit.source is None else near[limit.source])
            said.append(sentence(field, finding))
    return said[::-1]


def sentence(field: Field, finding: Finding) -> str:
    cells = sorted(finding.cells)
    many = len(cells) > 1
    if finding.is_mine:
        is_what = "are mines" if many else "is a mine"
    else:
        is_what = "are safe" if many else "is safe"
    because = "; ".join(reason(field, limit) for limit in finding.limits)
    return f"{because}: {listed(cells)} {is_what}."


def reason(field: Field, limit: Limit) -> str:
    """What a limit says, as in "(1, 2) shows 2, 1 left in (0, 1), (0, 2)"."""
    if limit.source is None:
        what = f"of all {field.mines} mines"
        return f"{what} {limit.mines or 'none'} {'is' if limit.mines == 1 else 'are'} left"
    shows = f"{text(limit.source)} shows {field[limit.source]}"
    if not limit.mines:
        return f"{shows}, all found"
    return f"{shows}, {limit.mines} left in {listed(sorted(limit.cells))}"


def layout(field: Field, limits: list[Limit]) -> frozenset[Cell] | None:
    """The mines without flag in one layout that fits what is shown and `limits`, if any does."""
    total = limits_of(field, {})[-1]
    every = [*limits_of(field, {}), *limits]
    order = sorted(
        total.cells, key=lambda cell: (sum(cell in each.cells for each in every) < 2, cell)
    )
    touching = {cell: [at for at, each in enumerate(every) if cell in each.cells] for cell in order}
    mines, free = [each.mines for each in every], [len(each.cells) for each in every]
    chosen = []

    def go_on(at: int) -> bool:
        if at == len(order):
            return True
        cell = order[at]
        for is_mine in (1, 0):
            for limit in touching[cell]:
                mines[limit] -= is_mine
                free[limit] -= 1
            fits = all(0 <= mines[limit] <= free[limit] for limit in touching[cell])
            if fits and go_on(at + 1):
                if is_mine:
                    chosen.append(cell)
                return True
            for limit in touching[cell]:
                mines[limit] += is_mine
                free[limit] += 1
        return False

    fits = all(0 <= count <= cells for count, cells in zip(mines, free, strict=True))
    return frozenset(chosen) if fits and go_on(0) else None
