"""Has a model behind a server write chains of reasoning to a data set's questions.

  python -m c2l_jax.distill --data DATASET --endpoint http://localhost:8000/v1 \\
      --endpoint-model NAME --out chains
  python -m c2l_jax.train --config configs/sft.py --config.data.path=chains ...

As in LLaVA-Reasoner (arXiv 2410.16198) the model sees picture, question and, unless --no-hint, the
right answer, and writes a chain that ends in "### Answer: X". It is kept if its answer is right by
the rules that `evaluate` goes by, if nothing follows the answer, and if it does not speak of having
been given one. The wording is ours. With --samples K the shortest of the right chains is kept, or
with --keep all every one. --out is then a TFDS data set with one split, that of --split, whose
records are those of --data with the chain in place of their steps; beside it are

  rows.jsonl      a row for each question: kept, rejected or failed, why, and all raw replies
  disagree.jsonl  questions that were answered, but never as --data says: often its labels are wrong
  counts.json     how many were what, and what was spent
  replies.sqlite  all replies: the same command goes on where it was stopped, without paying twice

The key is taken from the environment variable OPENAI_API_KEY and written nowhere. Budgets are of
one command. Exit code 0: done; 1: a budget ended; 2: something is for you to mend; 3: the server
gave out. After 1 or 3 the same command goes on; with a --limit of no more questions than were asked
by then, it makes a data set of those.
"""

import collections
import dataclasses
import functools
import itertools
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tqdm import tqdm

from c2l_jax import answers, options
from c2l_jax.answers import Verdict
from c2l_jax.asking import asked_records
from c2l_jax.data.processor import user_text
from c2l_jax.paths import Lines
from endpoint import BudgetEnded, Endpoint, GaveOut, Reply, Request, Spent, user
from records import schema, writing
from records.errors import UserError, exit_on_user_error
from records.formats.fields import last_step, steps_of
from records.paths import AnyPath, anywhere, output_folder, read_json, recorded, replace_text
from records.reading import Split, open_split
from records.schema import answer_text, pictures_of

