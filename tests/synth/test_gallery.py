"""The gallery shows every task at every level and needs nothing but itself."""

import base64
import re
from html import unescape

import pytest

from synth.__main__ import main
from synth.game import CATEGORIES, LEVELS, QA_TYPES
from synth.records import make_record
from tests.synth.sampling import TASKS


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    out = tmp_path_factory.mktemp("gallery") / "new" / "gallery.html"
    assert main(["gallery", "--out", str(out), "--size", "112", "--seed", "3"]) == 0
    return out.read_text(encoding="utf-8")


def test_every_task_is_there_at_every_level(page):
    cards = re.findall(r"<article .*?</article>", page, re.DOTALL)
    names = [(game, task, level) for game, task in TASKS for level in LEVELS]
    assert len(cards) == len(names) and f"{len(names)} questions" in page
    for card, (game, task, level) in zip(cards, names, strict=True):
        record = make_record(game, task, level, 3, 0, 112)
        filters = {
            "category": record["category"],
            "game": game,
            "kind": record["qa_type"],
            "task": task,
            "level": level,
        }
        assert all(f' data-{key}="{value}"' in card for key, value in filters.items())
        (picture,) = re.findall(r'src="data:image/png;base64,([^"]+)"', card)
        assert base64.b64decode(picture) == record["image"]
        marked = re.findall(r"<li class=right><b>(\w)</b>", card)
        assert marked == ([record["answer"]] if record["options"] else [])
        text = unescape(re.sub(r"<[^>]*>", "\n", re.sub("</?code>", "", card)))
        for shown in (*record["options"], *record["steps"], record["answer"]):
            assert f"\n{shown}\n" in text
        assert record["question"].split("\n\n", 1)[1] in text and record["description"] in text


def test_nothing_comes_from_outside(page):
    markup = re.sub(r'src="data:image/png;base64,[^"]+"', "", page)
    assert not re.search(r"src=|href=|https?:|url\(|@import|<link|fetch\(", markup)
    assert page.count("<script>") == page.count("<style>") == 1


def test_one_game_only(tmp_path):
    out = tmp_path / "maze.html"
    assert main(["gallery", "--out", str(out), "--games", "maze", "--size", "56"]) == 0
    found = re.findall(r'data-game="(\w+)" data-kind', out.read_text(encoding="utf-8"))
    assert set(found) == {"maze"} and len(found) == 18


def test_filters_offer_what_there_is_in_its_order(page):
    selects = dict(re.findall(r'<select name="(\w+)".*?>(.*?)</select>', page))
    offered = {
        name: re.findall(r"<option>([^<]*)</option>", options) for name, options in selects.items()
    }
    assert list(offered) == ["category", "game", "kind", "task", "level"]
    for name, values in offered.items():
        assert set(values) == set(re.findall(rf'<article [^>]*data-{name}="([^"]*)"', page))
    assert offered["level"] == list(LEVELS) and offered["task"] == sorted(offered["task"])
    assert offered["category"] == list(CATEGORIES) and offered["kind"] == list(QA_TYPES)
