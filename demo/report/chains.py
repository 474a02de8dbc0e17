"""Chains of reasoning with their questions: samples, what DPO changed, and token credit."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from c2l_jax.credit import credit_html, legend_html, shared_scale
from c2l_jax.pages.parts import question, side_by_side, solution, verdict

Sample = Mapping[str, Any]


def samples_section(samples: Sequence[Sample], stages: Sequence[str]) -> str:
    """What one stage wrote, others folded."""
    shown = stages[1] if len(stages) > 1 else stages[0]
    cards = "".join(_sample(sample, shown) for sample in samples)
    return (
        "<h2>Samples</h2>\n"
        f"<p>What the model wrote at the stage “{escape(shown)}”, word for word: of each task a "
        "question that it answers right and one that it answers wrong, if there are any. The right "
        f"option is marked.</p>\n{cards}"
    )


def _sample(sample: Sample, shown: str) -> str:
    head, asked = question(sample)
    judged = sample["responses"][shown]
    folded = "".join(
        f"<details><summary>{escape(name)}: {verdict(other)}</summary>"
        f"<pre>{escape(other['text'])}</pre></details>"
        for name, other in sample["responses"].items()
        if name != shown
    )
    return (
        f'<article class="card sample">{head}<div>{asked}'
        f'<p class="verdict">{escape(shown)}: {verdict(judged)}</p>'
        f"<pre>{escape(judged['text'])}</pre>{folded}{solution(sample['record']['steps'])}</div></article>\n"
    )


# --------------------------------------------------------------------------------- fixed, broken


def changes_section(stage: str, fixed: Sequence[Sample], broken: Sequence[Sample]) -> str:
    """Chains side by side, before and after a stage."""
    text = (
        f"<h3>Chains that {escape(stage)} changed</h3>\n<p>The first held-out questions that only "
        "one of the two models answers right. Lines that the other one does not have are "
        "marked.</p>\n"
    )
    for title, samples in (("Fixed", fixed), ("Broken", broken)):
        cards = "".join(_change(sample) for sample in samples)
        text += f"<h3>{title}</h3>\n" + (cards or '<p class="soft">None.</p>\n')
    return text


def _change(sample: Sample) -> str:
    head, asked = question(sample)
    return (
        f'<article class="card sample">{head}<div>{asked}{side_by_side(sample["responses"])}'
        f"{solution(sample['record']['steps'])}</div></article>\n"
    )


# ---------------------------------------------------------------------------------- token credit


def credit_section(samples: Sequence[Mapping[str, Any]]) -> str:
    """Answers of the SFT model, coloured by what DPO has made of each token."""
    ratios = [response["log_ratios"] for sample in samples for response in sample["responses"]]
    scale = shared_scale(ratios)
    cards = "".join(_credit(sample, scale) for sample in samples)
    legend = f'<p class="legend">{legend_html(scale)}</p>' if samples else ""
    return (
        "<h2>Where a chain goes wrong</h2>\n"
        "<p>A right and a wrong answer to the same question, both by the SFT model. Green: DPO has "
        "made the token likelier; red: less likely. The first strong red of a wrong chain is where "
        "DPO holds that it goes wrong, though it was only told which final answers are right.</p>\n"
        + legend
        + (cards or '<p class="soft">No question had both.</p>\n')
    )


def _credit(sample: Mapping[str, Any], scale: float) -> str:
    head, asked = question(sample)
    chains = ""
    for response in sample["responses"]:
        colored = credit_html(response["tokens"], response["log_ratios"], scale)
        chains += (
            f'<div><p class="verdict">{verdict(response)} · score {response["score"]:+.2f}</p>'
            f"<pre>{colored}</pre></div>"
        )
    return (
        f'<article class="card sample">{head}<div>{asked}<div class="chains">{chains}</div>'
        "</div></article>\n"
    )
