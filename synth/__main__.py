"""The command line: python -m synth list | generate | import | export | adapt | augment | audit |
stats | show | gallery | solve."""

import argparse
import contextlib
import dataclasses
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from records.errors import UserError, is_disk_full, printable
from records.schema import SPLITS
from synth import exchange, registry
from synth import game as games
from synth.adapt.command import add_command as add_adapt
from synth.arguments import anywhere, pixels, positive, share
from synth.augment.command import add_command as add_augment
from synth.records import make_record

EXAMPLES = """examples:
  python -m synth list
      every game with its tasks
  python -m synth generate --out data --games all --per-task 1000 --seed 0
      1000 records for each task and plot level, written to data/gameqa/1.0.0
  python -m synth generate --out data --preset gameqa
      as many records as were published; with --scale 0.01 a hundredth of them
  python -m synth import gameqa GameQA-140K --out theirs
      data of others as records, here the published questions
  python -m synth adapt source --llm http://localhost:8000/v1 --model NAME --out mine
      a game that a language model writes from somebody's source, and checks
  python -m synth audit data
      is every record right, is every task blind to guessing?
  python -m synth stats data --out stats.png
      how many records, answers and words, for each task
  python -m synth show maze --level Hard --out samples
      one picture (PNG) and one record (JSON) for each task of a game
  python -m synth gallery --out gallery.html
      every task at every level, on one page for the browser
  python -m synth solve maze path_to_goal --state samples/maze-path_to_goal-Hard.json
      the answer to a question, and the steps that lead to it
"""

AUDIT = """\
Checks a data set and prints a line for each task; exits 1 if anything is wrong, naming it.

Every record is solved, worded, described and drawn again from its stored state: answer, steps,
question, description and picture (byte for byte) must be the stored ones, one option right and
none listed twice, and the description must read back as the state. Sums in the steps must be right,
and the last step must tell a number that is to be filled in. Independent solvers judge the options
of a sample. A few records of each task and level are made again from their seed: they must be the
same twice and take less than a quarter of a second, and pictures of two positions must differ to
the eye at 224 pixels. No two positions have one picture. No position and no picture may be in two
splits, every position must be in its own (which is never train for an out_of_domain game), and the
mean difficulty of a game must grow from Easy to Hard.

Readers who do not see the picture (they know position, looks and words of the options, the
question and the level) learn on one half of the records and answer the other. The best may be
right 5 points more often than 1 in the number of options; for fill-in tasks, 5 points more often
than guessing each answer in proportion to how often it occurs in the task, and at each level than
how often it occurs there. No fill-in answer may make up more than half. A bound counts as exceeded
if a reader exactly at it would score so high with a probability below 0.1 %; with 1000 records a
level that adds about 2 points.

columns:
  wrong        records that differ when made again from their state
  ambig.       records with more than one right option
  twice        records with an option listed twice
  oracle       records on which the independent solver agrees / was asked
  right, bound accuracy of the blind reader that comes closest to its bound, and that bound
  bits         entropy of the answers
  shared       records whose position or picture is in another split, too
  ms           milliseconds of processor time to make a record (with --locked: on the clock)
"""


