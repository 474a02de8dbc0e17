"""Makes preference pairs out of sampled responses: a right one and a wrong one to one question.

  python -m c2l_jax.sample --model runs/sft --data DATASET --split train --n 32 --out responses
  python -m c2l_jax.preferences --responses responses --out pairs
  python -m c2l_jax.preferences --responses responses --out right --rft 4

A response is right or wrong by its final answer alone; one whose answer can't be read with
certainty might be either and is in no pair. Questions that the model answers right neither too
seldom nor too often are kept, and right and wrong responses paired at random (the recipe of
LLaVA-Reasoner, arXiv 2410.16198), or with --pairing near those that differ least: what a pair
teaches is then the place at which the wrong response goes astray (configs/dpo.py). A response that
was cut off before it ended can only be a rejected one. --out is then a TFDS data set with splits
train and validation, the pictures and the reference's log-probability of every token included: it
trains with `--config configs/dpo.py`. counts.json beside it says what became of the questions.
--dtype must be what training computes in. The result depends on the responses and the options
alone.

With --rft K there are no pairs: --out has up to K right responses to every question that has any,
which supervised fine-tuning takes as it takes other questions (rejection sampling, Yuan et al.
2023, arXiv 2308.01825). That is what pairs have to be compared with.
"""

import functools
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import jax
import numpy as np

from c2l_jax import options
from c2l_jax.data.pairs import PAIRS, RIGHT
from c2l_jax.data.processor import Processor, as_asked
from c2l_jax.models.directory import fingerprint
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import exported_model, load_model
from c2l_jax.pairing import (
    Pair,
    choose,
    count_unread,
    near_pairs,
    random_pairs,
    right_alone,
    stable_hash,
)
from c2l_jax.response_logprobs import response_logprobs
from c2l_jax.responses import KEPT, RESPONSES, read_responses, record_of
from records.errors import UserError, exit_on_user_error
from records.paths import AnyPath, anywhere, output_folder, replace_text
from records.reading import open_split
from records.schema import task_name

COUNTS = "counts.json"
PAIRINGS = ("random", "near")


# --------------------------------------------------------------------------- reference and records


def reference_logprobs(
    pairs: Sequence[Pair],
    questions: Sequence[dict],
    record: Callable[[int], dict],
    model: AnyPath,
    *,
    format: str,
    rows: int,
    dtype: str,
) -> dict[tuple[int, str], np.ndarray]:
    """(question, text) -> the model's log-probability of each token; every text once."""
    texts: dict[int, dict[str, dict]] = {}
    for pair in pairs:
        for response in (pair.chosen, pair.rejected):
            texts.setdefault(pair.question, {})[response["text"]] = response
    used = list(texts)
    mesh = options.device_mesh(rows)
    loaded = load_model(model, mesh, Compute(dtype))

    def question(number):
        return record(used[number]), format, list(texts[used[number]])

    found = response_logprobs(
        loaded.graphdef,
        loaded.params,
        Processor(loaded.directory),
        question,
        len(used),
        mesh=mesh,
        rows=rows,
        title="reference",
    )
    logps, differences, other = {}, [], 0
    for index, of_question in zip(used, found, strict=True):
        for (text, response), of_text in zip(texts[index].items(), of_question, strict=True):
            logps[index, text] = of_text
            written = of_text if response["ended"] else of_text[:-1]
            if len(written) == response["tokens"]:
                differences.append(abs(written.sum(dtype=np.float64) - response["logp"]))
            else:  # A model may spell a text in other tokens than the tokeniser does,
                other += 1  # seldom in as many: then their difference is a large one.
    median = float(np.median(differences)) if differences else 0.0
    print(
        f"log-probability of a response, here and when it was sampled: median difference "
        f"{median:.2g}, largest difference {max(differences, default=0):.2g} in "
        f"{len(differences)} responses; {other} more were sampled in other tokens than their text "
        "has"
    )
    return logps


def pair_records(
    pairs: Sequence[Pair],
    questions: Sequence[dict],
    record: Callable[[int], dict],
    logps: dict,
    common: dict,
) -> Iterator[dict]:
    """Records of `schema.pair`; the picture is read again from the data set."""
    for pair in pairs:
        question = questions[pair.question]
        both = {"chosen": pair.chosen, "rejected": pair.rejected}
        source = record(pair.question)
        yield {
            **{name: question[name] for name in KEPT},
            "id": f"{question['id']}-pair{pair.number}",
            "record": question["id"],
            **{name: response["text"] for name, response in both.items()},
            **{f"{name}_answer": response["extracted"] for name, response in both.items()},
            **{
                f"{name}_logps": logps[pair.question, response["text"]]
                for name, response in both.items()
            },
            "rejected_ended": pair.rejected["ended"],
            **{name: source[name] for name in ("image", "images") if name in source},
            **common,
        }


