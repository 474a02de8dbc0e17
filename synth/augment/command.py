"""The command augment, whose work `run` does."""

import argparse
import dataclasses

from synth.arguments import price

AUGMENT = """\
Has a model behind an OpenAI-compatible server word every chain of a data set more fully. It gets
rules, question, steps and answer as text, never the picture. Filters compare what it writes with
the steps, fact by fact (docs/augment.md tells how well); where one objects, or nothing comes, the
steps stay as they are. DIR/augmented/1.0.0 then has the same records, one for each; beside it are

  rows.jsonl      a row for each record: kept, rejected or failed, why, and the raw reply
  page.html       20 of them side by side, to be checked by hand
  counts.json     how many were what, and what was spent
  replies.sqlite  all replies: the same command goes on where it was stopped, without paying twice

The key is taken from the environment variable OPENAI_API_KEY and written nowhere. Budgets are of
one command. Exit code 0: done; 1: a budget ended; 2: something is for you to mend; 3: the server
gave out. After 1 or 3 the same command goes on.
"""


def add_command(commands) -> None:
    parser = commands.add_parser(
        "augment",
        help="have a language model word the steps more fully",
        description=AUGMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dataset", metavar="DATASET", help="where 'generate' or 'import' wrote to")
    parser.add_argument("--llm", required=True, metavar="URL", help="as http://localhost:8000/v1")
    parser.add_argument("--model", required=True, metavar="NAME", help="as the server calls it")
    parser.add_argument("--out", required=True, metavar="DIR", help="where to")
    parser.add_argument("--temperature", type=float, default=0.7, help="(default: 0.7)")
    parser.add_argument("--seed", type=int, default=0, help="of the first record (default: 0)")
    parser.add_argument(
        "--max-tokens", type=int, default=1024, metavar="N", help="of a reply (default: 1024)"
    )
    server = parser.add_argument_group("the server")
    server.add_argument("--concurrency", type=int, default=8, metavar="N", help="(default: 8)")
    server.add_argument("--timeout", type=float, default=120.0, metavar="S", help="(default: 120)")
    server.add_argument("--max-wait", type=float, default=600.0, metavar="S", help="(default: 600)")
    budget = parser.add_argument_group("budgets")
    budget.add_argument("--max-requests", type=int, metavar="N")
    budget.add_argument("--max-spend-tokens", type=int, metavar="N", help="in and out together")
    budget.add_argument("--price", type=price, metavar="IN,OUT", help="of a million tokens")
    budget.add_argument("--max-cost", type=float, metavar="X", help="needs --price")
    parser.set_defaults(run=_augment)


def _augment(args) -> None:
    from endpoint import Endpoint  # slow to import, as below
    from records.paths import anywhere, output_folder
    from synth.augment import run

    wanted = run.Settings(args.model, args.temperature, args.seed, args.max_tokens)
    out = anywhere(args.out)
    if run.is_written(out, args.dataset, wanted):
        print(f"{run.folder(out)} is already complete.")
        return
    output_folder(out)
    with Endpoint(
        args.llm,
        args.model,
        cache=out / run.REPLIES,
        concurrency=args.concurrency,
        timeout=args.timeout,
        max_wait=args.max_wait,
        max_requests=args.max_requests,
        max_tokens=args.max_spend_tokens,
        price=args.price,
        max_cost=args.max_cost,
    ) as server:
        counts = run.augment(server, args.dataset, out, wanted)
        spent = dataclasses.asdict(server.spent)
    print(run.table(counts, spent))
    print(run.folder(out))