def main(argv: list[str] | None = None) -> int:
    try:
        args = _parser().parse_args(argv)
        return args.run(args) or 0
    except UserError as error:
        sentence, code = str(error), error.exit_code
    except OSError as error:
        if not is_disk_full(error):
            raise
        sentence = f"no room left on the disk for {error.filename}: make room, then try again."
        code = UserError.exit_code
    print(f"error: {sentence}", file=sys.stderr)
    return code


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise UserError(f"{message}; see {self.prog} --help.")


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
        "arguments give the same records, whatever the number of workers; given again after a "
        "kill, they make only what is missing. A position is in one of train, validation and test "
        "(8:1:1) only, and one of an out_of_domain game never in train (0:1:1). A complete data "
        "set is left alone; one that other code made is refused.",
    )
    make.add_argument("--out", type=anywhere, required=True, metavar="DIR", help="where to")
    _add_games(make)
    how_many = make.add_mutually_exclusive_group(required=True)
    how_many.add_argument(
        "--per-task",
        type=positive,
        metavar="N",
        help="records for each task and plot level (so 3 N a task)",
    )
    how_many.add_argument(
        "--preset",
        choices=["gameqa"],
        help="as many as were published: of each game 6338 for train if it is in_domain, and 501.6 "
        "for test (126760 and 15047 of all 30), the same for each level and task; besides 50 for "
        "validation",
    )
    make.add_argument(
        "--scale",
        type=share,
        metavar="X",
        help="X times the preset's numbers, as in --scale 0.01 (default: 1)",
    )
    make.add_argument(
        "--tasks",
        metavar="PATTERN",
        help='only what this regular expression finds in "level/game/task", as in --tasks '
        "'Easy/.*/player_position' (not with --preset)",
    )
    make.add_argument("--seed", type=int, default=0, help="(default: 0)")
    _add_workers(make)
    _add_locked(make)
    make.add_argument(
        "--beam",
        metavar="FLAGS",
        help="let Apache Beam make the records (the extra 'beam'), with these flags of its own, "
        "as in --beam='--runner=DirectRunner --direct_num_workers=2'",
    )
    shown = make.add_mutually_exclusive_group()
    _add_size(shown)
    shown.add_argument(
        "--text",
        dest="size",
        action="store_const",
        const=None,
        help="no pictures: the question says in words what they would show",
    )
    make.set_defaults(run=_generate)

    exchange.add_commands(commands)
    add_adapt(commands)
    add_augment(commands)

    check = commands.add_parser(
        "audit",
        help="check a data set",
        description=AUDIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("dataset", type=Path, metavar="DATASET", help="where 'generate' wrote to")
    check.add_argument(
        "--oracles",
        default="tests.synth.oracles",
        metavar="PACKAGE",
        help="package or folder of the independent solvers, one module a game "
        "(default: tests.synth.oracles)",
    )
    check.add_argument("--no-oracles", action="store_true", help="do without them")
    check.add_argument(
        "--oracle-sample",
        type=positive,
        default=200,
        metavar="N",
        help="records of each task and level that the solvers judge (default: 200)",
    )
    check.add_argument("--json", type=Path, metavar="FILE", help="write everything there, too")
    check.add_argument(
        "--table", type=Path, metavar="FILE.md", help="write the tasks there as a Markdown table"
    )
    _add_workers(check)
    _add_locked(check)
    check.set_defaults(run=_audit)

    count = commands.add_parser(
        "stats",
        help="count what a data set holds",
        description="Prints a line for each task, game and category: records by split and level, "
        "how many answers there are and their entropy in bits, and the median length of the chains "
        "in steps and words. The picture shows the same.",
    )
    count.add_argument("dataset", type=Path, metavar="DATASET", help="where 'generate' wrote to")
    count.add_argument("--out", type=Path, metavar="FILE.png", help="draw all this there, too")
    count.set_defaults(run=_stats)

    show = commands.add_parser("show", help="look at samples of a game")
    show.add_argument("game", metavar="GAME")
    show.add_argument("--task", help="only this task")
    show.add_argument("--level", default="Easy", help="plot level (default: Easy)")
    show.add_argument("--seed", type=int, default=0, help="(default: 0)")
    show.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to")
    _add_size(show)
    show.set_defaults(run=_show)

    gallery = commands.add_parser(
        "gallery",
        help="look at all tasks in the browser",
        description="Writes one HTML page with a question of each task and level: picture, "
        "options, steps and answer. It can be searched and filtered, and needs no server.",
    )
    gallery.add_argument("--out", type=Path, required=True, metavar="FILE", help="the page")
    _add_games(gallery)
    gallery.add_argument("--seed", type=int, default=0, help="(default: 0)")
    _add_size(gallery)
    gallery.set_defaults(run=_gallery)

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


def _add_games(parser) -> None:
    parser.add_argument("--games", default="all", metavar="A,B", help="which games (default: all)")


def _add_workers(parser) -> None:
    parser.add_argument(
        "--workers",
        type=positive,
        default=os.cpu_count(),
        metavar="W",
        help="processes (default: one for each core)",
    )


def _add_locked(parser) -> None:
    parser.add_argument(
        "--locked",
        action="store_true",
        help="import no game and no oracle: each answers from a process of its own, which can "
        "neither read, write, start nor reach anything; for code that you do not trust "
        "(docs/sandbox.md)",
    )
    parser.add_argument(
        "--sandbox",
        metavar="HOW",
        help="what is around these processes, which lock themselves in: 'lock' (nothing), 'bwrap', "
        "'container:IMAGE' (Docker or Podman, an image with Python, NumPy and Pillow) or 'auto' "
        "(bwrap where it works; default)",
    )


def _add_size(parser) -> None:
    parser.add_argument(
        "--size",
        type=pixels,
        default=448,
        metavar="PX",
        help="side of the square pictures, 56 or more (default: 448)",
    )


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
        for game in registry.all_games().values()
    ]
    if args.json:
        print(json.dumps(found, indent=2))
        return
    for game in found:
        print(f"{game['name']}  ({game['category']}, {game['split_kind']})")
        for task in game["tasks"]:
            print(f"  {task['name']:24} {task['qa_type']:22} {task['qa_level']:7} {task['kind']}")


