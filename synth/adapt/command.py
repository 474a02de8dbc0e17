"""The command adapt, whose work `synth.adapt.run` does."""

import argparse
from pathlib import Path

from records.errors import UserError, printable
from synth.adapt import REPLY_TOKENS
from synth.arguments import positive, price

ADAPT = """\
Reads the source of a game (a file or folder, at most 200 kB of text; it is never run) and has a
model write the game as a file of questions, then, in a conversation that sees neither the game nor
its answers, an independent solver. Both run locked in (docs/sandbox.md) and are checked; what is
wrong goes back to the model, until all checks pass or the turns end. Everything is kept in FOLDER:
the same command resumes. See docs/adapt.md.

exit codes: 0 passed, 1 turns or budget ended (the best version is under FOLDER/turns), 2 a mistake
in the command, 3 the server gave out (the same command resumes)
"""


def add_command(commands) -> None:
    raw = argparse.RawDescriptionHelpFormatter
    make = commands.add_parser(
        "adapt", help="have a model write a game", description=ADAPT, formatter_class=raw
    )
    make.add_argument("source", type=Path, metavar="SOURCE", help="file or folder")
    make.add_argument(
        "--llm", required=True, metavar="URL", help="an OpenAI-compatible server, as .../v1"
    )
    make.add_argument("--model", required=True, help="its name for the model")
    make.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="where to")
    make.add_argument("--plan-only", action="store_true", help="end after the plan, and show it")
    make.add_argument(
        "--oracle-llm",
        type=_server,
        metavar="URL,MODEL",
        help="who writes the solver (default: the same model)",
    )
    make.add_argument(
        "--blind",
        type=positive,
        default=400,
        metavar="N",
        help="records of each task and level that are read blind (default: 400)",
    )
    make.add_argument("--sandbox", default="auto", metavar="HOW", help="as of 'generate'")
    _add_limits(make)
    make.set_defaults(run=_run)


def _add_limits(make) -> None:
    make.add_argument(
        "--turns", type=positive, default=8, help="replies with a file at most (default: 8)"
    )
    make.add_argument(
        "--min-tasks",
        type=positive,
        default=3,
        metavar="N",
        help="a task that can't be mended may be dropped while so many stay (default: 3)",
    )
    make.add_argument(
        "--reply-tokens",
        type=positive,
        default=REPLY_TOKENS,
        metavar="N",
        help=f"room for a reply (default: {REPLY_TOKENS})",
    )
    spend = make.add_argument_group("budgets", "of this command and each server; looked at before")
    spend.add_argument("--max-requests", type=positive, metavar="N")
    spend.add_argument("--max-tokens", type=positive, metavar="N", help="of prompts and replies")
    spend.add_argument("--price", type=price, metavar="IN,OUT", help="of a million tokens")
    spend.add_argument("--max-cost", type=float, metavar="D", help="with --price")
    make.add_argument(
        "--max-wait",
        type=float,
        default=600.0,
        metavar="S",
        help="seconds without an answer after which the server has given out (default: 600)",
    )


def _run(args) -> int:
    try:
        from synth.adapt import checks  # slow to import
        from synth.adapt.run import EXITS, adapt
    except ModuleNotFoundError as error:
        raise UserError(f"adapt needs {error.name}: pip install 'c2l-jax[audit]'.") from error

    budgets = ("max_requests", "max_tokens", "price", "max_cost")
    outcome = adapt(
        args.source,
        args.out,
        args.llm,
        args.model,
        turns=args.turns,
        min_tasks=args.min_tasks,
        oracle_llm=args.oracle_llm,
        reply_tokens=args.reply_tokens,
        budgets={name: getattr(args, name) for name in budgets},
        how=checks.Settings(args.sandbox, blind=args.blind),
        plan_only=args.plan_only,
        max_wait=args.max_wait,
        say=_say,
    )
    _say(f"{outcome}; {args.out / 'report.html'}")
    return EXITS.get(outcome, 1)


def _say(text: str) -> None:
    print(*(printable(line, 2000) for line in text.split("\n")), sep="\n", flush=True)


def _server(text: str) -> tuple[str, str]:
    url, comma, model = text.partition(",")
    if not comma or not model:
        raise argparse.ArgumentTypeError(f"{text} is not URL,MODEL")
    return url, model
