"""Everything that was asked and answered, a folder for each turn: nothing is paid for twice."""

import dataclasses
import json
from pathlib import Path

from endpoint import Endpoint
from records.errors import UserError
from records.paths import read_json, replace_text
from synth.adapt.checks import Report
from synth.adapt.faults import GAME, ORACLE, Fault

FOLDERS = {GAME: "", ORACLE: "oracles/"}  # where a file of each lies


@dataclasses.dataclass
class Turn:
    """One request and what became of it.

    failure: of the reply, as the endpoint tells. report: of the checks that followed, None where
    none did; faults: what is wrong, whoever found it.
    """

    folder: Path
    number: int
    who: str
    text: str
    failure: str | None
    model: str | None
    tokens: int
    faults: list[Fault] | None = None  # None: not looked at yet
    report: Report | None = None

    def keep_files(self, name: str, files: dict[str, str]) -> None:
        for who, text in files.items():
            path = self.folder / "files" / FOLDERS[who] / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_text(path, text)

    def keep_faults(self, faults: list[Fault], report: Report | None = None) -> None:
        """What was found; from then on the turn is not looked at again."""
        self.faults, self.report = faults, report
        kept = {"faults": [dataclasses.asdict(fault) for fault in faults], "checks": None}
        if report:
            kept["checks"] = dataclasses.asdict(report) | {"faults": len(faults)}
        replace_text(self.folder / "faults.json", json.dumps(kept, indent=1) + "\n")


class Turns:
    """The turns of a run, asked anew or read again."""

    def __init__(self, folder: Path, reply_tokens: int):
        self._folder, self._reply_tokens = folder, reply_tokens
        self.all: list[Turn] = []

    def ask(self, who: str, endpoint: Endpoint, messages) -> Turn:
        """The next turn. messages: a function that makes them, called where they are not kept."""
        number = len(self.all) + 1
        folder = self._folder / f"{number:02}"
        if not (folder / "reply.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            prompt = folder / "prompt.json"
            if not prompt.exists():
                replace_text(prompt, json.dumps({"who": who, "messages": messages()}, indent=1))
            reply = endpoint.ask(
                read_json(prompt)["messages"], sample=number, max_tokens=self._reply_tokens
            )
            _keep_reply(folder, reply)
        turn = _read(folder, number, who)
        self.all.append(turn)
        return turn


def _keep_reply(folder: Path, reply) -> None:
    if reply.failure == "no reply":
        raise UserError(
            f"the server does not take the request ({reply.raw}): has the model room for the "
            "prompt and for --reply-tokens?"
        )
    text = (reply.text or "").encode(errors="replace").decode()
    replace_text(folder / "reply.txt", text)
    about = {"text": text, "failure": reply.failure, "finish": reply.finish, "model": reply.model}
    about |= {"prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens}
    replace_text(folder / "reply.json", json.dumps(about))


def _read(folder: Path, number: int, who: str) -> Turn:
    if (asked := read_json(folder / "prompt.json")["who"]) != who:
        raise UserError(
            f"{folder} asked for a {asked}, and now a {who} is asked for: it was made by another "
            "version; choose another --out."
        )
    about = read_json(folder / "reply.json")
    tokens = about["prompt_tokens"] + about["completion_tokens"]
    turn = Turn(folder, number, who, about["text"], about["failure"], about["model"], tokens)
    if (folder / "faults.json").exists():
        kept = read_json(folder / "faults.json")
        turn.faults = [Fault(**fault) for fault in kept["faults"]]
        if kept["checks"]:
            turn.report = Report(**kept["checks"] | {"faults": turn.faults})
    return turn
