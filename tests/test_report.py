import base64
import io
import math
from html.parser import HTMLParser

import pytest
from PIL import Image

from c2l_jax.scores import blind, summarise
from demo.report import write_report

ATTACK = '<script>alert("x")</script> & \'"> </pre>'
VOID = {"meta", "br", "img", "rect", "line", "polyline"}


class Page(HTMLParser):
    """Fails on unbalanced tags; collects the tags with their attributes and the text."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.text = [], [], ""
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def attributes(self, tag):
        return [attributes for each, attributes in self.tags if each == tag]


def picture(color):
    file = io.BytesIO()
    Image.new("RGB", (20, 20), color).save(file, "PNG")
    return file.getvalue()


def make_data(stages=("before", "SFT")):
    records = [
        {"game": "maze", "task": "turn_count", "options": [], "answer": "7"},
        {"game": "maze", "task": "goal_position", "options": ["(1, 2)", ATTACK], "answer": "B"},
    ]
    records = [
        {
            "qa_type": "Target Perception", "qa_level": "Easy", "plot_level": "Hard",
            "question": f"Where? {ATTACK}", "steps": ["One.", ATTACK], **record,
        }
        for record in records * 5
    ]  # fmt: skip
    judged = {
        name: [
            {"response": f"{name} says {ATTACK}", "extracted": ATTACK, "correct": i % 5 < rank + 1}
            for i in range(len(records))
        ]
        for rank, name in enumerate(stages)
    }
    return {
        "title": f"Title {ATTACK}",
        "machine": "2 cores",
        "minutes": 3.25,
        "settings": {"model": ATTACK},
        "stages": [
            (name, summarise([r | j for r, j in zip(records, judged[name], strict=True)]))
            for name in stages
        ],
        "blind": blind(records, records),
        "loss": [
            {"step": 10 * i, "loss": 3 / i, "accuracy": 1 - 1 / i, "seconds": 60.0 * i}
            for i in range(1, 9)
        ],
        "samples": [
            {
                "image": picture(color),
                "record": records[i],
                "responses": {name: judged[name][i] for name in stages},
            }
            for i, color in enumerate(["red", "blue"])
        ],
    }


@pytest.fixture(scope="module", params=[("before", "SFT"), ("before", "SFT", "DPO")], ids=len)
def built(request, tmp_path_factory):
    data = make_data(request.param)
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, data)
    return data, path.read_text(encoding="utf-8")


def test_page_is_well_formed_and_whatever_the_model_wrote_stays_text(built):
    data, source = built
    page = Page(source)  # asserts balanced tags
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<script" not in source
    for stage in data["samples"][0]["responses"]:
        assert page.text.count(f"{stage} says {ATTACK}") == len(data["samples"])


def test_page_needs_nothing_from_outside(built):
    _, source = built
    page = Page(source)
    assert not {"link", "iframe", "object", "base"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not {"href", "srcset", "xlink:href", "data"} & set(attributes)
        assert attributes.get("src", "data:").startswith("data:")
    assert "url(" not in source
    assert "@import" not in source


def test_pictures_arrive_unchanged(built):
    data, source = built
    sources = [attributes["src"] for attributes in Page(source).attributes("img")]
    head = "data:image/png;base64,"
    assert [base64.b64decode(each.removeprefix(head)) for each in sources] == [
        sample["image"] for sample in data["samples"]
    ]


def test_bars_and_figures_tell_the_summaries(built):
    data, source = built
    page = Page(source)
    widths = [rect["width"] for rect in page.attributes("rect") if "style" in rect]
    summaries = [summary for _, summary in data["stages"]] + [data["blind"]]
    expected = []
    for group, name in [("by_game", "maze"), ("by_task", "maze/turn_count"),
                        ("by_task", "maze/goal_position")]:  # fmt: skip
        expected += [summary[group][name] for summary in summaries]
    assert widths == [f"{100 * cell['accuracy']:.2f}%" for cell in expected]
    for cell in expected:
        assert f"({100 * cell['low']:.1f} – {100 * cell['high']:.1f})" in page.text
    for summary in summaries:
        assert f"{100 * summary['overall']['accuracy']:.1f} %" in page.text


def test_curves_show_every_row_inside_the_frame_and_loss_falls(built):
    data, source = built
    page = Page(source)
    charts = [svg["viewbox"].split() for svg in page.attributes("svg") if "viewbox" in svg]
    curves = [
        [tuple(map(float, point.split(","))) for point in line["points"].split()]
        for line in page.attributes("polyline")
    ]
    assert len(charts) == len(curves) == 2
    for (_, _, width, height), points in zip(charts, curves, strict=True):
        assert len(points) == len(data["loss"])
        assert all(0 <= x <= float(width) and 0 <= y <= float(height) for x, y in points)
    loss, accuracy = curves  # y points down in SVG
    assert loss == sorted(loss)
    assert [y for _, y in accuracy] == sorted((y for _, y in accuracy), reverse=True)


def test_right_options_are_marked_and_unanswered_is_said(tmp_path):
    data = make_data()
    data["samples"][0]["responses"]["SFT"] = {"response": "", "extracted": None, "correct": False}
    write_report(tmp_path / "page.html", data)
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    marked = [each for each in page.attributes("li") if each.get("class") == "key-answer"]
    assert len(marked) == len(data["samples"])
    assert "✓7" in page.text
    assert f"✓ B{ATTACK}" in page.text
    assert "SFT: ✗ no answer" in page.text


def test_a_run_of_one_step_has_a_page_too(tmp_path):
    data = make_data() | {"loss": [{"step": 0, "loss": 0.0, "accuracy": 0.0, "seconds": 0.0}]}
    write_report(tmp_path / "page.html", data)
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    for line in page.attributes("polyline"):
        assert all(math.isfinite(float(value)) for value in line["points"].split(","))
