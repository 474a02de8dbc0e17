import base64
import io
import math

import pytest
from PIL import Image

from c2l_jax.accuracy import blind, paired_difference, summarise
from demo.report import write_report
from tests.pages import Page

ATTACK = '<script>alert("x")</script> & \'"> </pre>'
STAGES = ("before", "SFT", "more SFT", "DPO")


def picture(color):
    file = io.BytesIO()
    Image.new("RGB", (20, 20), color).save(file, "PNG")
    return file.getvalue()


def make_data():
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
            {
                "text": f"[{name}] says {ATTACK}",
                "extracted": ATTACK,
                "correct": i % 5 < rank + 1,
            }
            for i in range(len(records))
        ]
        for rank, name in enumerate(STAGES)
    }
    samples = [
        {
            "image": picture(color),
            "record": records[i],
            "responses": {name: judged[name][i] for name in STAGES},
        }
        for i, color in enumerate(["red", "blue"])
    ]
    stages = [
        (name, summarise([r | j for r, j in zip(records, judged[name], strict=True)]))
        for name in STAGES
    ]
    return {
        "title": f"Title {ATTACK}",
        "machine": "2 cores",
        "minutes": 3.25,
        "settings": {"model": ATTACK},
        "stages": stages,
        "blind": blind(records, records),
        "loss": [
            {
                "step": 10 * i, "loss": 3 / i, "accuracy": 1 - 1 / i, "seconds": 60.0 * i,
                "stage": "read" if i < 4 else ATTACK,
            }
            for i in range(1, 9)
        ],
        "samples": samples,
        "preference": make_preference(records, judged, stages, samples),
    }  # fmt: skip


