import base64
import io
import math

import pytest
from PIL import Image

from c2l_jax.accuracy import blind, paired_difference, summarise
from demo.report import write_report
from tests.pages import Page

ATTACK = '<script>alert("x")</script> & \'"> </pre>'
STAGES = ("before", "SFT", "more SFT", "DPO", "GRPO")
OWN = ("DPO", "GRPO")


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
                "correct": i % 5 < min(rank, 3) + 1,
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
        "seconds": {f"Questions {ATTACK}": 12.3},
        "own": {
            "DPO": make_part("DPO", records, judged, stages, samples) | make_pairs(samples),
            "GRPO": make_part("GRPO", records, judged, stages, samples),
        },
    }  # fmt: skip


def make_part(own, records, judged, stages, samples):
    correct = {name: [row["correct"] for row in judged[name]] for name in STAGES}
    compared = [(own, "SFT"), ("more SFT", "SFT"), (own, "more SFT")]
    changed = [
        sample | {"responses": {name: sample["responses"][name] for name in ("SFT", own)}}
        for sample in samples
    ]
    told = ("rewards/margin", "rewards/accuracy") if own == "DPO" else (
        "reward", "reward_std", "groups/without_variance")  # fmt: skip
    return {
        "tasks": ["maze/turn_count", "maze/goal_position"],
        "stages": [pair for pair in stages if pair[0] in ("SFT", "more SFT", own)],
        "blind": blind(records, records),
        "differences": {
            f"{b} − {a}": paired_difference(correct[a], correct[b]) for b, a in compared
        },
        "training": [
            {"step": i, "loss": 0.7 / i} | {name: i / 20 for name in told}
            | ({f"eval/{name}": 0.5 for name in ("loss", *told)}
               if own == "DPO" and i % 4 == 0 else {})
            for i in range(1, 10)
        ],
        "fixed": changed[:1],
        "broken": changed[1:],
    }  # fmt: skip


def make_pairs(samples):
    point = {"accuracy": 0.5, "low": 0.4, "high": 0.6}
    methods = ("single", "majority", "best", "weighted", "oracle")
    response = {"extracted": ATTACK, "score": -1.5, "tokens": ["fine ", ATTACK, "<|im_end|>"]}
    return {
        "pairs": {"questions": 50, "too easy": 4, "too hard": 5, "kept": 41, "pairs": 99},
        "rerank": {
            "questions": 77,
            "curves": {name: [{"n": n, **point} for n in (1, 2, 4, 8)] for name in methods},
        },
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
    for stage in STAGES:  # a sample each, and once more where DPO or GRPO changed SFT's answer
        changed = {"SFT": 4, "DPO": 2, "GRPO": 2}.get(stage, 0)
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
    dpo, grpo = (data["own"][name] for name in OWN)
    shown = [dpo[name] for name in ("fixed", "broken", "credit")]
    shown += [grpo["fixed"], grpo["broken"], data["samples"]]
    assert [base64.b64decode(each.removeprefix(head)) for each in sources] == [
        sample["image"] for samples in shown for sample in samples
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
    for part in data["own"].values():
        of_part = [summary for _, summary in part["stages"]] + [part["blind"]]
        expected += [s["by_task"][task] for task in part["tasks"] for s in of_part]
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
    cells = [cell for part in data["own"].values() for cell in part["differences"].values()]
    for cell in cells:
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
        data["own"]["DPO"]["differences"]["DPO − SFT"]["low"] = low
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
    # SFT's loss and accuracy, DPO's three figures on two kinds of pairs, five ways to choose, and
    # GRPO's three.
    assert [len(points) for points in curves] == [8, 8, *[9, 2] * 3, *[4] * 5, 9, 9, 9]
    charts = [svg["viewbox"].split() for svg in page.attributes("svg") if "viewbox" in svg]
    assert charts == [["0", "0", "500", "280"]] * 9
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
    assert len(marked) == 8  # one line each of SFT and what came of it, fixed and broken, twice


def test_right_options_are_marked_and_unanswered_is_said(tmp_path):
    data = make_data()
    data["samples"][0]["responses"]["SFT"] = {"text": "", "extracted": None, "correct": False}
    write_report(tmp_path / "page.html", data)
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    marked = [each for each in page.attributes("li") if each.get("class") == "key-answer"]
    assert len(marked) == 3 * len(data["samples"]) + 1
    assert "✓7" in page.text
    assert f"✓ B{ATTACK}" in page.text
    assert "SFT: ✗ no answer" in page.text


def test_a_run_of_one_step_where_nothing_changed_has_a_page_too(tmp_path):
    row = {"step": 0, "loss": 0.0, "accuracy": 0.0, "seconds": 0.0, "stage": "read"}
    data = make_data() | {"loss": [row]}
    same = paired_difference([True], [True])
    for name, part in data["own"].items():
        part |= {"fixed": [], "broken": [], "training": []}
        part["differences"] = {f"{name} − SFT": same, "more SFT − SFT": same}
    data["own"]["DPO"]["credit"] = []
    for points in data["own"]["DPO"]["rerank"]["curves"].values():
        del points[1:]
    write_report(tmp_path / "page.html", data)
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    for points in points_of(page):
        assert all(math.isfinite(value) for point in points for value in point)
    assert page.text.count("None.") == 4 and "No question had both." in page.text
