"""Options that several commands share: how they are parsed, and what is refused.

A command is a function of keywords, which has the defaults and refuses what makes no sense; its
`main` only parses them. Messages name an option as it is typed.
"""

import argparse
import contextlib
import inspect
import math
from collections.abc import Callable, Sequence

import jax
import numpy as np

from c2l_jax import cluster
from c2l_jax.data.processor import INSTRUCTIONS
from c2l_jax.judging import function_at
from c2l_jax.model_judge import ModelJudge
from c2l_jax.sharding import make_mesh
from endpoint import Endpoint
from endpoint.budget import price
from records.errors import UserError
from records.paths import anywhere
from records.schema import SPLITS

SERVER = ("concurrency", "timeout", "max_wait", "max_requests", "price", "max_cost")
DTYPES = ("float32", "bfloat16")
_LEAST_TEMPERATURE = float(np.finfo(np.float32).tiny)  # logits divided by less are no numbers


# --------------------------------------------------------------------------------------- parsing


def parser_of(command: Callable, name: str, description: str, **options) -> argparse.ArgumentParser:
    """A parser for `python -m NAME`, whose options have the defaults of the command's keywords."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )
    keywords = inspect.signature(command).parameters.values()
    parser.set_defaults(
        **{each.name: each.default for each in keywords if each.default is not each.empty}
    )
    return parser


def add_questions(parser: argparse.ArgumentParser):
    """What every command that asks a data set's questions takes."""
    parser.add_argument("--model", metavar="DIR_OR_WORKDIR", help="who is asked; or --endpoint")
    parser.add_argument("--data", required=True, metavar="DATASET")
    parser.add_argument("--split", help=f"{', '.join(SPLITS)} (default: %(default)s)")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument(
        "--format",
        choices=list(INSTRUCTIONS),
        help="cot: a chain of reasoning, open: the same but without the options, direct: the "
        "answer alone (default: %(default)s)",
    )
    parser.add_argument(
        "--tasks",
        metavar="REGEX",
        help='only records whose "level/game/task" has it (default: all)',
    )
    parser.add_argument(
        "--per-task", type=int, metavar="N", help="at most N of each task and level (default: all)"
    )
    parser.add_argument("--limit", type=int, help="only the first N of them (default: all)")
    parser.add_argument("--rows", type=int, help="questions at a time (default: %(default)s)")
    parser.add_argument("--max-tokens", type=int, help="longest response (default: %(default)s)")
    parser.add_argument(
        "--judge",
        metavar="PACKAGE.MODULE:FUNCTION_OR_URL",
        help="who says what is right: (records, responses) -> list of verdicts (default: rules, "
        "c2l_jax.answers:judge, or those of --evaluator), or a server like --endpoint",
    )
    parser.add_argument("--judge-model", metavar="NAME", help="as that server knows it")
    parser.add_argument(
        "--endpoint",
        metavar="URL",
        help="asks a server that speaks OpenAI's protocol in place of --model: what "
        "/chat/completions follows, mostly .../v1",
    )
    parser.add_argument("--endpoint-model", metavar="NAME", help="as that server knows it")
    add_server(parser)
    add_dtype(parser)
    add_cluster(parser)


def add_drawing(parser: argparse.ArgumentParser):
    """What commands take that may ask a question several times."""
    parser.add_argument("--n", type=int, help="responses a question (default: %(default)s)")
    parser.add_argument(
        "--temperature",
        type=float,
        help="divides the logits; 0 takes the likeliest token (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, help="of the random draws (default: %(default)s)")


def add_server(parser: argparse.ArgumentParser):
    """How a server is asked, and what that may cost: keywords of `endpoint.Endpoint`, with its
    defaults, but for `max_spend_tokens`, its `max_tokens`."""
    defaults = inspect.signature(Endpoint).parameters
    help = {
        "concurrency": (int, "requests at one time"),
        "timeout": (float, "seconds for one of them"),
        "max_wait": (float, "seconds without any answer before a server is given up"),
    }
    for name, (kind, text) in help.items():
        parser.set_defaults(**{name: defaults[name].default})
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=kind, help=f"{text} (default: %(default)s)")
    add = parser.add_argument
    add("--max-requests", type=int, help="budget: requests, retries included")
    add("--max-spend-tokens", type=int, help="budget: tokens of prompts and replies")
    add("--price", type=price, metavar="IN,OUT", help="of a million tokens of each")
    add("--max-cost", type=float, help="budget: in the money of --price")


