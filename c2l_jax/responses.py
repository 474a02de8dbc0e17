"""What `c2l_jax.sample` and `c2l_jax.evaluate` leave in their --out, and reading it.

sampling.json holds the settings and the model's fingerprint, or the endpoint that was asked;
responses.jsonl a line a question, with what its record says (KEPT, DOMAIN), its place in the split
and its n responses, each with text, logp (None: not told), tokens, ended, extracted, correct and
read, perhaps a score, and a failure where an endpoint gave no whole text. While a command runs in
several processes, all but the first write to files of their own beside it; at the end the first one
joins them.
"""

import json
import re
from collections.abc import Iterable, Sequence

from records.errors import UserError
from records.paths import AnyPath, read_json, recorded, replace_text
from records.reading import Split

SETTINGS, RESPONSES = "sampling.json", "responses.jsonl"
KEPT = ("id", "game", "task", "qa_type", "qa_level", "plot_level", "question", "options", "answer")
DOMAIN = ("category", "split_kind")  # kept, too, but not in files of before


# --------------------------------------------------------------------------------------- writing


def question_line(index: int, record: dict, responses: Sequence[dict]) -> str:
    """A line of responses.jsonl."""
    kept = {name: record[name] for name in (*KEPT, *DOMAIN)}
    line = {"id": record["id"], "index": index, **kept, "responses": responses}
    return json.dumps(line) + "\n"


def claim(out: AnyPath, settings: dict, started: bool):
    """Writes sampling.json, or, once there are responses, checks that it says the same.

    Raises UserError where it doesn't.
    """
    path = out / SETTINGS
    if started and path.exists():
        there = read_json(path)
        paths = ("data",) if "endpoint" in there else ("model", "data")  # it names its model
        there |= {name: recorded(there[name]) for name in paths if name in there}
        changed = [
            f"{name}: {there.get(name)} there, {settings.get(name)} now"
            for name in sorted(there.keys() | settings.keys())
            if there.get(name) != settings.get(name)
        ]
        if changed:
            raise UserError(
                f"{out} holds responses of other settings ({'; '.join(changed)}): use its "
                "settings, or another --out."
            )
    else:
        replace_text(path, json.dumps(settings, indent=2) + "\n")


def part_name(process: int) -> str:
    """The file that a process writes, responses.jsonl or one of those that it is joined from."""
    return RESPONSES.replace(".", f"-{process}.") if process else RESPONSES


def parts(out: AnyPath) -> dict[str, dict[int, str]]:
    """What `complete_lines` finds in each such file, of however many processes, by its name."""
    pattern = part_name(1).replace("1", r"\d+")
    names = sorted(path.name for path in out.iterdir() if re.fullmatch(pattern, path.name))
    names += [RESPONSES] if (out / RESPONSES).exists() else []
    return {name: complete_lines(out / name) for name in names}


def join_parts(out: AnyPath, lines: Sequence[str]):
    """Writes responses.jsonl, and removes the others."""
    replace_text(out / RESPONSES, "".join(lines))
    for name in parts(out).keys() - {RESPONSES}:
        (out / name).unlink()


def complete_lines(path: AnyPath) -> dict[int, str]:
    """The complete lines of such a file by index, without what a kill left of a last one."""
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    lines = content[:end].decode().splitlines(keepends=True)
    try:
        return {json.loads(line)["index"]: line for line in lines}
    except (ValueError, KeyError):
        raise UserError(f"{path} holds a line that is no question: use another --out.") from None


def check_records(done: dict[int, str], asked: Sequence[int], split: Sequence[dict], out: AnyPath):
    """Raises UserError where a line is not of the record that is asked now."""
    places = frozenset(asked)
    for index, line in done.items():
        written = json.loads(line)["id"]
        if index not in places or split[index]["id"] != written:
            raise UserError(
                f"{out} holds responses to {written} at place {index}, which this command doesn't "
                "ask: use the data set they were sampled on, or another --out."
            )


# --------------------------------------------------------------------------------------- reading


def read_responses(directory: AnyPath) -> tuple[dict, list[dict]]:
    """(settings of sampling.json, lines of responses.jsonl, one a question).

    Raises UserError where there are none or they are not whole.
    """
    for name in (SETTINGS, RESPONSES):
        if not (directory / name).is_file():
            raise UserError(f"no {name} in {directory}: sample with `python -m c2l_jax.sample`.")
    settings = read_json(directory / SETTINGS)
    lines = (directory / RESPONSES).read_text().splitlines()
    try:
        questions = [json.loads(line) for line in lines]
    except ValueError:
        questions = []
    whole = [q for q in questions if len(q["responses"]) == settings["n"]]
    if not len(whole) == len(questions) == settings["questions"]:
        raise UserError(
            f"{directory / RESPONSES} is incomplete: {len(whole)} of {settings['questions']} "
            f"questions have {settings['n']} responses; give the command that wrote it again."
        )
    return settings, questions


def judged(questions: Iterable[dict]) -> list[dict]:
    """One mapping a response, with what its question's line says beside; see c2l_jax.accuracy."""
    return [
        {
            **{name: question[name] for name in KEPT},
            **{name: question.get(name, "") for name in DOMAIN},
            **response,
        }
        for question in questions
        for response in question["responses"]
    ]


def record_of(question: dict, split: Split, data: AnyPath) -> dict:
    """The record a question was made of. Raises UserError where the data set is another one."""
    index = question["index"]
    record = split[index] if index < len(split) else None
    if record is None or record["id"] != question["id"]:
        raise UserError(
            f"{data} has no record {question['id']} at place {index}: give --data the data set "
            "that the responses were sampled on."
        )
    return record
