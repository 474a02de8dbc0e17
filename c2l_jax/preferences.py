"""Makes preference pairs out of sampled responses: a right one and a wrong one to one question.

  python -m c2l_jax.sample --model runs/sft --data DATASET --split train --n 32 --out responses
  python -m c2l_jax.preferences --responses responses --out pairs

A response is right or wrong by its final answer alone; one whose answer can't be read with
certainty might be either and is in no pair. Questions that the model answers right neither too
seldom nor too often are kept, and right and wrong responses paired at random (the recipe of
LLaVA-Reasoner, arXiv 2410.16198). A response that was cut off before it ended can only be a
rejected one. --out is then a TFDS data set with splits train and validation, the pictures and the
reference's log-probability of every token included: it trains with `--config configs/dpo.py`.
counts.json beside it says what became of the questions.
--dtype must be what training computes in. The result depends on the responses and the options
alone.
"""

import dataclasses
import functools
import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import jax
import numpy as np

from c2l_jax import options
from c2l_jax.answers import was_read
from c2l_jax.data import pairs as pair_data
from c2l_jax.data.processor import Processor
from c2l_jax.models.directory import fingerprint
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import exported_model, load_model
from c2l_jax.response_logprobs import response_logprobs
from c2l_jax.responses import KEPT, RESPONSES, read_responses, record_of
from records.errors import UserError, exit_on_user_error
from records.paths import AnyPath, anywhere, output_folder, replace_text
from records.reading import open_split
from records.schema import task_name

COUNTS = "counts.json"


# ------------------------------------------------------------------------------- choosing pairs


@dataclasses.dataclass(frozen=True)
class Pair:
    """Responses, as in responses.jsonl, to questions[question]; `number` counts a question's."""

    question: int
    number: int
    chosen: dict
    rejected: dict


def accuracy(question: dict) -> float:
    return sum(r["correct"] for r in question["responses"]) / len(question["responses"])


