"""Published cases against the tasks of this project: python -m tests.synth.peer FILE...

A FILE holds the published positions of one game, one JSON object a line, each with the verdict of
an earlier recomputation. Cases with an answer that follows from the question (verdict "agrees") or
with a corrected one ("published_wrong") are asked again; `adapters/GAME.py` puts each into the
words of our game:

    adapt(case, value) -> (task, state, params, expected)

value: the answer that is known to be right. state, params: JSON-like, in our format. expected: the
value that our solution must call right. None instead of the tuple: our task does not ask this.
"""

import collections
import importlib
import importlib.util
import json
import sys
from pathlib import Path

from synth.game import Game, params_from_json, state_from_json, to_json
from synth.registry import find_game, game_names

FOLDER = Path(__file__).parents[2].parent / "shared" / "peer_cases"  # where they may lie
VALUE = {"agrees": "answer", "published_wrong": "correct"}  # by verdict: where the value stands


def main(paths: list[str]) -> int:
    if not paths:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    disagreements = 0
    for path in map(Path, paths):
        cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        disagreements += compare(path.stem, cases)
    return 1 if disagreements else 0


def compare(name: str, cases: list[dict]) -> int:
    """Prints how far our answers agree; returns the number of disagreements, 1 without adapter."""
    if name not in game_names():
        print(f"{name}: not built yet")
        return 0
    if importlib.util.find_spec(f"tests.synth.adapters.{name}") is None:
        print(f"MISSING {name}: write tests/synth/adapters/{name}.py")
        return 1
    game = find_game(name)
    adapt = importlib.import_module(f"tests.synth.adapters.{name}").adapt
    agreed, asked, skipped, wrong = (collections.Counter() for _ in range(4))
    for case in cases:
        verdict = case["verdict"]
        adapted = adapt(case, case[VALUE[verdict]]) if verdict in VALUE else None
        if adapted is None:
            skipped["not asked by our task" if verdict in VALUE else verdict] += 1
            continue
        task = adapted[0]
        asked[task] += 1
        if complaint := disagreement(game, *adapted):
            wrong[task] += 1
            print(f"DISAGREES {name}/{task} {case['case']}: {complaint}")
        else:
            agreed[task] += 1
    told = "".join(f", {count} skipped ({why})" for why, count in sorted(skipped.items()))
    print(f"{name}: {agreed.total()} of {asked.total()} agree{told}")
    for task in asked:
        print(f"  {task}: {agreed[task]} of {asked[task]}")
    return wrong.total()


def disagreement(game: Game, task: str, state: dict, params: dict, expected) -> str | None:
    """Why our answer is not the expected one; None if it is."""
    try:
        position = state_from_json(game, json.dumps(state))
        solution = game.task(task).solve(position, **params_from_json(json.dumps(params)))
        if game.parse(game.describe(position)) != position:
            return "the description is read back as another state"
    except Exception as error:  # whatever stops us from answering is a disagreement
        return f"{type(error).__name__}: {error}"
    if solution.is_right(tuples(expected)):
        return None
    return f"expected {to_json(expected)}, our answer is {to_json(solution.answer)}"


def tuples(value):
    return tuple(map(tuples, value)) if isinstance(value, list | tuple) else value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
