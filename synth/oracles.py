"""Independent solvers: where they are found, and what they object to."""

import ast
import functools
import importlib
import runpy
from collections.abc import Iterable
from pathlib import Path
from string import ascii_uppercase as LETTERS

from records.errors import UserError
from synth import code, registry
from synth.oracle import Oracle

ORACLE, AMBIGUOUS = "oracle", "ambiguous"  # kinds of objections
NONSENSE = "(no answer at all)"


def find(package: str, game: str) -> Oracle | None:
    """A game's independent solver, from PACKAGE/GAME.py; None where there is none.

    package: a name to import, or a folder.
    """
    if answering := registry.answering():
        return answering.oracle(game) if file_of(package, game) else None
    return _import(package, game)


def files_of(package: str, games: Iterable[str]) -> dict[str, Path]:
    """The files of the solvers that there are, by game."""
    files = {game: file_of(package, game) for game in games}
    return {game: file for game, file in files.items() if file}


@functools.cache
def file_of(package: str, game: str) -> Path | None:
    """Where that solver is; nothing is imported for that."""
    if Path(package).is_dir():
        file = Path(package).absolute() / f"{game}.py"
        return file if file.is_file() else None
    return code.module_file(f"{package}.{game}")


@functools.cache
def _import(package: str, game: str) -> Oracle | None:
    file = file_of(package, game)
    if file and _imports_synth(file):
        raise UserError(f"{file} imports synth: an oracle must answer without asking the game.")
    if Path(package).is_dir():
        return Oracle(runpy.run_path(str(file))["ORACLES"]) if file else None
    name = f"{package}.{game}"
    try:
        return Oracle(importlib.import_module(name).ORACLES)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None


def _imports_synth(file: Path) -> bool:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return any(name.split(".")[0] == "synth" for name in found)


def check_package(package: str) -> None:
    if Path(package).is_dir():
        return
    try:
        if registry.answering() and code.spec_of(package) is None:
            raise ModuleNotFoundError(package)
        if not registry.answering():
            importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise UserError(
            f"the package {package} with the independent solvers cannot be imported; run this in "
            "a checkout of the project, or name yours with --oracles, or use --no-oracles."
        ) from error


def objections(oracle: Oracle, record: dict) -> list[tuple[str, str]]:
    """What the oracle objects to: the stored answer must be right, every other option wrong.

    It sees neither which option was stored as the answer nor their order. Returns (kind, reason)
    for each objection.
    """
    question = record["task"], record["state"], record["params"]
    solved = oracle.solve(*question)
    options = record["options"]
    texts = sorted({*options}) if options else [record["answer"]]
    if solved is None:
        verdicts = oracle.judge(*question, texts)
    else:
        verdicts = [text == solved for text in texts]
    is_right = dict(zip(texts, verdicts, strict=True))
    if not options:
        if is_right[record["answer"]]:
            lenient = solved is None and _takes_nonsense(oracle, question)
            return [(ORACLE, "the oracle calls anything right")] if lenient else []
        told = "" if solved is None else f"; its answer is '{solved}'"
        return [(ORACLE, f"the oracle calls the answer '{record['answer']}' wrong{told}")]
    right = [LETTERS[at] for at, option in enumerate(options) if is_right[option]]
    if right == [record["answer"]]:
        return []
    told = " and ".join(right) if right else "no option"
    said = [(ORACLE, f"the oracle calls {told} right; the answer is {record['answer']}")]
    return [*said, (AMBIGUOUS, f"the options {told} are right")] if len(right) > 1 else said


def _takes_nonsense(oracle: Oracle, question: tuple[str, str, str]) -> bool:
    try:
        return oracle.judge(*question, [NONSENSE]) != [False]
    except Exception:  # it cannot even read it
        return False
