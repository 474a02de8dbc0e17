"""The command line: python -m synth list | generate | show | solve."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from synth import game as games
from synth.records import make_record

EXAMPLES = """examples:
  python -m synth list
      every game with its tasks
  python -m synth generate --out data --games all --per-task 1000 --seed 0
      1000 records for each task and plot level, written to data/gameqa/1.0.0
  python -m synth show maze --level Hard --out samples
      one picture (PNG) and one record (JSON) for each task of a game
  python -m synth solve maze path_to_goal --state samples/maze-path_to_goal-Hard.json
      the answer to a question, and the steps that lead to it
"""


def main(argv: list[str] | None = None) -> int:
    try:
        args = _parser().parse_args(argv)
        args.run(args)
    except games.UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise games.UserError(f"{message}; see {self.prog} --help.")


def _parser() -> Parser:
    parser = Parser(
        prog="python -m synth",
        description="Turns game engines into verified visual questions with worked solutions.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="show the games and their tasks")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(run=_list)

    make = commands.add_parser(
        "generate",
        help="make a data set",
        description="Writes a TFDS data set (array_record) to DIR/gameqa/1.0.0. The same "
        "arguments give the same records, whatever the number of workers. A position is in one "
        "of train, validation and test (8:1:1) only.",
    )
    make.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to")
    make.add_argument("--games", default="all", metavar="A,B", help="which games (default: all)")
    make.add_argument(
        "--per-task",
        type=_positive,
        required=True,
        metavar="N",
        help="records for each task and plot level (so 3 N a task)",
    )
    make.add_argument("--seed", type=int, default=0, help="(default: 0)")
    make.add_argument(
        "--workers",
        type=_positive,
        default=os.cpu_count(),
        metavar="W",
        help="processes (default: one for each core)",
    )
    _add_size(make)
    make.set_defaults(run=_generate)

    show = commands.add_parser("show", help="look at samples of a game")
    show.add_argument("game", metavar="GAME")
    show.add_argument("--task", help="only this task")
    show.add_argument("--level", default="Easy", help="plot level (default: Easy)")
    show.add_argument("--seed", type=int, default=0, help="(default: 0)")
    show.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to")
    _add_size(show)
    show.set_defaults(run=_show)

    solve = commands.add_parser("solve", help="answer a question again from its state and params")
    solve.add_argument("game", metavar="GAME")
    solve.add_argument("task", metavar="TASK")
    solve.add_argument(
        "--state",
        type=Path,
        required=True,
        metavar="FILE",
        help="a state as JSON, or a whole record written by 'show'",
    )
    solve.add_argument(
        "--params", metavar="JSON", help="(default: the record's if FILE is a record, else {})"
    )
    solve.set_defaults(run=_solve)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _pixels(text: str) -> int:
    if int(text) < 56:
        raise argparse.ArgumentTypeError(f"{text} pixels are too few to read; take 56 or more")
    return int(text)


def _add_size(parser) -> None:
    parser.add_argument(
        "--size",
        type=_pixels,
        default=448,
        metavar="PX",
        help="side of the square pictures, 56 or more (default: 448)",
    )


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise games.UserError(f"--out {path} cannot be made: {error}.") from error


def _list(args) -> None:
    found = [
        {
            "name": game.name,
            "category": game.category,
            "split_kind": game.split_kind,
            "tasks": [
                {
                    "name": task.name,
                    "qa_type": task.qa_type,
                    "qa_level": task.qa_level,
                    "kind": "multiple_choice" if task.n_options else "fill_in",
                }
                for task in game.tasks
            ],
        }
        for game in games.all_games().values()
    ]
    if args.json:
        print(json.dumps(found, indent=2))
        return
    for game in found:
        print(f"{game['name']}  ({game['category']}, {game['split_kind']})")
        for task in game["tasks"]:
            print(f"  {task['name']:24} {task['qa_type']:22} {task['qa_level']:7} {task['kind']}")


def _generate(args) -> None:
    from synth import dataset  # slow to import, and not needed by the other commands

    if args.games == "all":
        names = tuple(games.all_games())
    else:
        asked = dict.fromkeys(name.strip() for name in args.games.split(","))  # each once
        names = tuple(games.find_game(name).name for name in asked)
    plan = dataset.Plan(names, args.per_task, args.seed, args.size)
    _make_folder(args.out)
    start = time.perf_counter()
    counts = dataset.generate(args.out, plan, args.workers)
    folder = args.out / dataset.GameQA.name / dataset.VERSION
    if counts is None:
        print(f"{folder} is already complete.")
        return
    seconds = time.perf_counter() - start
    total = sum(counts.values())
    splits = ", ".join(f"{split} {counts[split]}" for split in dataset.SPLITS)
    print(f"{total} records in {seconds:.1f} s, {total / seconds:.0f} records/s ({splits})")
    print(folder)


def _show(args) -> None:
    game = games.find_game(args.game)
    games.check_level(args.level)
    tasks = game.tasks if args.task is None else (game.task(args.task),)
    _make_folder(args.out)
    for task in tasks:
        record = make_record(game.name, task.name, args.level, args.seed, 0, args.size)
        path = args.out / f"{game.name}-{task.name}-{args.level}.png"
        path.write_bytes(record.pop("image"))
        text = json.dumps(record, indent=2, ensure_ascii=False)
        path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
        print(path)


def _solve(args) -> None:
    game = games.find_game(args.game)
    task = game.task(args.task)
    try:
        given = json.loads(args.state.read_text(encoding="utf-8"))
        if isinstance(given, dict) and "state" in given:  # a whole record
            state, params = given["state"], given["params"]
        else:
            state, params = json.dumps(given), "{}"
        state = games.state_from_json(game, state)
    except (OSError, ValueError) as error:
        raise games.UserError(f"--state {args.state} is no state: {error}.") from error
    try:
        params = games.params_from_json(args.params or params)
    except ValueError as error:
        raise games.UserError(f"--params is no JSON object: {error}.") from error
    try:
        solution = task.solve(state, **params)
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise games.UserError(f"{task.name} cannot be asked here: {error}.") from error
    for step in solution.steps:
        print(step)
    print(f"answer: {task.text(solution.answer)}")


if __name__ == "__main__":
    sys.exit(main())
