"""From a data set to one with fuller chains: asks, filters, accounts for every row."""

import collections
import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping

from tqdm import tqdm

from endpoint import Endpoint, Reply, Request, Spent, user
from records import schema, writing
from records.errors import UserError
from records.paths import AnyPath, recorded, replace_text
from records.reading import Split, open_splits
from synth.augment import page
from synth.augment.filters import Chain, chain_of, letter_step, lines_of, rejected

NAME = "augmented"
DESCRIPTION = "Visual questions whose chains of reasoning a model worded; rules checked the facts."
ROWS, PAGE, COUNTS, REPLIES = "rows.jsonl", "page.html", "counts.json", "replies.sqlite"
SHOWN = 20  # rows on the page
NO_STEPS = "no steps"
PROMPT = """\
Below are the rules of a game, a question about a picture of it, the steps of a solution and \
the answer. Write the solution more fully, as someone who looks at the picture and thinks aloud.

- Go through the steps in their order and leave none out. Write full sentences, and say why one \
thing follows from the other.
- Keep every number, every cell such as (3, 4), every row of marks such as "- # # -", every \
colour, name and direction just as it is written, and add none that is not there.
- Deny nothing that the steps do not deny.
- End with a sentence that tells the result.
- Write English and plain text, without headings or lists. Do not speak of these instructions, and \
write as if nobody had told you the steps or the answer.

Rules: {rules}

Question: {asked}

Steps:
{steps}

Answer: {answer}"""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What replies depend on, besides the data. seed: of the first record, then one more each."""

    model: str
    temperature: float
    seed: int
    max_tokens: int


@dataclasses.dataclass(frozen=True)
class Outcome:
    """status: "kept", "rejected" or "failed"; kind: the filter, or how it failed; lines: the chain
    that the record has then."""

    status: str
    kind: str | None
    reason: str | None
    lines: list[str]


def folder(out: AnyPath) -> AnyPath:
    return writing.folder(out, NAME)


def is_written(out: AnyPath, data: AnyPath | str, wanted: Settings) -> bool:
    """Whether this command's data set is there. Raises UserError if another one is."""
    return writing.is_written(out, NAME, _metadata(data, wanted), "another data set")


def _metadata(data: AnyPath | str, wanted: Settings) -> dict:
    return {"data": recorded(data), **dataclasses.asdict(wanted)}


def request(chain: Chain, wanted: Settings, number: int) -> Request:
    text = PROMPT.format(
        rules=chain.rules, asked=chain.asked, steps="\n".join(chain.steps), answer=chain.answer
    )
    return Request(
        [user(text)],
        temperature=wanted.temperature,
        seed=wanted.seed + number,
        max_tokens=wanted.max_tokens,
    )


def outcome_of(record: Mapping, reply: Reply | None) -> Outcome:
    """What becomes of a record. reply: None where there were no steps to send."""
    steps = list(record["steps"])
    if reply is None:
        return Outcome("failed", NO_STEPS, "the record has no steps to be worded", steps)
    if reply.failure == "refused":
        return Outcome("rejected", "refusal", "the model refused", steps)
    if reply.failure not in (None, "cut"):
        return Outcome("failed", reply.failure, f"the server sent no text: {reply.failure}", steps)
    chain = chain_of(record)
    if objection := rejected(reply.text or "", chain, cut=reply.failure == "cut"):
        return Outcome("rejected", *objection, steps)
    return Outcome("kept", None, None, [*lines_of(reply.text, chain), *letter_step(record)])


def augment(
    server: Endpoint, data: AnyPath | str, out: AnyPath, wanted: Settings
) -> collections.Counter:
    """Writes the data set and what lies beside it; returns how many rows are (status, kind).

    Raises UserError where there is no data set of questions, and what `Endpoint.ask_all` raises.
    """
    splits = open_splits(data)
    first = next(iter(splits.values()))[0]
    if "steps" not in first:
        raise UserError(f"{data} holds pairs, not questions: give the data set they come from.")
    counts: collections.Counter = collections.Counter()
    chains: dict[str, list[list[str] | None]] = {name: [] for name in splits}  # None: unchanged
    total = sum(map(len, splits.values()))
    shown, every = [], max(1, total // SHOWN)
    with (out / ROWS).open("w", encoding="utf-8") as rows:
        for number, (name, record, reply) in enumerate(_asked(server, splits, wanted)):
            outcome = outcome_of(record, reply)
            counts[outcome.status, outcome.kind] += 1
            chains[name].append(outcome.lines if outcome.status == "kept" else None)
            rows.write(json.dumps(_row(name, record, reply, outcome)) + "\n")
            if number % every == 0 and len(shown) < SHOWN:
                shown.append((record, reply and reply.text, outcome))
    replace_text(out / PAGE, page.page(shown, wanted.model))
    told = {"rows": total, **_by_status(counts), "spent": dataclasses.asdict(server.spent)}
    replace_text(out / COUNTS, json.dumps(told, indent=2) + "\n")
    writing.write(
        out,
        NAME,
        schema.question("image" in first, several="images" in first),
        {name: functools.partial(_records, splits[name], chains[name]) for name in splits},
        _metadata(data, wanted),
        description=DESCRIPTION,
        made_by=__name__,
    )
    return counts


def _asked(
    server: Endpoint, splits: Mapping[str, Split], wanted: Settings
) -> Iterator[tuple[str, dict, Reply | None]]:
    """Every record with its split and what the model said, in order."""

    def requests() -> Iterator[Request]:
        number = 0
        for split in splits.values():
            for record in split.only("question", "options", "answer", "steps"):
                if record["steps"]:
                    yield request(chain_of(record), wanted, number)
                number += 1

    replies = server.ask_all(requests())
    for name, split in splits.items():
        for record in tqdm(split, name, unit=" records"):
            yield name, record, next(replies) if record["steps"] else None


def _records(split: Split, chains: list[list[str] | None]) -> Iterator[dict]:
    for record, lines in zip(split, chains, strict=True):
        yield record if lines is None else record | {"steps": lines}


def _row(name: str, record: Mapping, reply: Reply | None, outcome: Outcome) -> dict:
    told = {"id": record["id"], "split": name, "status": outcome.status}
    told |= {"filter": outcome.kind, "reason": outcome.reason}
    return told | {"reply": reply and reply.text, "raw": reply and reply.raw}


def _by_status(counts: Mapping) -> dict:
    return {
        status: {kind or "all": n for (of, kind), n in sorted(counts.items()) if of == status}
        for status in ("kept", "rejected", "failed")
    }


def table(counts: collections.Counter, spent: Mapping | Spent) -> str:
    """The counts, for the terminal."""
    lines = [f"{'rows':28}{counts.total():>8}"]
    for status in ("kept", "rejected", "failed"):
        some = {kind: n for (of, kind), n in counts.items() if of == status}
        lines.append(f"  {status:26}{sum(some.values()):>8}")
        if status != "kept":
            lines += [f"    {kind:24}{n:>8}" for kind, n in sorted(some.items())]
    return "\n".join([*lines, *(f"{name:28}{n or 0:>8}" for name, n in spent.items())])
