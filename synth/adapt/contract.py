"""What a model is told of this package: taken from its code, so that it can't be out of date."""

import ast
import inspect
import re
from pathlib import Path
from types import ModuleType

import synth.cards
import synth.draw
import synth.draw.board
import synth.draw.canvas
import synth.game
import synth.grid
import synth.questions
from records.errors import UserError

MODULES = (
    synth.game,
    synth.questions,
    synth.grid,
    synth.cards,
    synth.draw.canvas,
    synth.draw.board,
)


def outline(module: ModuleType) -> str:
    """A module's names with their signatures and docstrings, without its functions' bodies."""
    tree = ast.parse(inspect.getsource(module))
    kept = [_bare(node) for node in tree.body if _is_told(node)]
    title = f"# {module.__name__}: {inspect.getdoc(module)}"
    return "\n\n".join([title, *(ast.unparse(node) for node in kept)])


def _is_told(node: ast.stmt) -> bool:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return name[0] != "_"
        case ast.Assign():
            return len(ast.unparse(node)) < 400
    return False


def _bare(node: ast.stmt) -> ast.stmt:
    if isinstance(node, ast.ClassDef):
        body = [one for one in node.body if not isinstance(one, ast.FunctionDef)]
        methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
        node.body = [*body, *(_bare(one) for one in methods if _is_method_told(one))]
    elif isinstance(node, ast.FunctionDef):
        doc = ast.get_docstring(node, clean=False)
        node.body = [ast.Expr(ast.Constant(doc if doc is not None else ...))]
    return node


def _is_method_told(node: ast.FunctionDef) -> bool:
    return node.name[0] != "_" or node.name == "__init__"


def api() -> str:
    """All that a game may use of this package."""
    shapes = ", ".join(synth.draw.SHAPES)
    told = [outline(module) for module in MODULES]
    return "\n\n\n".join([*told, f"# shapes that Board.mark can draw: {shapes}"])


def guide() -> tuple[str, str]:
    """CONTRIBUTING.md's example of a game, and of a solver. Raises UserError where it is not."""
    text = _guide_text()
    files = dict(re.findall(r"`([\w/]+\.py)`:\n\n```python\n(.*?)```", text, re.DOTALL))
    return files["lights.py"], files["oracles/lights.py"]


def asked_for() -> str:
    """What CONTRIBUTING.md says the audit asks for."""
    _, _, rest = _guide_text().partition("## What the audit asks for\n")
    return rest.partition("\n## ")[0].strip()


def advice(begins: str) -> str:
    """One of these points, by how it begins."""
    (point,) = [p for p in asked_for().split("\n- ") if p.startswith(f"**{begins}")]
    return " ".join(point.replace("**", "").split())


def _guide_text() -> str:
    path = Path(synth.game.__file__).parents[1] / "CONTRIBUTING.md"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path} is missing: adapt shows its example to the model; run it in a checkout."
        ) from error
