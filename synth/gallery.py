"""All tasks at all levels on one page, to be looked through and searched without a server."""

import base64
import itertools
import re
from collections.abc import Iterable, Sequence
from html import escape
from string import ascii_uppercase as LETTERS

from synth import registry
from synth.engine import About
from synth.game import CATEGORIES, LEVELS, QA_TYPES

# What can be chosen by, broad ones first: a field of the records, its name in the page, its plural.
_FILTERS = (
    ("category", "category", "categories"),
    ("game", "game", "games"),
    ("qa_type", "kind", "kinds"),
    ("task", "task", "tasks"),
    ("plot_level", "level", "levels"),
)
_ORDERED = (*CATEGORIES, *QA_TYPES, *LEVELS)

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #fff; --ink: #1d2329; --soft: #5d6873; --line: #dfe1e3;
  --right: #1d7a46; --right-paper: #e9f4ed; --accent: #2867b2;
}
@media (prefers-color-scheme: dark) { :root {
  --paper: #14181c; --card: #1b2026; --ink: #e6e9ec; --soft: #9aa5b0; --line: #323a42;
  --right: #6cc795; --right-paper: #1d3227; --accent: #6ba3e8;
} }
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
header, main { max-width: 1160px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 32px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 22px; line-height: 1.3; margin: 44px 0 4px; }
h3 { font-size: 16px; margin: 24px 0 8px; }
h2 small, h3 small { color: var(--soft); font-size: 13px; font-weight: 400; margin-left: 8px; }
p { margin: 0 0 10px; }
.soft { color: var(--soft); max-width: 80ch; }
form {
  position: sticky; top: 0; z-index: 1; background: var(--paper);
  border-bottom: 1px solid var(--line);
}
form div {
  max-width: 1160px; margin: 0 auto; padding: 10px 20px;
  display: flex; flex-wrap: wrap; gap: 8px; align-items: center;
}
input, select {
  font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; padding: 6px 10px; min-width: 0;
}
input { flex: 1 1 220px; } select { flex: 1 1 120px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
output { color: var(--soft); font-size: 14px; white-space: nowrap; margin-left: auto; }
.levels {
  display: grid; gap: 14px; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr));
}
article {
  background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px;
  content-visibility: auto; contain-intrinsic-size: auto 640px;
}
article h4 { margin: 0 0 8px; font-size: 14px; color: var(--soft); font-weight: 600; }
img { display: block; width: 100%; aspect-ratio: 1; background: #fff; border-radius: 4px;
  border: 1px solid var(--line); margin-bottom: 10px; }
.question { white-space: pre-wrap; }
.options { list-style: none; margin: 0 0 12px; padding: 0; display: flex; flex-wrap: wrap;
  gap: 5px; font-size: 14px; }
