"""A look at a file before it is run, for quick and clear words on what is wrong with it.

This guards nothing: what a file may do is up to the sandbox that it runs in.
"""

import ast
from collections.abc import Iterator

from synth.adapt.faults import GAME, ORACLE, Fault

CHECK = "file"
MOST_BYTES = 60_000
STANDARD = (
    "abc bisect collections copy dataclasses enum fractions functools heapq itertools math "
    "operator re string typing"
).split()
ALLOWED = {
    GAME: (
        *STANDARD,
        "numpy",
        "PIL",
        "synth.cards",
        "synth.draw",
        "synth.game",
        "synth.grid",
        "synth.questions",
    ),
    ORACLE: (*STANDARD, "numpy"),
}
MADE = {GAME: "GAME", ORACLE: "ORACLES"}
NAMES = frozenset(
    "open exec eval compile __import__ input breakpoint globals locals vars print exit quit "
    "setattr delattr memoryview".split()
)


def look(text: str, who: str) -> list[Fault]:
    """What is wrong with the text of a game or an oracle before it runs."""
    if len(text.encode()) > MOST_BYTES:
        reason = f"The file has {len(text.encode())} bytes, more than {MOST_BYTES}."
        return [Fault(CHECK, "", who, reason, "Write less: no tables that can be computed.")]
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        said = getattr(error, "msg", error)  # without a name of a file
        reason = f"The file is no Python: {type(error).__name__}: {said}, line {line}."
        return [Fault(CHECK, "", who, reason, "Mend this line.", _quoted(text, line))]
    return [*_made(text, tree, who), *_imports(text, tree, who), *_names(text, tree, who)]


def _made(text: str, tree: ast.Module, who: str) -> Iterator[Fault]:
    """A game is also known by how this line begins, see `registry.game_names`."""
    begins, lines = f"{MADE[who]} = ", text.split("\n")
    made = [n.lineno for n in tree.body if lines[n.lineno - 1].startswith(begins)]
    if len(made) != 1:
        reason = f"{len(made)} lines of the file begin with '{begins}', not one."
        mend = f"End the file with one assignment that begins with '{begins}'."
        yield Fault(CHECK, "", who, reason, mend, _quoted(text, *made[1:2]))


def _imports(text: str, tree: ast.Module, who: str) -> Iterator[Fault]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
        else:
            continue
        for name in names:
            if not any(name == ok or name.startswith(f"{ok}.") for ok in ALLOWED[who]):
                reason = f"The file imports {name}, which may not be imported."
                mend = f"Import only: {', '.join(ALLOWED[who])}."
                yield Fault(CHECK, "", who, reason, mend, _quoted(text, node.lineno))


def _names(text: str, tree: ast.Module, who: str) -> Iterator[Fault]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in NAMES:
            name = node.id
        elif isinstance(node, ast.Attribute) and node.attr in ("sys", "os", "modules"):
            name = f".{node.attr}"
        elif isinstance(node, ast.Attribute) and node.attr.startswith("__"):
            name = f".{node.attr}"
        else:
            continue
        reason = f"The file uses {name}: it may compute, and neither print, read, write nor patch."
        mend = "Do without; everything comes by arguments and leaves by return values."
        yield Fault(CHECK, "", who, reason, mend, _quoted(text, node.lineno))


def _quoted(text: str, line: int | None = None) -> dict | None:
    lines = text.split("\n")
    return {f"line {line}": lines[line - 1].strip()} if line and line <= len(lines) else None
