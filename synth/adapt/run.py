"""From somebody's source to a game and its solver, written by a model and checked."""

import contextlib
import json
import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from endpoint import BudgetEnded, Endpoint, GaveOut
from records.errors import UserError, printable
from records.paths import output_folder, read_json, replace_text
from synth.adapt import REPLY_TOKENS, checks, page, prompts, reading
from synth.adapt.faults import GAME, ORACLE, PLAN
from synth.adapt.store import FOLDERS, Turns
from synth.adapt.turns import PASSED, Settings, Work
from synth.locked import opening
from synth.locked.process import Failed

TIMEOUT = 900.0  # seconds for one reply: a whole file, which is not streamed
PLANNED, NO_PLAN, BUDGET, GAVE_OUT = "planned", "no plan", "budget ended", "endpoint gave out"
EXITS = {PASSED: 0, PLANNED: 0, GAVE_OUT: 3}  # all others 1


def adapt(
    source: Path,
    out: Path,
    llm: str,
    model: str,
    *,
    turns: int = 8,
    min_tasks: int = 3,
    oracle_llm: tuple[str, str] | None = None,
    reply_tokens: int = REPLY_TOKENS,
    budgets: dict | None = None,
    how: checks.Settings | None = None,
    plan_only: bool = False,
    max_wait: float = 600.0,
    say: Callable[[str], None] = print,
) -> str:
    """Has a model write a game and a solver, and checks both; returns what became of it.

    budgets: what `endpoint.Endpoint` takes as max_requests, max_tokens, price and max_cost, for
    each server. how: the checks are done. Raises UserError for a source, folder, server or sandbox
    that can't be used. A run that was killed goes on.
    """
    read = reading.read(source)
    settings = {
        "source sha256": read.sha256,
        "llm": [llm, model],
        "oracle llm": list(oracle_llm or (llm, model)),
        "min tasks": min_tasks,
        "reply tokens": reply_tokens,
        "prompts": prompts.digests(),
    }
    output_folder(out)
    told = {"verdict": "under way", "settings": settings, "source": read.about()}
    _begin(out, told)
    how = how or checks.Settings()
    with opening.locked_in(how.sandbox, [], {}) as locked:
        told["sandbox"] = locked
    say(locked)
    if read.licence is None:
        say("no licence line was found in the source: ask its author before you publish anything")
    for name in read.left_out:
        say(f"left out, as it is no text or too long: {name}")
    with contextlib.ExitStack() as open_ones:
        cache = {"cache": out / "cache.sqlite", "timeout": TIMEOUT, "max_wait": max_wait}
        ask = open_ones.enter_context(Endpoint(llm, model, **cache, **budgets or {}))
        other = ask
        if oracle_llm:
            other = open_ones.enter_context(Endpoint(*oracle_llm, **cache, **budgets or {}))
        endpoints = {PLAN: ask, GAME: ask, ORACLE: other}
        kept = Turns(out / "turns", reply_tokens)
        work = Work(read, kept, endpoints, Settings(turns, min_tasks, how), say)
        outcome = _outcome(work, plan_only, say)
    _write(out, told, work, outcome, how)
    return outcome


def _begin(out: Path, told: dict) -> None:
    """Raises UserError where another run is kept there."""
    file = out / "adapt.json"
    if file.exists():
        before = read_json(file).get("settings", {})
        if changed := [key for key, value in told["settings"].items() if before.get(key) != value]:
            raise UserError(
                f"{out} keeps a run with another {', '.join(changed)}: choose another --out."
            )
    elif (out / "turns").exists():
        raise UserError(f"{out} has turns and no adapt.json: choose another --out.")
    else:
        replace_text(file, json.dumps(told, indent=2) + "\n")


def _outcome(work: Work, plan_only: bool, say: Callable[[str], None]) -> str:
    try:
        if not work.make_plan():
            return NO_PLAN
        say(json.dumps(work.plan, indent=2, ensure_ascii=False))
        return PLANNED if plan_only else work.make_game()
    except BudgetEnded as error:
        say(str(error))
        return BUDGET
    except GaveOut as error:
        say(str(error))
        return GAVE_OUT


def _write(out: Path, told: dict, work: Work, outcome: str, settings: checks.Settings) -> None:
    """The report, and for a game that passed its files."""
    turns = work.turns.all
    models = dict.fromkeys(turn.model for turn in turns if turn.model)
    told |= {
        "verdict": outcome,
        "plan": work.plan,
        "dropped": work.dropped,
        "models": list(models),
        "tokens": sum(turn.tokens for turn in turns),
        "best": f"turns/{work.best[1].number:02}" if work.best else None,
        "turns": [
            {
                "turn": turn.number,
                "asked for": turn.who,
                "tokens": turn.tokens,
                "faults": [[*fault.kind, fault.reason] for fault in turn.faults or []],
                "passed": turn.report.passed if turn.report else [],
            }
            for turn in turns
        ],
        "checked": work.best[1].report.counts if work.best else {},
        "versions": _versions(),
    }
    about, records = None, []
    if work.best:
        files = work.best[2]
        with contextlib.suppress(Failed):
            about, records = checks.samples(work.plan["name"], files[GAME], settings, 1, 448)
        if outcome == PASSED:
            for who in (ORACLE, GAME):  # the game last: where it is, its solver is, too
                path = out / FOLDERS[who] / f"{work.plan['name']}.py"
                path.parent.mkdir(exist_ok=True)
                replace_text(path, _header(told) + files[who])
    replace_text(out / "report.html", page.page(told, turns, about, records))
    replace_text(out / "adapt.json", json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def _header(told: dict) -> str:
    source, models = told["source"], printable(", ".join(told["models"]) or "a model", 200)
    return (
        f"# Written by {models}, from {source['name']} (sha256 "
        f"{source['sha256'][:16]}).\n# It passed the checks of `synth adapt`; nobody has read it.\n"
    )


def _versions() -> dict[str, str]:
    names = ("c2l-jax", "numpy", "pillow", "scikit-learn")
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in names}