def _names(asked: str) -> tuple[str, ...]:
    if asked == "all":
        return registry.game_names()
    once = dict.fromkeys(name.strip() for name in asked.split(","))
    return tuple(map(registry.known, once))


@contextlib.contextmanager
def _locked_in(args, names: Iterable[str], solvers: dict[str, Path]):
    """What --locked and --sandbox ask for, while games are asked."""
    if args.sandbox and not args.locked:
        raise UserError("--sandbox belongs to --locked; give both.")
    if not args.locked:
        yield
        return
    from synth.locked import opening

    with opening.locked_in(args.sandbox or "auto", names, solvers) as told:
        print(told)
        yield


def _generate(args) -> None:
    from records.paths import output_folder, size_of  # slow to import, as below
    from records.writing import folder
    from synth import dataset

    if args.scale and not args.preset:
        raise UserError("--scale belongs to --preset; give one, as --preset gameqa.")
    scale = (args.scale or 1.0) if args.preset else None
    if args.tasks and args.preset:
        raise UserError("--tasks belongs to --per-task; a preset has all tasks.")
    names = _names(args.games)
    plan = dataset.Plan(names, args.per_task, args.seed, args.size, scale, args.tasks)
    if args.locked and args.beam is not None:
        raise UserError("--locked works with local processes only; leave out --beam.")
    output_folder(args.out)
    start = time.perf_counter()
    try:
        with _locked_in(args, plan.games, {}):
            counts = dataset.generate(args.out, plan, args.workers, args.beam)
    except ModuleNotFoundError as error:
        if error.name != "apache_beam":
            raise
        raise UserError("--beam needs Apache Beam: pip install 'c2l-jax[beam]'.") from error
    target = folder(args.out, dataset.NAME)
    if counts is None:
        print(f"{target} is already complete.")
        return
    seconds = time.perf_counter() - start
    megabytes = sum(map(size_of, target.iterdir())) / 1e6
    splits = ", ".join(f"{split} {counts.get(split, 0)}" for split in SPLITS)
    total = sum(counts.values())
    print(f"{total} records in {seconds:.1f} s ({splits}), {megabytes:.1f} MB on disk")
    print(target)