.options li { padding: 1px 8px; border: 1px solid var(--line); border-radius: 4px; }
.options b { color: var(--soft); margin-right: 6px; font-weight: 600; }
.options .right { border-color: var(--right); background: var(--right-paper); }
.options .right b { color: var(--right); }
.steps { margin: 0 0 12px; padding-left: 22px; font-size: 14px; }
.steps li::marker { color: var(--soft); }
.answer { margin: 0 0 8px; } .answer b { color: var(--right); }
code { font: 0.93em ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  white-space: nowrap; }
summary { cursor: pointer; color: var(--soft); font-size: 13.5px; }
pre { margin: 6px 0 0; white-space: pre-wrap;
  font: 12.5px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
[hidden] { display: none !important; }
footer { height: 60px; }
@media (max-width: 640px) {
  header { padding-top: 20px; } h1 { font-size: 25px; }
  header, main { padding-left: 14px; padding-right: 14px; }
  form { position: static; } input { flex-basis: 100%; } form div { padding: 8px 14px; }
}
"""

_SCRIPT = """
const form = document.querySelector("form"), shown = form.querySelector("output");
const cards = [...document.querySelectorAll("article")].map(
  (node) => ({ node, data: node.dataset, text: node.textContent.toLowerCase() }));
const holders = [...document.querySelectorAll(".task")].concat(
  [...document.querySelectorAll(".game")]);
const filters = [...form.querySelectorAll("select")];  // the broad ones come first
const choices = filters.map((select) => [...select.options]);
const passes = (data, some) => some.every(({ name, value }) => !value || data[name] === value);
// Offers what there is under the broader filters. Others are taken out, as not every browser
// hides options.
function narrow(select, at) {
  const broader = filters.slice(0, at), chosen = select.value;
  const found = new Set(
    cards.filter(({ data }) => passes(data, broader)).map(({ data }) => data[select.name]));
  select.replaceChildren(...choices[at].filter(({ value }) => !value || found.has(value)));
  select.value = found.has(chosen) ? chosen : "";
}
function show() {
  filters.forEach(narrow);
  const wanted = form.words.value.toLowerCase().split(/\\s+/);
  let count = 0;
  for (const { node, data, text } of cards) {
    node.hidden = !passes(data, filters) || !wanted.every((word) => text.includes(word));
    count += !node.hidden;
  }
  for (const node of holders) node.hidden = !node.querySelector("article:not([hidden])");
  shown.value = `${count} of ${cards.length} questions`;
}
// The address holds what is chosen, so that it can be kept and sent.
function load() {
  const chosen = new URLSearchParams(location.hash.slice(1));
  filters.forEach((select, at) => select.replaceChildren(...choices[at]));
  for (const field of [form.words, ...filters]) field.value = chosen.get(field.name) ?? "";
  show();
}
form.addEventListener("input", () => {
  show();
  const chosen = [...new FormData(form)].filter(([, value]) => value);
  history.replaceState(null, "", `#${new URLSearchParams(chosen)}`);
});
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", load);
load();
"""


def page(records: Iterable[dict]) -> str:
    """A self-contained HTML page.

    records: of `records.make_record`; those of a game, and in it of a task, one after the other.
    """
    records = list(records)
    by_game = [(name, list(some)) for name, some in _grouped(records, "game")]
    n_tasks = sum(len(list(_grouped(some, "task"))) for _, some in by_game)
    sections = "".join(section(registry.engine(name).about(), some) for name, some in by_game)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Questions about games</title><style>{STYLE}</style></head>\n<body>\n"
        "<header><h1>Questions about games</h1>"
        f'<p class="soft">{len(by_game)} games, {n_tasks} tasks, {len(records)} questions: each '
        "with its picture, the right answer and the steps that lead to it.</p></header>\n"
        f"{_form(records)}\n<main>\n{sections}</main><footer></footer>\n"
        f"<script>{_SCRIPT}</script></body></html>\n"
    )


def _grouped(records: Iterable[dict], key: str):
    return itertools.groupby(records, key=lambda record: record[key])


def _form(records: Sequence[dict]) -> str:
    selects = "".join(
        f'<select name="{name}" aria-label="{name.capitalize()}">'
        f'<option value="">all {plural}</option>{_choices(record[field] for record in records)}'
        "</select>"
        for field, name, plural in _FILTERS
    )
    return (
        '<form autocomplete="off"><div>'
        '<input type="search" name="words" placeholder="Search the text" aria-label="Search">'
        f"{selects}<output></output></div></form>"
    )


def _choices(values: Iterable[str]) -> str:
    """In their own order, or else by name."""
    there = set(values)
    ranked = [text for text in _ORDERED if text in there] or sorted(there)
    return "".join(f"<option>{escape(text)}</option>" for text in ranked)


def section(game: About, records: Sequence[dict]) -> str:
    """A game's part of a page that has STYLE."""
    tasks = []
    for name, some in _grouped(records, "task"):
        task = game.task(name)
        kind = f"{task.n_options} options" if task.n_options else "fill in"
        about = f"{task.qa_type} · {task.qa_level} · {kind}"
        cards = "".join(map(_card, some))
        tasks.append(
            f'<div class="task"><h3>{escape(name)}<small>{escape(about)}</small></h3>'
            f'<div class="levels">{cards}</div></div>\n'
        )
    return (
        f'<section class="game"><h2>{escape(game.name)}<small>{escape(game.category)}</small></h2>'
        f'<p class="soft">{escape(game.rules)}</p>\n{"".join(tasks)}</section>\n'
    )


def _text(plain: str) -> str:
    """HTML in which rows of marks, as "-##-", are not broken into lines."""
    return re.sub(r"[#o./-]{2,}", r"<code>\g<0></code>", escape(plain))


def _card(record: dict) -> str:
    name, task, level = (escape(record[key]) for key in ("game", "task", "plot_level"))
    data = " ".join(f'data-{key}="{escape(record[field])}"' for field, key, _ in _FILTERS)
    picture = base64.b64encode(record["image"]).decode()
    question = record["question"].split("\n\n", 1)[1]
    options = "".join(
        f"<li{' class=right' if letter == record['answer'] else ''}><b>{letter}</b>"
        f"{escape(option)}</li>"
        for letter, option in zip(LETTERS, record["options"], strict=False)
    )
    steps = "".join(f"<li>{_text(step)}</li>" for step in record["steps"])
    return (
        f"<article {data}>"
        f"<h4>{name} / {task} · {level}</h4>"
        f'<img loading="lazy" alt="{name}, {level}" src="data:image/png;base64,{picture}">'
        f'<p class="question">{_text(question)}</p>'
        + (f'<ol class="options">{options}</ol>' if options else "")
        + f'<ol class="steps">{steps}</ol>'
        f'<p class="answer">Answer: <b>{escape(record["answer"])}</b></p>'
        f"<details><summary>The picture in words</summary>"
        f"<pre>{escape(record['description'])}</pre></details></article>\n"
    )
