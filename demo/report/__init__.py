"""One self-contained HTML page about a demo's run: no script, no font, nothing from outside.

`write_report(path, data)` takes
  title: str
  machine: str                    what it ran on, in words
  minutes: float                  minutes that all commands took
  settings: {name: value}         both text
  stages: [(name, summary), ...]  in order, e.g. ("before", …), ("SFT", …); summary as of
                                  c2l_jax.accuracy.summarise, every stage on the same questions
  blind: summary                  as of c2l_jax.accuracy.blind
  loss: [{"step", "loss", "accuracy", "seconds", "stage"}, ...]
                                  of SFT; accuracy: share of next tokens right, 0..1; seconds
                                  since start
  samples: [{"image": PNG bytes, "record": record, "responses": {stage name: judged}}, ...]
                                  record: game, task, qa_type, plot_level, question, options,
                                  answer, steps; judged: text, extracted (or None), correct
  seconds: {what: s}              of every command
  own: {"DPO": part, "GRPO": part}, what each did on the task that SFT half knows; a part has
    tasks: ["game/task", ...]
    stages, blind                 as above, on held-out questions of these tasks alone
    differences: {"DPO − SFT": …} as of c2l_jax.accuracy.paired_difference, on the same questions
    training: [{"step", "loss", ...}, ...]
                                  its metrics.jsonl
    fixed, broken: samples        right where SFT is wrong; the reverse
  and DPO's besides
    pairs: {name: count}          counts.json of c2l_jax.preferences
    rerank: {"curves", "questions"}
                                  of rerank.json
    credit: [{"image", "record", "responses": [line of rerank's scores.jsonl, ...]}, ...]
Of `samples` the stage after "before" is the one that is shown, others are folded.
"""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from c2l_jax.pages import document
from c2l_jax.pages.bars import differences
from c2l_jax.pages.parts import COLORS, percent, points
from demo.report.accuracy import accuracy_section, cards, task_bars
from demo.report.chains import changes_section, credit_section, samples_section
from demo.report.curves import (
    group_training,
    preference_training,
    rerank_section,
    training_section,
)


def write_report(path: Path, data: Mapping[str, Any]) -> None:
    """Writes the page; `data` as the module's docstring says."""
    colors = {name: COLORS[i % len(COLORS)] for i, (name, _) in enumerate(data["stages"])}
    dpo, grpo = data["own"]["DPO"], data["own"]["GRPO"]
    body = [
        _headline(data, colors),
        accuracy_section(data["stages"], data["blind"], colors),
        training_section(data["loss"]),
        _own_section("Learning from pairs of its own answers (DPO)", _pairs(dpo["pairs"]), dpo,
                     colors),
        preference_training(dpo["training"]),
        changes_section("DPO", dpo["fixed"], dpo["broken"]),
        rerank_section(dpo["rerank"]),
        credit_section(dpo["credit"]),
        _own_section("Learning from groups of its own answers (GRPO)", GROUPS, grpo, colors),
        group_training(grpo["training"]),
        changes_section("GRPO", grpo["fixed"], grpo["broken"]),
        samples_section(data["samples"], [name for name, _ in data["stages"]]),
        _seconds(data["seconds"]),
    ]  # fmt: skip
    page = document(data["title"], "".join(body))
    Path(path).write_text(page, encoding="utf-8")


def _headline(data: Mapping[str, Any], colors: Mapping[str, str]) -> str:
    settings = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in data["settings"].items()
    )
    return (
        f"<h1>{escape(data['title'])}</h1>\n"
        f'<p class="soft">{escape(data["machine"])} · {data["minutes"]:.1f} minutes</p>\n'
        f'<p class="lead">{_result(data["own"])}</p>\n'
        f"{cards(data['stages'], data['blind'], colors)}"
        '<p class="soft">Share of held-out questions of all tasks answered right. “Without the '
        "picture” gives each task’s most frequent answer every time.</p>\n"
        f"<details><summary>Settings</summary><dl>{settings}</dl></details>\n"
    )


def _result(own: Mapping[str, Any]) -> str:
    """What came of DPO and GRPO, in sentences."""
    gains, rivals = [], []
    for name, part in own.items():
        accuracy = {stage: of["overall"]["accuracy"] for stage, of in part["stages"]}
        found, more = (part["differences"][f"{stage} − SFT"] for stage in (name, "more SFT"))
        text = (
            f"{name} took the model from {percent(accuracy['SFT'])} to {percent(accuracy[name])} "
            f"on held-out questions of {escape(', '.join(part['tasks']))}: {points(found)}"
        )
        if found["low"] <= 0 <= found["high"]:
            text += ", a change that chance may explain"
        gains.append(f"{text}.")
        rivals.append(f"As many steps on the game’s own solutions: {points(more)}.")
    return " ".join([*gains, *dict.fromkeys(rivals)])  # where they are the same, once


GROUPS = (
    "The SFT model answers each question several times at a step, a rule says which answers are "
    "right, and those better than the others of their group become likelier. It never sees a "
    "solution; “more SFT” spends as many steps on those."
)


def _pairs(counts: Mapping[str, int]) -> str:
    return (
        f"The SFT model answered {counts['questions']:,} training questions several times each. "
        f"{counts['kept']:,} of them gave {counts['pairs']:,} pairs of a right and a wrong answer, "
        "which differ as little as there are. DPO makes the right one likelier from where they "
        "part. It never sees a solution from the game’s code; “more SFT” spends as many steps on "
        "those."
    )


def _own_section(title: str, text: str, part: Mapping[str, Any], colors: Mapping[str, str]) -> str:
    rows = [(name, summary, colors[name]) for name, summary in part["stages"]]
    rows.append(("without the picture", part["blind"], "var(--blind)"))
    return (
        f"<h2>{title}</h2>\n<p>{text}</p>\n{task_bars(rows, part['tasks'])}"
        "<h3>Difference on the same questions, in points</h3>\n"
        f"{differences(part['differences'])}"
    )


def _seconds(seconds: Mapping[str, float]) -> str:
    rows = "".join(
        f"<tr><th>{escape(what)}</th><td>{each:.0f}</td></tr>" for what, each in seconds.items()
    )
    return (
        '<h2>Where the time went</h2>\n<figure class="card scroll"><table>'
        f"<tr><th>command</th><th>seconds</th></tr>{rows}</table></figure>\n"
    )