def with_servers(command: Callable) -> Callable:
    """The command as a function of what `add_questions` parses: it gets `endpoint` as an Endpoint
    or None, and `judge` as a function.

    Budgets are of each server; replies are kept in `out`. Raises UserError for a server without its
    model's name, or the reverse.
    """

    def run(**keywords):
        how = {name: keywords.pop(name) for name in SERVER}
        how["max_tokens"] = keywords.pop("max_spend_tokens")
        number = f"-{jax.process_index()}" if jax.process_index() else ""
        how["cache"] = anywhere(keywords["out"]) / f"replies{number}.sqlite"
        judge, asked = keywords["judge"], keywords["endpoint"]
        url = judge if isinstance(judge, str) and "://" in judge else None
        with contextlib.ExitStack() as servers:

            def server(flag: str, url: str | None) -> Endpoint | None:
                model = keywords.pop(f"{flag}_model")
                if (url is None) != (model is None):
                    raise UserError(f"--{flag} URL and --{flag}-model NAME go together.")
                return None if url is None else servers.enter_context(Endpoint(url, model, **how))

            if judging := server("judge", url):
                keywords["judge"] = ModelJudge(judging)
            elif isinstance(judge, str):
                keywords["judge"] = function_at(judge, "--judge")
            command(**keywords | {"endpoint": server("endpoint", asked)})

    return run


def add_cluster(parser: argparse.ArgumentParser):
    """What a command that runs in several processes takes; see `in_cluster`."""
    for name, (kind, text) in cluster.FLAGS.items():
        parser.add_argument(f"--{name}", type=kind, help=text)


def in_cluster(command: Callable, arguments: argparse.Namespace):
    """Calls the command with its arguments, in all processes together."""
    keywords = vars(arguments)
    place = cluster.find_place(**{name: keywords.pop(name) for name in cluster.FLAGS})
    with cluster.joined(place):
        command(**keywords)


def add_dtype(parser: argparse.ArgumentParser):
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        help="what the model computes in (default: float32 on a CPU, else bfloat16)",
    )


# -------------------------------------------------------------------------------- what is refused


def check_positive(**values: int | None):
    """Raises UserError that names the option, for one below 1; None is an option not given."""
    for name, value in values.items():
        if value is not None and value < 1:
            raise UserError(f"--{name.replace('_', '-')} {value} must be at least 1.")


def check_choice(name: str, value: str, choices):
    """Raises UserError unless the value of --`name` is one of the choices."""
    if value not in choices:
        raise UserError(f"--{name} {value!r} must be one of {', '.join(choices)}.")


def check_temperature(temperature: float):
    """Raises UserError unless 0 or a number by which logits can be divided in float32."""
    if temperature and not _LEAST_TEMPERATURE <= temperature < math.inf:
        raise UserError(
            f"--temperature {temperature} must be 0 or a number of at least "
            f"{_LEAST_TEMPERATURE:.2g}."
        )


def check_seed(seed: int):
    if seed < 0:
        raise UserError(f"--seed {seed} must not be negative.")


def chosen_dtype(dtype: str | None) -> str:
    """What the model computes in; None chooses by the device. Raises UserError for another one."""
    if dtype is None:
        return "float32" if jax.default_backend() == "cpu" else "bfloat16"
    check_choice("dtype", dtype, DTYPES)
    return dtype


def device_mesh(rows: int, devices: Sequence[jax.Device] | None = None) -> jax.sharding.Mesh:
    """All devices, or these, each with its share of the rows.

    Raises UserError where they don't share.
    """
    mesh = make_mesh({"data": 1, "fsdp": -1, "tensor": 1}, devices)
    if rows < 1 or rows % mesh.size:
        raise UserError(f"--rows {rows} must be a positive multiple of {mesh.size} devices.")
    return mesh