def right_records(
    pairs: Sequence[Pair], record: Callable[[int], dict], format: str
) -> Iterator[dict]:
    """Records of `schema.response`: the question as it was asked, and what was said to it."""
    for pair in pairs:
        source, said = record(pair.question), pair.chosen["text"]
        chain, *answer = re.split(r"^#+ *Answer:", said, maxsplit=1, flags=re.MULTILINE)
        yield {
            **as_asked(source, format),
            "id": f"{source['id']}-right{pair.number}",
            "steps": chain.strip().splitlines() if answer else [],
            "record": source["id"],
            "format": format,
            "response": said,
        }


# ----------------------------------------------------------------------------------- the command


def preferences(
    *,
    responses: AnyPath | str,
    out: AnyPath | str,
    model: AnyPath | str | None = None,
    data: AnyPath | str | None = None,
    pairing: str = "random",
    rft: int | None = None,
    low: float | None = None,
    high: float | None = None,
    max_pairs: int = 3,
    balance: bool = False,
    seed: int = 0,
    validation: float = 0.05,
    rows: int = 8,
    dtype: str | None = None,
):
    """Writes the pairs, or the right responses, to be had from a directory of responses; see the
    module and its --help.

    In a cluster all processes compute the reference, and the first one writes.

    Raises UserError for arguments that make no sense, responses that are not whole or of another
    model or data set, others in `out`, and where there is no pair.
    """
    low = (0.0 if rft else 0.25) if low is None else low
    high = (1.0 if rft else 0.85) if high is None else high
    _check(pairing, rft, low, high, max_pairs, seed, validation)
    out, responses = anywhere(out), anywhere(responses)
    output_folder(out)
    settings, questions = read_responses(responses)
    metadata = {"low": low, "high": high, "balance": balance, "seed": seed}
    metadata |= {"validation": validation, "fingerprint": settings["fingerprint"]}
    metadata["responses"] = hashlib.sha256((responses / RESPONSES).read_bytes()).hexdigest()
    metadata["unread"] = count_unread(questions)
    if rft:
        kind, find = RIGHT, functools.partial(right_alone, most=rft)
        metadata |= {"rft": rft}
    else:
        kind, dtype = PAIRS, options.chosen_dtype(dtype)
        metadata |= {"pairing": pairing, "max_pairs": max_pairs, "dtype": dtype}
        model = reference_model(model, settings, responses)
        find = finder(pairing, max_pairs, model)
    if kind.is_written(out, metadata):
        print(f"{kind.folder(out)} is already there.")
        return
    pairs, counts = choose(questions, find, low=low, high=high, balance=balance, seed=seed)
    tell(out, kind.name, pairs, questions, counts)
    if not pairs:
        raise UserError(
            f"nothing to learn in {responses}: no question has "
            f"{'a right response' if rft else 'both kinds of response'} and an accuracy from "
            f"{low} to {high}; sample more, or widen --low and --high."
        )
    by_split = split_up(pairs, questions, validation)
    data, format = anywhere(data or settings["data"]), settings["format"]
    split = open_split(data, settings["split"])

    def record(index):
        return record_of(questions[index], split, data)

    if rft:
        records = functools.partial(right_records, record=record, format=format)
    else:
        logps = reference_logprobs(
            pairs, questions, record, model, format=format, rows=rows, dtype=dtype
        )
        common = {"format": format, "fingerprint": settings["fingerprint"]}
        records = functools.partial(
            pair_records, questions=questions, record=record, logps=logps, common=common
        )
    if jax.process_index() == 0:
        made = {name: functools.partial(records, some) for name, some in by_split.items()}
        first = record(pairs[0].question)
        kind.write(out, made, image="image" in first, several="images" in first, metadata=metadata)
        sizes = ", ".join(f"{name} {len(some)}" for name, some in by_split.items())
        print(f"{len(pairs)} {kind.name} ({sizes})")
        print(kind.folder(out))


def _check(pairing, rft, low, high, max_pairs, seed, validation):
    options.check_seed(seed)
    options.check_choice("pairing", pairing, PAIRINGS)
    options.check_positive(rft=rft, max_pairs=max_pairs)
    if not 0 <= low <= high <= 1 or not 0 <= validation < 1:
        raise UserError(
            "--low and --high must be in order and in 0..1, --validation in 0..1 and below 1."
        )


