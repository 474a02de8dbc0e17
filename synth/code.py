"""What records are made by: the code of their games and all of ours that this code imports."""

import ast
import hashlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import synth
import synth.games
from records.errors import UserError, printable


def code_of(games: Iterable[str]) -> dict[str, str]:
    """Digests of the modules that make the records of these games, by module name.

    These are `synth.plan`, the games and what they import of this package and of the folders in
    SYNTH_GAMES; other packages do not count. Of a package all files count, data as well. The same
    on every machine: line ends do not matter.
    """
    return {name: _digest(path) for name, path in sources_of(games).items()}


def sources_of(games: Iterable[str]) -> dict[str, Path]:
    """The files of these modules, by module name; none is imported for that."""
    found: dict[str, Path] = {}
    ahead = ["synth.plan", *(f"synth.games.{game}" for game in games)]
    while ahead:
        name = ahead.pop()
        path = None if name in found else _source(name)
        if path is not None:
            found[name] = path
            ahead += [name.rpartition(".")[0], *_imported(name, path)]
    return dict(sorted(found.items()))


def _source(name: str) -> Path | None:
    """The file of a module of ours; None for others and for what is no module."""
    path = module_file(name)
    ours = [*synth.__path__, *synth.games.__path__]
    if path and any(path.is_relative_to(Path(folder).resolve()) for folder in ours):
        return path
    return None


def module_file(name: str) -> Path | None:
    """The file that an import of this name would run."""
    spec = spec_of(name)
    return Path(spec.origin).resolve() if spec and spec.has_location else None


def spec_of(name: str) -> importlib.machinery.ModuleSpec | None:
    """As `importlib.util.find_spec`, which imports the packages above a module; this does not."""
    folders, whole, spec = None, "", None
    for part in name.split("."):
        whole = f"{whole}.{part}" if whole else part
        if module := sys.modules.get(whole):
            spec, folders = module.__spec__, getattr(module, "__path__", [])
        else:
            spec = importlib.machinery.PathFinder.find_spec(whole, folders)
            folders = (spec and spec.submodule_search_locations) or []
        if spec is None:
            return None
    return spec


def _imported(name: str, path: Path) -> Iterator[str]:
    """Names of all modules that a module imports, anywhere in it; some may be no modules."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{path} is no Python: {printable(str(error))}.") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            module = importlib.util.resolve_name(module, package)
            yield module
            if _is_package(module):
                yield from (f"{module}.{alias.name}" for alias in node.names)


def _is_package(name: str) -> bool:
    path = _source(name)
    return path is not None and path.name == "__init__.py"


def _digest(path: Path) -> str:
    """Of a module, and for a package of the data beside it: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for file in (path, *data_of(path)):
        digest.update(file.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def data_of(path: Path) -> list[Path]:
    """What lies beside a package's `__init__.py` and is no module; nothing for another module."""
    if path.name != "__init__.py":
        return []
    beside = sorted(file for file in path.parent.iterdir() if file.is_file())
    return [f for f in beside if f.suffix not in (".py", ".pyc") and f.name[0] != "."]