NAME = "distilled"
DESCRIPTION = "Visual questions with chains of reasoning that a model wrote and rules checked."
ROWS, DISAGREE, COUNTS, REPLIES = "rows.jsonl", "disagree.jsonl", "counts.json", "replies.sqlite"
KEEP = ("shortest", "all")
# Why a reply is no chain, from those that came least far; the first five are failures of a Reply.
FAILED = ("no reply", "bad reply", "empty", "refused", "cut")
ANOTHER_ANSWER = "another answer"
REJECTED = (
    "no answer",
    "answer unclear",
    ANOTHER_ANSWER,
    "does not end in one answer",
    "no reasoning",
    "speaks of the given answer",
)
_REASONS = (*FAILED, *REJECTED)
_ANSWER_LINE = re.compile(r"\W*##\W*answer\W*:", re.IGNORECASE)
_GIVEN = re.compile(
    r"\b(given|provided|supplied|annotated|reference|known|expected|stated)"
    r" (correct |right |final |true )?(answer|solution)\b(?! (option|choice))"
    r"|\b(answer|solution) (given|provided|supplied)\b(?! by)"
    r"|\b(answer|solution) (that )?(was|has been|had been) (given|provided|supplied|stated)"
    r"|\banswer is (given as|known|provided)|\byou (told|said|gave|mentioned|provided)"
    r"|\b(was|were|been|am) told|\bground[- ]truth|\banswer key|\bannotat(ion|ed|or)"
    r"|\bhint(s|ed)?\b",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What chains depend on, but for model and data. Fields are options of the command."""

    hint: bool
    samples: int
    keep: str
    temperature: float
    top_p: float
    seed: int | None
    max_tokens: int

    def __post_init__(self):
        options.check_choice("keep", self.keep, KEEP)
        options.check_positive(samples=self.samples, max_tokens=self.max_tokens)
        options.check_temperature(self.temperature)
        if not 0 < self.top_p <= 1:
            raise UserError("--top-p must be in (0, 1].")
        if self.temperature == 0 and self.samples > 1:
            raise UserError("--temperature 0 makes all chains alike: leave --samples 1.")


# ----------------------------------------------------------------------------------- one question


def prompt(record: Mapping[str, Any], hint: bool) -> str:
    """What the model is asked, in our words."""
    start = "what the picture shows" if pictures_of(record) else "what the question tells"
    form = "the letter of the right option" if record["options"] else "the answer and nothing else"
    lines = [
        user_text(record, "cot"),
        "",
        f"Begin with {start} that matters here, in detail, and go on until the answer follows. X "
        f"is {form}; write nothing after that line.",
    ]
    if hint:
        right = record["answer"]
        if record["options"]:
            right = f"{right}. {answer_text(record)}"
        lines += [
            "",
            f"To check yourself: the answer is {right}. Let it follow from your reasoning, and "
            "write as if nobody had told you.",
        ]
    return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class Sample:
    """A reply, what the rules say of it, the chain before its answer, and why it is not kept."""

    reply: Reply
    verdict: Verdict | None
    chain: str
    reason: str | None

    def fields(self) -> dict[str, Any]:
        read = self.verdict.fields() if self.verdict else {}
        return {"reason": self.reason, **read, "raw": self.reply.raw}


def read_samples(record: Mapping[str, Any], replies: Sequence[Reply]) -> list[Sample]:
    """The replies to a question, judged. Raises UserError for a record whose answer is none."""
    whole = [reply.text for reply in replies if reply.failure is None]
    found = iter(answers.judge([record] * len(whole), whole))
    return [_read_sample(record, reply, found) for reply in replies]


def _read_sample(record: Mapping[str, Any], reply: Reply, verdicts: Iterator[Verdict]) -> Sample:
    if reply.failure is not None:
        return Sample(reply, None, "", reply.failure)
    verdict = next(verdicts)
    chain = chain_of(reply.text)
    if not verdict.read:
        reason = "no answer" if verdict.extracted is None else "answer unclear"
    elif not verdict.correct:
        reason = ANOTHER_ANSWER
    elif chain is None:
        reason = "does not end in one answer"
    elif not chain:
        reason = "no reasoning"
    elif speaks_of_given_answer(chain, record["question"]):
        reason = "speaks of the given answer"
    else:
        reason = None
    return Sample(reply, verdict, chain or "", reason)


def chain_of(text: str) -> str | None:
    """What comes before the last line, where that and no other is "### Answer: ..."; else None."""
    lines = text.strip().split("\n")
    if [bool(_ANSWER_LINE.match(line)) for line in lines] != [False] * (len(lines) - 1) + [True]:
        return None
    return "\n".join(line.rstrip() for line in lines[:-1]).strip()


def speaks_of_given_answer(chain: str, question: str) -> bool:
    """Whether a chain has words of someone who was told the answer, but for the question's own."""
    asked = question.lower()
    return any(found[0].lower() not in asked for found in _GIVEN.finditer(chain))


def kept_of(samples: Sequence[Sample], keep: str) -> list[int]:
    """Which samples are kept."""
    right = [number for number, sample in enumerate(samples) if sample.reason is None]
    if keep == "shortest":
        return sorted(right, key=lambda number: len(samples[number].chain))[:1]
    return right


def status_of(samples: Sequence[Sample]) -> tuple[str, str | None]:
    """("kept", None), or ("rejected" or "failed", the reason of the one that came farthest)."""
    if any(sample.reason is None for sample in samples):
        return "kept", None
    reason = max((sample.reason for sample in samples), key=_REASONS.index)
    return ("failed" if reason in FAILED else "rejected"), reason


# ---------------------------------------------------------------------------------- all questions


class Chains:
    """What became of the questions: the kept chains by index, and the counts."""

    def __init__(self):
        self.kept: dict[int, list[str]] = {}
        self.right: dict[int, bool] = {}  # of each index, the first sample
        self.counts: collections.Counter[tuple[str, str | None]] = collections.Counter()

    def add(self, index: int, record: Mapping[str, Any], samples: list[Sample], keep: str) -> dict:
        """Returns the question's row."""
        status, reason = status_of(samples)
        kept = kept_of(samples, keep)
        if kept:
            self.kept[index] = [samples[number].chain for number in kept]
        self.right[index] = _is_right(samples[0])
        self.counts[status, reason] += 1
        row = {"id": record["id"], "index": index, "status": status, "reason": reason}
        row |= {"answer": record["answer"], "kept": kept}
        return row | {"samples": [sample.fields() for sample in samples]}

    def told(self, spent: Spent) -> dict[str, Any]:
        """What counts.json holds."""
        totals = {
            status: {reason: n for (of, reason), n in self.counts.items() if of == status}
            for status in ("rejected", "failed")
        }
        return {
            "questions": self.counts.total(),
            "kept": self.counts["kept", None],
            **{status: sum(reasons.values()) for status, reasons in totals.items()},
            "reasons": totals,
            "chains": sum(map(len, self.kept.values())),
            "spent": dataclasses.asdict(spent),
        }


def _is_right(sample: Sample) -> bool:
    return sample.verdict is not None and sample.verdict.correct


def _requests(
    split: Split, indices: Sequence[int], settings: Settings, hint: bool, samples: int
) -> Iterator[Request]:
    for index in indices:
        record = split[index]
        messages = [user(prompt(record, hint), *pictures_of(record))]
        for number in range(samples):
            seed = None if settings.seed is None else settings.seed + number
            yield Request(
                messages, number, settings.temperature, settings.top_p, settings.max_tokens, seed
            )


def ask(
    server: Endpoint, split: Split, asked: Sequence[int], settings: Settings, out: AnyPath
) -> Chains:
    """Writes a row for each question; errors as `Endpoint.ask_all`, with all rows before it."""
    chains, rows, disagree = Chains(), Lines(out / ROWS, []), Lines(out / DISAGREE, [])
    requests = _requests(split, asked, settings, settings.hint, settings.samples)
    replies = server.ask_all(requests)
    try:
        for index in tqdm(asked, "asking", unit="question"):
            samples = read_samples(
                record := split[index], list(itertools.islice(replies, settings.samples))
            )
            row = chains.add(index, record, samples, settings.keep)
            rows.add(json.dumps(row) + "\n")
            if row["reason"] == ANOTHER_ANSWER:
                said = [each["extracted"] for each in row["samples"] if "extracted" in each]
                asked_for = {name: record[name] for name in ("question", "options", "answer")}
                disagree.add(json.dumps({**row, **asked_for, "said": said}) + "\n")
    except (BudgetEnded, GaveOut):
        print(table(chains.told(server.spent)), file=sys.stderr)
        raise
    finally:
        rows.close()
        disagree.close()
    return chains


def right_without_hint(
    server: Endpoint, split: Split, some: Sequence[int], settings: Settings
) -> int:
    """How many of these questions one reply without the hint gets right."""
    replies = server.ask_all(_requests(split, some, settings, False, 1))
    right = 0
    for index, reply in zip(some, tqdm(replies, "without hint", len(some)), strict=True):
        right += _is_right(*read_samples(split[index], [reply]))
    return right


# ------------------------------------------------------------------------------------- the command


def distill(
    *,
    data: AnyPath | str,
    endpoint: str,
    endpoint_model: str,
    out: AnyPath | str,
    split: str = "train",
    tasks: str | None = None,
    limit: int | None = None,
    hint: bool = True,
    samples: int = 1,
    keep: str = "shortest",
    temperature: float = 1.0,
    top_p: float = 1.0,
    seed: int | None = None,
    max_tokens: int = 1024,
    check_without_hint: int | None = None,
    concurrency: int = 8,
    timeout: float = 120.0,
    max_wait: float = 600.0,
    max_requests: int | None = None,
    max_spend_tokens: int | None = None,
    price: tuple[float, float] | None = None,
    max_cost: float | None = None,
) -> dict[str, Any]:
    """Writes the data set of all chains that are kept; see the module and its --help.

    Returns what counts.json holds. Raises UserError for arguments that make no sense, a data set
    that isn't there, other chains in `out`, and where no chain is kept; BudgetEnded and GaveOut.
    """
    settings = Settings(
        hint=hint,
        samples=samples,
        keep=keep,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        max_tokens=max_tokens,
    )
    options.check_positive(limit=limit, check_without_hint=check_without_hint)
    if check_without_hint and not hint:
        raise UserError("--check-without-hint compares with the hint: leave --no-hint out.")
    out = anywhere(out)
    opened = open_split(data, split)
    metadata = {"data": recorded(data), "split": split, "tasks": tasks, "limit": limit}
    metadata |= {"endpoint_model": endpoint_model, **dataclasses.asdict(settings)}
    if writing.is_written(out, NAME, metadata, "other chains"):
        print(f"{writing.folder(out, NAME)} is already there.")
        return read_json(out / COUNTS)
    if "steps" not in opened[0]:
        raise UserError(f"{data} holds pairs, not questions: give the data set they come from.")
    asked = asked_records(opened, tasks, limit)
    output_folder(out)
    with Endpoint(
        endpoint,
        endpoint_model,
        cache=out / REPLIES,
        concurrency=concurrency,
        timeout=timeout,
        max_wait=max_wait,
        max_requests=max_requests,
        max_tokens=max_spend_tokens,
        price=price,
        max_cost=max_cost,
    ) as server:
        chains = ask(server, opened, asked, settings, out)
        if check_without_hint:
            every = -(-len(asked) // check_without_hint)  # evenly over the data set
            some = asked[::every]
            right = right_without_hint(server, opened, some, settings)
        told = chains.told(server.spent)
    if check_without_hint:
        with_hint = sum(chains.right[index] for index in some)
        told["check"] = {"questions": len(some), "right": with_hint, "right_without_hint": right}
    replace_text(out / COUNTS, json.dumps(told, indent=2) + "\n")
    print(table(told))
    write(out, opened, split, chains.kept, metadata)
    return told


def write(out: AnyPath, split: Split, name: str, kept: Mapping[int, Sequence[str]], metadata: dict):
    """The data set. Raises UserError where there is nothing to be in it."""
    if not kept:
        raise UserError(f"not one chain was kept: {out / ROWS} says why, question by question.")
    first = split[next(iter(kept))]
    counts = writing.write(
        out,
        NAME,
        schema.question("image" in first, several="images" in first),
        {name: functools.partial(_records, split, kept)},
        metadata,
        description=DESCRIPTION,
        made_by=__name__,
    )
    print(f"{counts[name]} chains in {writing.folder(out, NAME)}")


def _records(split: Split, kept: Mapping[int, Sequence[str]]) -> Iterator[dict]:
    for index, chains in kept.items():
        record = split[index]
        last = [last_step(answer_text(record), record["answer"])] if record["options"] else []
        for number, chain in enumerate(chains, 1):
            id = f"{record['id']}#{number}" if number > 1 else record["id"]
            yield record | {"id": id, "steps": [*steps_of(chain), *last]}


def table(told: Mapping[str, Any]) -> str:
    """counts.json, for the terminal."""
    lines = [f"{'questions':34}{told['questions']:>8}", f"  {'kept':32}{told['kept']:>8}"]
    for status, reasons in told["reasons"].items():
        lines += [f"  {status:32}{told[status]:>8}"]
        lines += [f"    {reason:30}{n:>8}" for reason, n in sorted(reasons.items())]
    spent = dict(told["spent"])
    cost = spent.pop("cost")
    lines += [f"{name.replace('_', ' '):34}{value:>8}" for name, value in spent.items()]
    if cost is not None:
        lines += [f"{'cost':34}{cost:>8.4f}"]
    if check := told.get("check"):
        of = check["questions"]
        lines += [
            f"right of {of}: with the hint {check['right']}, without it "
            f"{check['right_without_hint']} ({100 * check['right_without_hint'] / of:.1f} %)"
        ]
    return "\n".join(lines)


@exit_on_user_error
def main(arguments: list[str] | None = None):
    parser = options.parser_of(distill, "c2l_jax.distill", __doc__)
    add = parser.add_argument
    default = "(default: %(default)s)"
    add("--data", required=True, metavar="DATASET")
    add("--endpoint", required=True, metavar="URL", help="what /chat/completions follows")
    add("--endpoint-model", required=True, metavar="NAME", help="as the server knows it")
    add("--out", required=True, metavar="DIR")
    add("--split", help=f"{', '.join(schema.SPLITS)} {default}")
    add(
        "--tasks",
        metavar="REGEX",
        help='only records whose "level/game/task" has it (default: all)',
    )
    add("--limit", type=int, help="only the first N of them (default: all)")
    add("--no-hint", dest="hint", action="store_false", help="does not tell the right answer")
    add("--samples", type=int, help=f"chains asked for a question {default}")
    add("--keep", choices=KEEP, help=f"which of the right ones are kept {default}")
    add("--temperature", type=float, help=default)
    add("--top-p", type=float, help=default)
    add(
        "--seed",
        type=int,
        help="that the server is given, plus the sample's number (default: none)",
    )
    add("--max-tokens", type=int, help=f"longest chain {default}")
    add(
        "--check-without-hint",
        type=int,
        metavar="N",
        help="also asks about N of the questions without the hint, and tells how many are right",
    )
    options.add_server(parser)
    distill(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
