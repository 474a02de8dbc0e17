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
  preference: {
    tasks: ["game/task", ...]     what preferences are about
    stages, blind                 as above, on held-out questions of these tasks alone
    differences: {"DPO − SFT": …} as of c2l_jax.accuracy.paired_difference, on the same questions
    pairs: {name: count}          counts.json of c2l_jax.preferences
    training: [{"step", "loss", "rewards/margin", ...}, ...]
                                  metrics.jsonl of the DPO run
    rerank: {"curves", "questions"}
                                  of rerank.json
    fixed, broken: samples        whose last stage is right where the first is wrong; the reverse
    credit: [{"image", "record", "responses": [line of rerank's scores.jsonl, ...]}, ...]
  }
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
from demo.report.curves import preference_training, rerank_section, training_section


def write_report(path: Path, data: Mapping[str, Any]) -> None:
    """Writes the page; `data` as the module's docstring says."""
    colors = {name: COLORS[i % len(COLORS)] for i, (name, _) in enumerate(data["stages"])}
    preference = data["preference"]
    body = [
        _headline(data, colors),
        _preference_section(preference, colors),
        accuracy_section(data["stages"], data["blind"], colors),
        training_section(data["loss"]),
        preference_training(preference["training"]),
        rerank_section(preference["rerank"]),
        changes_section(preference["fixed"], preference["broken"]),
        credit_section(preference["credit"]),
        samples_section(data["samples"], [name for name, _ in data["stages"]]),
    ]
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
        f'<p class="lead">{_result(data["preference"])}</p>\n'
        f"{cards(data['stages'], data['blind'], colors)}"
        '<p class="soft">Share of held-out questions of all tasks answered right. “Without the '
        "picture” gives each task’s most frequent answer every time.</p>\n"
        f"<details><summary>Settings</summary><dl>{settings}</dl></details>\n"
    )


def _result(preference: Mapping[str, Any]) -> str:
    """What came of preferences, in sentences."""
    accuracy = {name: summary["overall"]["accuracy"] for name, summary in preference["stages"]}
    (first, before), *_, (last, after) = accuracy.items()
    found = preference["differences"]
    tasks = escape(", ".join(preference["tasks"]))
    dpo, more = found[f"{last} − {first}"], found.get(f"more SFT − {first}")
    text = (
        f"Learning from its own right and wrong answers took the model from {percent(before)} to "
        f"{percent(after)} on held-out questions of {tasks}: {points(dpo)}"
    )
    if dpo["low"] <= 0 <= dpo["high"]:
        text += ", a change that chance may explain"
    if more:
        text += f". As many steps of more SFT, on the game’s own solutions, gave {points(more)}"
    return text + "."


def _preference_section(preference: Mapping[str, Any], colors: Mapping[str, str]) -> str:
    pairs = preference["pairs"]
    counts = (
        f"The SFT model answered {pairs['questions']:,} training questions several times each. "
        f"{pairs['kept']:,} of them gave {pairs['pairs']:,} pairs of a right and a wrong answer; "
        f"too easy (nearly all answers right): {pairs['too easy']:,}, too hard: "
        f"{pairs['too hard']:,}."
    )
    rows = [(name, summary, colors[name]) for name, summary in preference["stages"]]
    rows.append(("without the picture", preference["blind"], "var(--blind)"))
    return (
        "<h2>What preferences are worth</h2>\n"
        f"<p>{counts} DPO makes the right ones likelier than the wrong ones, and here likelier in "
        "themselves too: their likelihood is a part of its loss (see the settings), and "
        "benchmarks.preference_gain tells what either part is worth. It never sees a solution "
        "from the game’s code; “more SFT” spends as many steps on those.</p>\n"
        f"{task_bars(rows, preference['tasks'])}"
        "<h3>Difference on the same questions, in points</h3>\n"
        f"{differences(preference['differences'])}"
    )