def pair_up(question: dict, most: int, seed: int) -> list[tuple[dict, dict]]:
    """At most `most` different (chosen, rejected) of a question, at random.

    Responses with the same text count as one. No response comes twice before all others of its
    kind have come. Those whose answer could not be read are of neither kind.
    """
    texts: dict[str, dict] = {}
    for response in question["responses"]:
        if response["text"] not in texts or response["ended"]:
            texts[response["text"]] = response
    rng = np.random.default_rng([seed, _hash(question["id"])])
    responses = [list(texts.values())[i] for i in rng.permutation(len(texts))]
    right = [r for r in responses if r["correct"] and r["ended"]]
    wrong = [r for r in responses if not r["correct"] and was_read(r)]
    if not right or not wrong:
        return []
    # Both in turn; every time that would meet again, the wrong ones move on by one.
    turn = math.lcm(len(right), len(wrong))
    return [
        (right[i % len(right)], wrong[(i + i // turn) % len(wrong)])
        for i in range(min(most, len(right) * len(wrong)))
    ]


def choose(
    questions: Sequence[dict], *, low: float, high: float, most: int, balance: bool, seed: int
) -> tuple[list[Pair], Counter]:
    """Pairs of the questions whose accuracy is in [low, high], and how many were what.

    balance: no task keeps more pairs than the mean number a task; which ones is random.
    """
    pairs, counts = [], Counter(dict.fromkeys(("too easy", "too hard", "no pair", "kept"), 0))
    for index, question in enumerate(questions):
        share, found = accuracy(question), []
        if share < low or share > high:
            counts["too hard" if share < low else "too easy"] += 1
        else:
            found = pair_up(question, most, seed)
            counts["kept" if found else "no pair"] += 1
        pairs += [Pair(index, number, *both) for number, both in enumerate(found)]
    if balance and pairs:
        by_task: dict[str, list[Pair]] = {}
        for pair in pairs:
            by_task.setdefault(task_name(questions[pair.question]), []).append(pair)
        cap = -(-len(pairs) // len(by_task))

        def drawn(pair):
            return _hash(f"{seed} {questions[pair.question]['id']} {pair.number}")

        capped = [pair for group in by_task.values() for pair in sorted(group, key=drawn)[:cap]]
        pairs = sorted(capped, key=lambda pair: (pair.question, pair.number))
        left = len({pair.question for pair in pairs})
        counts["balanced away"], counts["kept"] = counts["kept"] - left, left
    return pairs, counts


def count_unread(questions: Sequence[dict]) -> int:
    """Responses that are in no pair because their answers could not be read."""
    return sum(not was_read(r) for question in questions for r in question["responses"])


def is_validation(record_id: str, share: float) -> bool:
    """Whether a record's pairs are held out, by the hash of its id."""
    return _hash(f"validation {record_id}") < share * 2**64


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


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


# ----------------------------------------------------------------------------------- the command


def preferences(
    *,
    responses: AnyPath | str,
    out: AnyPath | str,
    model: AnyPath | str | None = None,
    data: AnyPath | str | None = None,
    low: float = 0.25,
    high: float = 0.85,
    max_pairs: int = 3,
    balance: bool = False,
    seed: int = 0,
    validation: float = 0.05,
    rows: int = 8,
    dtype: str | None = None,
):
    """Writes the pairs to be had from a directory of responses; see the module and its --help.

    In a cluster all processes compute the reference, and the first one writes.

    Raises UserError for arguments that make no sense, responses that are not whole or of another
    model or data set, other pairs in `out`, and where there is no pair.
    """
    options.check_seed(seed)
    if not 0 <= low <= high <= 1 or not 0 <= validation < 1 or max_pairs < 1:
        raise UserError(
            "--low and --high must be in order and in 0..1, --validation in 0..1 and below 1, "
            "--max-pairs at least 1."
        )
    dtype, out, responses = options.chosen_dtype(dtype), anywhere(out), anywhere(responses)
    output_folder(out)
    writes = jax.process_index() == 0
    settings, questions = read_responses(responses)
    model = exported_model(anywhere(model or settings["model"]))
    if fingerprint(model) != settings["fingerprint"]:
        raise UserError(
            f"the responses in {responses} were not sampled with the model in {model} (its "
            "fingerprint differs): give --model the one that wrote them."
        )
    sampled = hashlib.sha256((responses / RESPONSES).read_bytes()).hexdigest()
    metadata = {"low": low, "high": high, "max_pairs": max_pairs, "balance": balance}
    metadata |= {"seed": seed, "validation": validation, "dtype": dtype}
    unread = count_unread(questions)
    metadata |= {"fingerprint": settings["fingerprint"], "responses": sampled, "unread": unread}
    if pair_data.is_written(out, metadata):
        print(f"{pair_data.folder(out)} is already there.")
        return
    pairs, counts = choose(
        questions, low=low, high=high, most=max_pairs, balance=balance, seed=seed
    )
    told = {"questions": len(questions), **counts, "pairs": len(pairs), "unread": unread}
    if writes:
        print(table(pairs, questions, counts))
        replace_text(out / COUNTS, json.dumps(told, indent=2) + "\n")
    if not pairs:
        raise UserError(
            f"not one pair in {responses}: no question has both kinds of response and an "
            f"accuracy from {low} to {high}; sample more, or widen --low and --high."
        )
    by_split = split_up(pairs, questions, validation)
    data = anywhere(data or settings["data"])
    split = open_split(data, settings["split"])

    def record(index):
        return record_of(questions[index], split, data)

    logps = reference_logprobs(
        pairs, questions, record, model, format=settings["format"], rows=rows, dtype=dtype
    )
    if not writes:
        return
    common = {"format": settings["format"], "fingerprint": settings["fingerprint"]}
    records = {
        name: functools.partial(pair_records, some, questions, record, logps, common)
        for name, some in by_split.items()
    }
    first = record(pairs[0].question)
    pair_data.write_pairs(
        out, records, image="image" in first, several="images" in first, metadata=metadata
    )
    sizes = ", ".join(f"{name} {len(some)}" for name, some in by_split.items())
    print(f"{len(pairs)} pairs ({sizes})")
    print(pair_data.folder(out))


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
                f"of {len(pairs)} pairs none falls to the split {name}: change --validation "
                f"{validation} (0 holds none out; train with --config.evaluation.every=0 "
                "then), or sample more."
            )
    return by_split


def table(pairs: Sequence[Pair], questions: Sequence[dict], counts: Counter) -> str:
    """What became of the questions and responses, and the pairs of each task."""
    tasks = Counter(task_name(questions[pair.question]) for pair in pairs)
    lines = [f"{'questions':32}{len(questions):>8}"]
    lines += [f"  {name:30}{count:>8}" for name, count in counts.items()]
    lines += [f"{'responses':32}{sum(len(q['responses']) for q in questions):>8}"]
    lines += [f"  {'answer unread, in no pair':30}{count_unread(questions):>8}"]
    lines += [f"{'pairs':32}{len(pairs):>8}"]
    lines += [f"  {name:30}{count:>8}" for name, count in sorted(tasks.items())]
    return "\n".join(lines)


@exit_on_user_error
def main(arguments: list[str] | None = None):
    parser = options.parser_of(preferences, "c2l_jax.preferences", __doc__)
    parser.add_argument("--responses", required=True, metavar="DIR")
    parser.add_argument("--out", required=True, metavar="PAIRS")
    parser.add_argument("--model", help="if it is elsewhere now than when sampling")
    parser.add_argument("--data", help="if it is elsewhere now than when sampling")
    parser.add_argument(
        "--low", type=float, help="least accuracy of a question (default: %(default)s)"
    )
    parser.add_argument("--high", type=float, help="and largest (default: %(default)s)")
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
