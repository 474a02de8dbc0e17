"""Imported questions of known games, solved again: does the answer follow from the state?

A question that was made here has its state and params in our format. Of published ones those of
the games in READERS can be read, where their states were published, too: READERS turns state and
wording into (task, state, params, answer), state and params as ours.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from records.paths import AnyPath
from records.reading import open_splits
from records.schema import answer_text
from synth.game import Game, params_from_json, state_from_json, to_json
from synth.registry import find_game, game_names

SHOWN = 20
Read = tuple[str, dict, dict, Any]


def report(data: AnyPath) -> str:
    """How many questions of each game agree, which do not, and how many could not be checked."""
    agreed, asked, unread, wrong = Counter(), Counter(), Counter(), []
    for split in open_splits(data).values():
        for record in split:
            game = record["game"] or "no game"
            checked = verdict(record)
            if checked is None:
                unread[game] += 1
                continue
            asked[game] += 1
            agreed[game] += not checked
            if checked:
                wrong.append(f"DISAGREES {record['id']} ({game}/{record['task']}): {checked}")
    lines = wrong[:SHOWN] + [f"... and {len(wrong) - SHOWN} more"] * (len(wrong) > SHOWN)
    lines += [f"{game}: {agreed[game]} of {asked[game]} agree" for game in sorted(asked)]
    lines += [f"{game}: {unread[game]} not checked" for game in sorted(unread)]
    return "\n".join(lines)


def verdict(record: Mapping) -> str | None:
    """ "" for a right answer, else what is; None for a question that can't be solved again."""
    if record["game"] not in game_names() or not record["state"]:
        return None
    game = find_game(record["game"])
    if record["task"] in {task.name for task in game.tasks}:
        state = state_from_json(game, record["state"])
        return _made_here(game, record, state)
    read = READERS[game.name](record) if game.name in READERS else None
    if read is None:
        return None
    task, state, params, value = read
    solution = game.task(task).solve(
        state_from_json(game, to_json(state)), **params_from_json(to_json(params))
    )
    return "" if solution.is_right(value) else _says(record, solution.answer)


def _made_here(game: Game, record: Mapping, state) -> str:
    task = game.task(record["task"])
    solution = task.solve(state, **params_from_json(record["params"]))
    right = answer_text(record) == task.text(solution.answer)
    return "" if right else _says(record, solution.answer)


def _says(record: Mapping, answer) -> str:
    return f"the answer is {to_json(answer)}, not {answer_text(record)}"


# ------------------------------------------------------------------------------ published questions


def langtons_ant(record: Mapping) -> Read | None:
    """0 is white, 1 is black; x is the row, y the column."""
    state, asked = langtons_ant_state(json.loads(record["state"])), record["question"]
    steps = re.search(r"After (\d+) steps", asked)
    cell = re.search(r"cell at position \((\d+), (\d+)\)", asked)
    told = answer_text(record)
    if cell:
        params = {"steps": int(steps[1]), "cell": _numbers(cell)}
        return "cell_flip_count", state, params, int(told)
    row, col, heading = re.fullmatch(r"Position \((\d+), (\d+)\), facing (\w+)", told).groups()
    pose = ((int(row), int(col)), heading)
    if steps:
        return "pose_after_steps", state, {"steps": int(steps[1])}, pose
    return "ant_pose", state, {}, pose


def langtons_ant_state(given: dict) -> dict:
    return {
        "rows": ["".join("-#"[cell] for cell in row) for row in given["grid"]],
        "ant": [given["ant"]["x"], given["ant"]["y"]],
        "heading": given["ant"]["direction"],
    }


def lifegame(record: Mapping) -> Read | None:
    """1 is alive. What stability means is taken from the question, see docs/defects.md."""
    state, asked = lifegame_state(json.loads(record["state"])), record["question"]
    told = answer_text(record)
    if region := re.search(r"region starting at cell \((\d+), ?(\d+)\)", asked):
        return "region_stability_steps", state, {"region": _numbers(region)}, int(told)
    if steps := re.search(r"After (\d+) iterations?, how many", asked):
        return "live_count_next", state, {"steps": int(steps[1])}, int(told)
    if "How many live cells are currently" in asked:
        return "live_count", state, {}, int(told)
    course = re.findall("alive|dead", told)
    cell = re.findall(r"position \((\d+), ?(\d+)\)", asked)
    if not course or not cell:
        return None
    params = {"cell": [int(number) for number in cell[-1]], "steps": len(course) - 1}
    return "cell_history", state, params, tuple(course)


def lifegame_state(given: dict) -> dict:
    return {"rows": ["".join("-#"[cell] for cell in row) for row in given["grid"]]}


SUDOKU_NAMES = {"gray": "slate", "forest green": "orange"}  # two of our colours differ


def sudoku(record: Mapping) -> Read | None:
    """Numbers for the colours; rows and columns from 1."""
    state, asked = sudoku_state(json.loads(record["state"])), record["question"]
    told = answer_text(record)
    cells = [[int(r) - 1, int(c) - 1] for r, c in re.findall(r"\((\d+), ?(\d+)\)", asked)]
    if "After determining" in asked:
        params = {"first": cells[:2], "target": cells[-1]}
        return "deduce_after_two", state, params, SUDOKU_NAMES.get(told, told)
    if "What color is at position" in asked:
        return "cell_color", state, {"cell": cells[0]}, SUDOKU_NAMES.get(told, told)
    if "can be filled in position" in asked:
        return "candidate_count", state, {"cell": cells[0]}, int(told)
    if color := re.search(r"many times does (.+?) appear", asked):
        params = {"color": SUDOKU_NAMES.get(color[1], color[1])}
        return "color_count", state, params, int(told)
    if lines := re.search(r"How many (row|col)s have more than (\d)", asked):
        line = {"row": "row", "col": "column"}[lines[1]]
        return "lines_with_blanks", state, {"line": line, "more_than": int(lines[2])}, int(told)
    return None


def sudoku_state(given: dict) -> dict:
    return {"rows": ["".join("-RGBMYASPO"[number] for number in row) for row in given["board"]]}


def _numbers(found: re.Match) -> list[int]:
    return [int(number) for number in found.groups()]


READERS: dict[str, Callable[[Mapping], Read | None]] = {
    "langtons_ant": langtons_ant,
    "lifegame": lifegame,
    "sudoku": sudoku,
}
