"""GameQA-140K, GameQA-5K, and the examples beside the code that made them (arXiv 2505.13886).

A JSON list; `image` is a path. A choice has `options` (Tetris: `Options`) and an answer by number
(from 1, in Snake from 0), as int or str, by letter or by the option's text; what is to be filled in
has no options. GameQA-5K has `query`, `solution` and `images`. `state` is a path where states were
published. `refinement` is the chain as a language model wrote it out, `analysis` as the game's code
did.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import ascii_uppercase as LETTERS

from records.errors import UserError
from records.formats import Context, Options, fields
from records.formats.rows import Broken, json_rows
from records.formats.splits import split_of

HEEDS = ("chain",)
LIST, FILE = True, "games_data_{split}.json"
CHAINS = ("refinement", "analysis")
NAMES = {"games_data_test.json": "test", "games_data_validation.json": "validation"}
EXAMPLE = "_dataset_example"
TRAIN = ("games_data.json", "games_data_train.json", "GameQA_RL_5k.json", "data.json")

SPATIAL, PATTERN = "3D Spatial Perception and Understanding", "Pattern Recognition and Matching"
STEPS, STRATEGY = "Multi-step Reasoning", "Strategic Planning"
CATEGORIES = {
    SPATIAL: "maze_3d reconstruction_3d rubiks_cube minecraft pyramid_chess",
    PATTERN: "color_hue freecell spider_solitaire tangram tetris zuma jewel2 klondike",
    STEPS: "langtons_ant rhythm_game star_battle tents turing_machine_2d word_search lifegame "
    "minesweeper sudoku",
    STRATEGY: "maze sokoban space_invaders tictactoe ultra_tictactoe chess_ranger pacman snake",
}
CATEGORY = {game: category for category, games in CATEGORIES.items() for game in games.split()}
HELD_OUT = frozenset(
    "minecraft pyramid_chess jewel2 klondike lifegame minesweeper sudoku chess_ranger pacman "
    "snake".split()
)
# Published folders that differ from our names by more than capitals and signs between words.
FOLDERS = {
    "3dmaze": "maze_3d",
    "3dreconstruction": "reconstruction_3d",
    "hue": "color_hue",
    "langtonant": "langtons_ant",
    "2dturingmachine": "turing_machine_2d",
}


def files(source: Path) -> dict[str, list[Path]]:
    """The files of a split; of several folders with a data.json (the examples) all."""
    if source.is_file():
        return {_split(source): [source]}
    found: dict[str, list[Path]] = {}
    for path in sorted(source.rglob("*")):
        if path.suffix == ".tar" or path.name in NAMES or path.name in TRAIN:
            found.setdefault(_split(path), []).append(path)
    if not found:
        raise UserError(f"{source} holds none of {', '.join((*NAMES, *TRAIN))}: name the file.")
    return found


def _split(path: Path) -> str:
    return NAMES.get(path.name) or split_of(Path(path.name))


def rows(path: Path, options: Options) -> Iterator[tuple[str, dict | Broken]]:
    if options.chain not in (None, *CHAINS):
        raise UserError(f"--chain {options.chain} is none of {', '.join(CHAINS)}.")
    return json_rows(path)


def record(row: dict, context: Context) -> dict:
    answer = row.pop("answer", row.pop("solution", None))
    question = fields.as_text(row.pop("question", row.pop("query", None)))
    paths = row.pop("images", None) or [row.pop("image", None)]
    options = row.pop("options", row.pop("Options", None)) or []
    game = game_of(fields.as_text(paths[0]), context.path)
    chain = next(filter(row.get, (context.options.chain, *CHAINS)), None)
    steps = fields.steps_of(fields.as_text(row.pop(chain, None)))
    given = {
        "game": game,
        "category": CATEGORY.get(game, ""),
        "split_kind": _split_kind(game),
        "task": f"q{row['question_id']}" if "question_id" in row else context.options.name,
        "qa_type": fields.as_text(row.pop("qa_type", None)),
        "plot_level": fields.level_of(fields.as_text(row.pop("plot_level", None))),
        "qa_level": fields.level_of(fields.as_text(row.pop("qa_level", None))),
        "state": _state(row, context.path),
        "steps": steps,
    }
    if options:
        texts = fields.bare_options(options)
        first = 0 if game == "snake" or _counts_from_zero(question, texts) else 1
        number = fields.right_option(options, answer, first)
        given |= fields.choice(texts, number, steps)
        answer, question = given["answer"], without_options(question, texts)
    images = [context.pictures.read(path) for path in paths if path]
    question = fields.placed(question, len(images))
    given = {"answer": fields.as_text(answer)} | given
    id = fields.as_text(row.pop("data_id", None)) or context.place
    return fields.question_record(id, question, rest=row, images=images, **given)


def game_of(image: str, path: Path) -> str:
    """Ours for the game whose folder a picture or a file lies in; "" where none is known."""
    folders = image.split("/")[-2::-1]
    if path.parent.name.endswith(EXAMPLE):
        folders += [path.parent.name.removesuffix(EXAMPLE), path.parent.parent.name]
    for folder in folders:
        plain = re.sub("[^a-z0-9]", "", folder.lower())
        for game in CATEGORY:
            if plain == game.replace("_", "") or FOLDERS.get(plain) == game:
                return game
    return ""


def without_options(question: str, texts: list[str]) -> str:
    """A question without the list of its options, by number or letter, that ends it."""
    options = r"[,;\s]*".join(
        rf"\(?(?:{at}|{at + 1}|{LETTERS[at]})\s*[.:)]\s*{re.escape(text.strip())}"
        for at, text in enumerate(texts)
    )
    heading = r"(?:[^\n.?!)]*\b(?:[Oo]ptions|[Cc]hoose|[Cc]hoices)\b[^\n:]*:)?"
    found = re.search(rf"\s*{heading}\s*{options}\s*\Z", question)
    return question[: found.start()] if found else question


def _split_kind(game: str) -> str:
    if not game:
        return ""
    return "out_of_domain" if game in HELD_OUT else "in_domain"


def _counts_from_zero(question: str, texts: list[str]) -> bool:
    """Whether the question lists its options from "0:"."""
    return bool(re.search(rf"^\s*0[:.)]\s*{re.escape(texts[0])}\s*$", question, re.MULTILINE))


def _state(row: dict, path: Path) -> str:
    """The state's JSON, taken out of the row; "" where it was not published."""
    state = row.get("state")
    if isinstance(state, str):
        beside = path.parent / state
        if not state.endswith(".json") or not beside.is_file():
            return ""
        try:
            state = json.loads(beside.read_text(encoding="utf-8"))
        except ValueError as error:
            raise Broken(f"its state {row['state']} is not valid JSON ({error})") from error
    row.pop("state", None)
    return "" if state is None else fields.as_json(state)


# --------------------------------------------------------------------------------------- writing


def row(record: Mapping, names: list[str]) -> dict:
    """As published, with letters before the options and as the answer, and the state itself."""
    told = json.loads(record["params"])
    made = {
        "data_id": record["id"],
        "qa_type": record["qa_type"],
        **({} if "question_id" in told else {"question_description": record["task"]}),
        "plot_level": record["plot_level"],
        "qa_level": record["qa_level"],
        **({"image": names[0]} if len(names) == 1 else {"images": names}),
        **({"state": json.loads(record["state"])} if record["state"] else {}),
        "question": record["question"],
        "answer": record["answer"],
        "analysis": fields.chain_of(record),
    }
    if record["options"]:
        made["options"] = fields.lettered(record["options"])
    return told | made if "question_id" in told else made