def make_preference(records, judged, stages, samples):
    correct = {name: [row["correct"] for row in judged[name]] for name in STAGES}
    compared = [("DPO", "SFT"), ("more SFT", "SFT"), ("DPO", "more SFT")]
    point = {"accuracy": 0.5, "low": 0.4, "high": 0.6}
    methods = ("single", "majority", "best", "weighted", "oracle")
    response = {"extracted": ATTACK, "score": -1.5, "tokens": ["fine ", ATTACK, "<|im_end|>"]}
    changed = [
        sample | {"responses": {name: sample["responses"][name] for name in ("SFT", "DPO")}}
        for sample in samples
    ]
    return {
        "tasks": ["maze/turn_count", "maze/goal_position"],
        "stages": stages[1:],
        "blind": blind(records, records),
        "differences": {
            f"{b} − {a}": paired_difference(correct[a], correct[b]) for b, a in compared
        },
        "pairs": {"questions": 50, "too easy": 4, "too hard": 5, "kept": 41, "pairs": 99},
        "training": [
            {"step": i, "loss": 0.7 / i, "rewards/margin": i / 9, "rewards/accuracy": 0.5 + i / 20}
            | ({"eval/loss": 0.7, "eval/rewards/margin": -1.0, "eval/rewards/accuracy": 0.5}
               if i % 4 == 0 else {})
            for i in range(1, 10)
        ],
        "rerank": {
            "questions": 77,
            "curves": {name: [{"n": n, **point} for n in (1, 2, 4, 8)] for name in methods},
        },
        "fixed": changed[:1],
        "broken": changed[1:],
        "credit": [
            {
                **{name: samples[0][name] for name in ("image", "record")},
                "responses": [
                    response | {"correct": True, "log_ratios": [0.5, 1.0, 0.1]},
                    response | {"correct": False, "log_ratios": [0.5, -2.0, 0.1]},
                ],
            }
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    data = make_data()
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, data)
    return data, path.read_text(encoding="utf-8")


def test_page_is_well_formed_and_whatever_the_model_wrote_stays_text(built):
    data, source = built
    page = Page(source)  # asserts balanced tags
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<script" not in source
    for stage in STAGES:  # a sample each, and once more where DPO changed the answer
        changed = 2 if stage in ("SFT", "DPO") else 0
        assert page.text.count(f"[{stage}] says {ATTACK}") == len(data["samples"]) + changed


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
    preference = data["preference"]
    shown = [preference[name] for name in ("fixed", "broken", "credit")] + [data["samples"]]
    assert [base64.b64decode(each.removeprefix(head)) for each in sources] == [
        sample["image"] for samples in shown for sample in samples
    ]


def test_bars_and_figures_tell_the_summaries(built):
    data, source = built
    page = Page(source)
    widths = [rect["width"] for rect in page.attributes("rect") if "style" in rect]
    preference = data["preference"]
    of_preference = [summary for _, summary in preference["stages"]] + [preference["blind"]]
    summaries = [summary for _, summary in data["stages"]] + [data["blind"]]
    expected = [s["by_task"][task] for task in preference["tasks"] for s in of_preference]
    for group, name in [("by_game", "maze"), ("by_task", "maze/turn_count"),
                        ("by_task", "maze/goal_position")]:  # fmt: skip
        expected += [summary[group][name] for summary in summaries]
    assert widths == [f"{100 * cell['accuracy']:.2f}%" for cell in expected]
    for cell in expected:
        assert f"({100 * cell['low']:.1f} – {100 * cell['high']:.1f})" in page.text
    for summary in summaries:
        cell = summary["overall"]
        low, middle, high = (f"{100 * cell[key]:.1f}" for key in ("low", "accuracy", "high"))
        assert f"{middle} %" in page.text and f"95 %: {low} – {high}" in page.text


def test_differences_are_told_with_their_intervals(built):
    data, source = built
    text = Page(source).text
    for cell in data["preference"]["differences"].values():
        value, low, high = (100 * cell[name] for name in ("difference", "low", "high"))
        expected = f"{value:+.1f} ({low:+.1f} to {high:+.1f})".replace("-", "−")
        assert expected in text
        assert f"{cell['fixed']} of 10 questions fixed, {cell['broken']} broken" in text
    assert "from 40.0 % to 80.0 %" in text and "+40.0 points" in text
    assert "50 training questions" in text and "41 of them gave 99 pairs" in text
    assert "chance may explain" in text


def test_a_gain_that_may_be_chance_is_called_that(tmp_path):
    def headline(low):
        data = make_data()
        data["preference"]["differences"]["DPO − SFT"]["low"] = low
        write_report(tmp_path / "page.html", data)
        text = Page((tmp_path / "page.html").read_text(encoding="utf-8")).text
        return text[: text.index("As many steps")]

    assert "chance" in headline(-0.1) and "chance" not in headline(0.1)


def points_of(page):
    return [
        [tuple(map(float, point.split(","))) for point in line["points"].split()]
        for line in page.attributes("polyline")
    ]


def test_curves_show_every_row_inside_the_frame_and_loss_falls(built):
    page = Page(built[1])
    curves = points_of(page)
    # SFT's loss and accuracy, DPO's three figures on two kinds of pairs, five ways to choose.
    assert [len(points) for points in curves] == [8, 8, *[9, 2] * 3, *[4] * 5]
    charts = [svg["viewbox"].split() for svg in page.attributes("svg") if "viewbox" in svg]
    assert charts == [["0", "0", "500", "280"]] * 6
    assert all(0 <= x <= 500 and 0 <= y <= 280 for points in curves for x, y in points)
    loss, accuracy = curves[:2]  # y points down in SVG
    assert loss == sorted(loss)
    assert [y for _, y in accuracy] == sorted((y for _, y in accuracy), reverse=True)


def test_token_credit_colours_by_sign(built):
    page = Page(built[1])
    tokens = {each["title"]: each["style"] for each in page.attributes("span") if "title" in each}
    assert tokens["-2.00"].startswith("background: rgba(181, 54, 44, 0.75")
    assert tokens["+1.00"].startswith("background: rgba(29, 122, 70, 0.375")
    assert "✗ wrong, answers" in page.text and "score -1.50" in page.text


def test_lines_that_differ_are_marked(built):
    marked = Page(built[1]).attributes("mark")
    assert len(marked) == 4  # one line each of SFT and DPO, fixed and broken


def test_right_options_are_marked_and_unanswered_is_said(tmp_path):
    data = make_data()
    data["samples"][0]["responses"]["SFT"] = {"text": "", "extracted": None, "correct": False}
    write_report(tmp_path / "page.html", data)
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    marked = [each for each in page.attributes("li") if each.get("class") == "key-answer"]
    assert len(marked) == 2 * len(data["samples"]) + 1
    assert "✓7" in page.text
    assert f"✓ B{ATTACK}" in page.text
    assert "SFT: ✗ no answer" in page.text


def test_a_run_of_one_step_where_nothing_changed_has_a_page_too(tmp_path):
    row = {"step": 0, "loss": 0.0, "accuracy": 0.0, "seconds": 0.0, "stage": "read"}
    data = make_data() | {"loss": [row]}
    data["preference"] |= {"fixed": [], "broken": [], "credit": [], "training": []}
    same = paired_difference([True], [True])
    data["preference"]["differences"] = {"DPO − SFT": same}
    for points in data["preference"]["rerank"]["curves"].values():
        del points[1:]
    write_report(tmp_path / "page.html", data)
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    for points in points_of(page):
        assert all(math.isfinite(value) for point in points for value in point)
    assert page.text.count("None.") == 2 and "No question had both." in page.text