def reference_model(model: AnyPath | str | None, settings: dict, responses: AnyPath) -> AnyPath:
    """The model that wrote the responses. Raises UserError for another one."""
    model = exported_model(anywhere(model or settings["model"]))
    if fingerprint(model) != settings.get("fingerprint"):  # an endpoint has none
        raise UserError(
            f"the responses in {responses} were not sampled with the model in {model} (its "
            "fingerprint differs): give --model the one that wrote them."
        )
    return model


def finder(pairing: str, most: int, model: AnyPath) -> Callable:
    """What `choose` finds pairs with."""
    if pairing == "random":
        return functools.partial(random_pairs, most=most)
    tokens = Processor(model).tokenizer.encode
    return functools.partial(near_pairs, most=most, tokens=tokens)


def is_validation(record_id: str, share: float) -> bool:
    """Whether a record's pairs are held out, by the hash of its id."""
    return stable_hash(f"validation {record_id}") < share * 2**64


def split_up(
    pairs: Sequence[Pair], questions: Sequence[dict], validation: float
) -> dict[str, list[Pair]]:
    """The pairs of each split. Raises UserError where one would be empty."""
    by_split: dict[str, list[Pair]] = {"train": [], "validation": []}
    for pair in pairs:
        held_out = is_validation(questions[pair.question]["id"], validation)
        by_split["validation" if held_out else "train"].append(pair)
    if not validation:
        del by_split["validation"]
    for name, some in by_split.items():
        if not some:
            raise UserError(
                f"of {len(pairs)} none falls to the split {name}: change --validation "
                f"{validation} (0 holds none out; train with --config.evaluation.every=0 "
                "then), or sample more."
            )
    return by_split


def tell(
    out: AnyPath, name: str, pairs: Sequence[Pair], questions: Sequence[dict], counts: Counter
):
    """Prints the table and writes counts.json."""
    if jax.process_index():
        return
    print(table(name, pairs, questions, counts))
    told = {"questions": len(questions), **counts, name: len(pairs)}
    told["unread"] = count_unread(questions)
    replace_text(out / COUNTS, json.dumps(told, indent=2) + "\n")


def table(name: str, pairs: Sequence[Pair], questions: Sequence[dict], counts: Counter) -> str:
    """What became of the questions and responses, and the pairs of each task."""
    tasks = Counter(task_name(questions[pair.question]) for pair in pairs)
    lines = [f"{'questions':32}{len(questions):>8}"]
    lines += [f"  {what:30}{count:>8}" for what, count in counts.items()]
    lines += [f"{'responses':32}{sum(len(q['responses']) for q in questions):>8}"]
    lines += [f"  {'answer unread, left out':30}{count_unread(questions):>8}"]
    lines += [f"{name:32}{len(pairs):>8}"]
    lines += [f"  {task:30}{count:>8}" for task, count in sorted(tasks.items())]
    return "\n".join(lines)


@exit_on_user_error
def main(arguments: list[str] | None = None):
    parser = options.parser_of(preferences, "c2l_jax.preferences", __doc__)
    parser.add_argument("--responses", required=True, metavar="DIR")
    parser.add_argument("--out", required=True, metavar="PAIRS")
    parser.add_argument("--model", help="if it is elsewhere now than when sampling")
    parser.add_argument("--data", help="if it is elsewhere now than when sampling")
    parser.add_argument(
        "--pairing",
        choices=PAIRINGS,
        help="random: any right with any wrong response; near: each wrong response once, with the "
        "right one that differs in the fewest tokens (default: %(default)s)",
    )
    parser.add_argument(
        "--rft", type=int, metavar="K", help="up to K right responses to a question, no pairs"
    )
    parser.add_argument(
        "--low", type=float, help="least accuracy of a question (default: 0.25, with --rft 0)"
    )
    parser.add_argument("--high", type=float, help="and largest (default: 0.85, with --rft 1)")
    parser.add_argument("--max-pairs", type=int, help="of a question (default: %(default)s)")
    parser.add_argument(
        "--balance", action="store_true", help="no task has more pairs than tasks have on average"
    )
    parser.add_argument("--seed", type=int)
    parser.add_argument(
        "--validation", type=float, help="share of the questions (default: %(default)s)"
    )
    parser.add_argument("--rows", type=int, help="rows scored at a time (default: %(default)s)")
    options.add_dtype(parser)
    options.add_cluster(parser)
    options.in_cluster(preferences, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
