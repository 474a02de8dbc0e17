"""Jewel2 with strings: runs are found by regular expressions in every row and column."""

import itertools
import re

STEP = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def board(rows):
    """{(row, column): piece}."""
    return {(r, c): mark for r, row in enumerate(rows) for c, mark in enumerate(row)}


def size(pieces):
    return 1 + max(row for row, _ in pieces)


def all_runs(pieces):
    """Every run of at least three equal capitals, as a set of cells."""
    n, found = size(pieces), []
    for at in range(n):
        for line in ([(at, other) for other in range(n)], [(other, at) for other in range(n)]):
            marks = "".join(pieces[cell] for cell in line)
            for run in re.finditer(r"([A-E])\1\1+", marks):
                found.append(set(line[run.start() : run.end()]))
    return found


def removed(pieces, command):
    """The cells that go, and the pieces as they lie then."""
    kind, row, col, *way = command
    cell = (row, col)
    if kind == "clear":
        mark = pieces[cell]
        if mark == "+":
            around = itertools.product((-1, 0, 1), repeat=2)
            return {(row + r, col + c) for r, c in around} & set(pieces), pieces
        if mark == "|":
            return {(other, col) for other in range(size(pieces))}, pieces
        if mark in "abcde":
            return {c for c, m in pieces.items() if m == mark.upper()} | {cell}, pieces
        touched = {cell}
    else:
        other = (row + STEP[way[0]][0], col + STEP[way[0]][1])
        pair = pieces[cell], pieces.get(other, "off")
        if not all(mark in set("ABCDE") for mark in pair):
            return set(), pieces
        pieces = {**pieces, cell: pair[1], other: pair[0]}
        touched = {cell, other}
    return set().union(*(run for run in all_runs(pieces) if run & touched)), pieces


def dropped(pieces, gone):
    n, after = size(pieces), {}
    for col in range(n):
        left = "".join(pieces[row, col] for row in range(n) if (row, col) not in gone)
        for row, mark in enumerate(left.rjust(n, "?")):
            after[row, col] = mark
    return after


def outcome(state, params):
    count = len(removed(board(state["rows"]), params["command"])[0])
    return f"{count} removed, total {state['total'] + count}"


def both(state, params):
    first, second = params["commands"]
    gone, pieces = removed(board(state["rows"]), first)
    return str(len(gone) + len(removed(dropped(pieces, gone), second)[0]))


def best(state, params):
    """Tries every command; a swap is named by its upper or left cell."""
    pieces, counts = board(state["rows"]), {}
    for row, col in pieces:
        commands = [("clear", row, col), ("swap", row, col, "right"), ("swap", row, col, "down")]
        for command in commands:
            counts[" ".join(map(str, command))] = len(removed(pieces, command)[0])
    most = max(counts.values())
    (answer,) = [name for name, count in counts.items() if count == most]
    return answer


def place(state, params):
    pieces = board(state["rows"])
    (cell,) = [cell for cell in params["cells"] if pieces[tuple(cell)] == params["piece"]]
    return "({}, {})".format(*cell)


def all_pieces(state):
    return "".join(state["rows"])


ORACLES = {
    "count_piece": lambda state, params: str(all_pieces(state).count(params["piece"])),
    "piece_position": place,
    "count_specials": lambda state, params: str(len(re.sub("[A-E]", "", all_pieces(state)))),
    "clear_outcome": outcome,
    "swap_outcome": outcome,
    "two_commands": both,
    "best_command": best,
}