def _audit(args) -> int:
    from records.paths import output_folder, replace_text

    try:
        from synth import audit, oracles, tables  # slow to import
    except ModuleNotFoundError as error:
        raise UserError(f"the audit needs {error.name}: pip install 'c2l-jax[audit]'.") from error

    for kept in filter(None, (args.json, args.table)):
        if kept.is_dir():
            raise UserError(f"{kept} is a folder; name a file in it.")
        output_folder(kept.parent)
    package = None if args.no_oracles else args.oracles
    names = audit.plan_at(args.dataset).games if args.locked else ()
    with _locked_in(args, names, oracles.files_of(package, names) if package else {}):
        rows, difficulties, faults = audit.audit(
            args.dataset, package, args.oracle_sample, args.workers
        )
    print(*(printable(line) for line in audit.table(rows).split("\n")), "", sep="\n")
    for game, means in difficulties.items():
        levels = ", ".join(
            f"{level} {means[level]:.2f}" for level in games.LEVELS if level in means
        )
        seconds = [row["seconds"] for row in rows if row["game"] == game and row["seconds"]]
        speed = f"{len(seconds) / sum(seconds):.0f}" if seconds else "no"
        print(f"{game}: {means['counts']}: {levels}; {speed} records/s on one core")
    if args.json:
        found = {"tasks": rows, "difficulty": difficulties}
        found["faults"] = [dataclasses.asdict(fault) for fault in faults]
        replace_text(args.json, json.dumps(found, indent=2) + "\n")
    if args.table:
        replace_text(args.table, tables.audited(rows, faults))
    for fault in audit.shown(faults):
        print(printable(f"FAIL {fault.where}: {fault.kind}: {fault.reason}", 2000))
    total = sum(row["records"] for row in rows)
    print(f"{total} records: {len(faults)} failures" if faults else f"{total} records, all good")
    return 1 if faults else 0


def _stats(args) -> None:
    from records.paths import output_folder  # slow to import
    from synth import charts, stats

    if args.out:
        if args.out.suffix != ".png":
            raise UserError(f"--out {args.out} is no picture; name one, as in stats.png.")
        output_folder(args.out.parent)
    tasks = stats.collect(args.dataset)
    print(stats.table(tasks))
    if args.out:
        try:
            charts.picture(tasks).save(args.out)
        except OSError as error:
            raise UserError(f"{args.out} cannot be written: {error}.") from error
        print(args.out)


def _show(args) -> None:
    from records.paths import output_folder, replace_text  # slow to import

    game = registry.find_game(args.game)
    games.check_level(args.level)
    tasks = game.tasks if args.task is None else (game.task(args.task),)
    output_folder(args.out)
    for task in tasks:
        record = make_record(game.name, task.name, args.level, args.seed, 0, args.size)
        path = args.out / f"{game.name}-{task.name}-{args.level}.png"
        path.write_bytes(record.pop("image"))
        text = json.dumps(record, indent=2, ensure_ascii=False)
        replace_text(path.with_suffix(".json"), text + "\n")
        print(path)


def _gallery(args) -> None:
    from tqdm import tqdm

    from records.paths import output_folder, replace_text  # slow to import
    from synth import gallery

    if args.out.is_dir():
        raise UserError(f"--out {args.out} is a folder; name the page, as in gallery.html.")
    output_folder(args.out.parent)
    asked = [
        (name, task.name, level)
        for name in _names(args.games)
        for task in registry.find_game(name).tasks
        for level in games.LEVELS
    ]
    made = [make_record(*names, args.seed, 0, args.size) for names in tqdm(asked, unit=" records")]
    replace_text(args.out, gallery.page(made))
    print(f"{args.out}: {len(made)} questions, {args.out.stat().st_size / 1e6:.1f} MB")


def _solve(args) -> None:
    game = registry.find_game(args.game)
    task = game.task(args.task)
    try:
        given = json.loads(args.state.read_text(encoding="utf-8"))
        if isinstance(given, dict) and "state" in given:  # a whole record
            state, params = given["state"], given["params"]
        else:
            state, params = json.dumps(given), "{}"
        state = games.state_from_json(game, state)
    except (OSError, ValueError) as error:
        raise UserError(f"--state {args.state} is no state: {error}.") from error
    try:
        params = games.params_from_json(args.params or params)
    except ValueError as error:
        raise UserError(f"--params is no JSON object: {error}.") from error
    try:
        solution = task.solve(state, **params)
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise UserError(f"{task.name} cannot be asked here: {error}.") from error
    for step in solution.steps:
        print(step)
    print(f"answer: {task.text(solution.answer)}")


if __name__ == "__main__":
    sys.exit(main())
