"""Which responses become pairs, and what is on disk."""

import functools
import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from c2l_jax import pairing, preferences
from c2l_jax.data.pairs import PAIRS, RIGHT
from c2l_jax.data.processor import Processor, as_asked
from c2l_jax.models.directory import fingerprint
from c2l_jax.objectives import sft
from c2l_jax.responses import read_responses
from configs import tiny_sft
from records.exporting import export_data
from records.reading import open_split
from tests.conftest import ROOT


def question(id: str, *responses: tuple, task: str = "t") -> dict:
    """Responses as (text, correct), (text, correct, ended) or (text, correct, ended, read)."""
    defaults = {"ended": True, "read": True}
    names = ("text", "correct", "ended", "read")
    made = [defaults | dict(zip(names, each, strict=False)) for each in responses]
    return {"id": id, "game": "g", "task": task, "responses": made}


def chosen(questions, *, most=3, find=pairing.random_pairs, **options):
    settings = {"low": 0.25, "high": 0.85, "balance": False, "seed": 0}
    found = functools.partial(find, most=most)
    pairs, counts = pairing.choose(questions, found, **settings | options)
    return [(p.question, p.chosen["text"], p.rejected["text"]) for p in pairs], dict(counts)


def with_accuracy(id: str, right: int, n: int, task: str = "t") -> dict:
    return question(id, *((f"{i}", i < right) for i in range(n)), task=task)


def test_accuracy_bounds_are_inclusive():
    questions = [with_accuracy(str(right), right, 20) for right in (0, 4, 5, 17, 18, 20)]
    pairs, counts = chosen(questions)
    assert counts == {"too easy": 2, "too hard": 2, "unused": 0, "kept": 2}
    assert {index for index, *_ in pairs} == {2, 3} and len(pairs) == 6


@pytest.mark.parametrize(
    ("right", "wrong", "most", "pairs"),
    [(3, 3, 3, 3), (2, 2, 3, 3), (2, 2, 9, 4), (1, 3, 3, 3), (2, 4, 3, 3), (1, 1, 3, 1)],
)
def test_pairs_differ_and_no_response_comes_twice_too_early(right, wrong, most, pairs):
    texts = [(f"r{i}", True) for i in range(right)] + [(f"w{i}", False) for i in range(wrong)]
    found, _ = chosen([question("q", *texts)], most=most, low=0, high=1)
    assert len(found) == len(set(found)) == pairs
    for column, count in ((1, right), (2, wrong)):
        used = [pair[column] for pair in found]
        times = [used.count(text) for text in {t for t, _ in texts} if text[0] == "rw"[column - 1]]
        assert len(times) == count and max(times) - min(times) <= 1


@pytest.mark.parametrize(
    ("responses", "pairs"),
    [
        ([("a", True), ("a", True), ("b", False), ("b", False)], {("a", "b")}),  # same text: one
        ([("a", True, False), ("b", False)], set()),  # what was cut off is never chosen
        ([("a", True, False), ("a", True, True), ("b", False)], {("a", "b")}),
        ([("a", True), ("b", False, False)], {("a", "b")}),  # but may be rejected
        ([("a", True), ("b", False, True, False)], set()),  # what can't be read is neither
        ([("a", True), ("b", False, True, False), ("c", False)], {("a", "c")}),
    ],
)
def test_what_can_be_a_pair(responses, pairs):
    found, counts = chosen([question("q", *responses)], low=0, high=1)
    assert {pair[1:] for pair in found} == pairs
    assert counts["kept" if pairs else "unused"] == 1


def test_what_is_right_in_part_is_on_neither_side():
    asked = question("q", ("right", True), ("in part", False), ("wrong", False))
    asked["responses"][1]["score"] = 0.7
    sides = pairing.sides(asked, 0)
    assert [[response["text"] for response in side] for side in sides] == [["right"], ["wrong"]]


def test_answers_that_could_not_be_read_are_counted_aloud():
    asked = question("q", ("a", True), ("b", False), ("c", False, True, False))
    old = question("r", ("a", True), ("b", False), ("c", False))
    for response, extracted in zip(old["responses"], ("A", "B", None), strict=True):
        del response["read"]  # as responses were written before there was such a field
        response["extracted"] = extracted
    found, counts = chosen([asked, old], low=0, high=1)
    assert {pair[1:] for pair in found} == {("a", "b")} and counts["kept"] == 2
    assert pairing.count_unread([asked, old]) == 2
    lines = preferences.table("pairs", [], [asked, old], counts).splitlines()
    assert lines[-3].split() == ["responses", "6"]
    assert lines[-2].split()[-2:] == ["out", "2"] and "unread" in lines[-2]


def apart(first: Sequence, second: Sequence) -> int:
    """The fewest insertions and deletions, by the textbook's table."""
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        before, row = row, [i]
        for j, other in enumerate(second, 1):
            best = 1 + min(before[j], row[-1])
            row.append(min(best, before[j - 1]) if letter == other else best)
    return row[-1]


def test_differing_tokens_equal_the_table():
    rng = np.random.default_rng(0)
    texts = ["", "a", *("".join(rng.choice(list("abc"), n)) for n in (3, 7, 8, 63, 64, 65, 130))]
    for first, second in itertools.product(texts, texts):
        assert pairing.differing_tokens(first, second) == apart(first, second)


def test_near_pairs_take_each_wrong_response_once_and_the_nearest_first():
    right = [("the cell is red", True), ("so the cell must be red then", True)]
    wrong = [("the cell is blue", False), ("no idea", False), ("so the cell must be blue", False)]
    near = functools.partial(pairing.near_pairs, tokens=str.split)
    asked = [question("q", *right, *wrong, ("the cell is green", False, True, False))]
    pairs, _ = chosen(asked, find=near, low=0, high=1)
    expected = [right[0], wrong[0]], [right[1], wrong[2]], [right[0], wrong[1]]
    assert [pair[1:] for pair in pairs] == [(a[0], b[0]) for a, b in expected]
    assert chosen(asked, find=near, low=0, high=1, most=1)[0] == pairs[:1]
    assert not chosen([question("q", *wrong)], find=near, low=0, high=1)[0]


def test_near_is_told_by_the_model_s_own_tokens(responses, model_dir):
    tokens = Processor(model_dir).response
    right, wrong = pairing.sides(read_responses(responses)[1][1], seed=0)
    wrong.append({**wrong[0], "text": f"Well. {wrong[0]['text']}"})
    found = preferences.finder("near", 9, model_dir)(right, wrong)
    assert len(right) == 2 and len(found) == len(wrong) == 3
    distances = [apart(*(tokens(each["text"]) for each in pair)) for pair in found]
    assert distances == sorted(distances)
    farthest = []
    for distance, (_, rejected) in zip(distances, found, strict=True):
        of_all = [apart(tokens(each["text"]), tokens(rejected["text"])) for each in right]
        assert distance == min(of_all)
        farthest.append(max(of_all))
    assert farthest > distances


def test_right_responses_are_as_many_as_asked_for_and_different():
    texts = [(str(i % 5), True) for i in range(9)] + [("6", False), ("7", True, False)]
    asked = [question("q", *texts), question("r", ("0", False)), question("s", ("0", True))]

    def found(most):
        find = functools.partial(pairing.right_alone, most=most)
        pairs, counts = pairing.choose(asked, find, low=0, high=1, balance=False, seed=0)
        assert counts["kept"] == 2 and counts["unused"] == 1
        assert not any(pair.rejected for pair in pairs)
        return [(pair.question, pair.chosen["text"]) for pair in pairs]

    assert set(found(9)) == {(0, str(i)) for i in range(5)} | {(2, "0")} and len(found(9)) == 6
    assert len(found(2)) == 3 and set(found(2)) < set(found(9))


def test_balance_caps_every_task_at_the_mean():
    many = [with_accuracy(f"m{i}", 2, 4, "many") for i in range(8)]
    few = [with_accuracy(f"f{i}", 2, 4, "few") for i in range(2)]
    pairs, counts = chosen(many + few, balance=True)
    tasks = ["many" if index < 8 else "few" for index, *_ in pairs]
    assert tasks.count("few") == 6 and tasks.count("many") == 15  # the mean of 24 and 6
    kept = len({index for index, *_ in pairs})
    assert kept > 5 + 2  # drawn from all questions
    assert (counts["kept"], counts["balanced away"]) == (kept, 10 - kept)
    assert pairs != chosen(many + few, balance=True, seed=1)[0]
    assert pairs == chosen(many + few, balance=True)[0]


def test_pairs_depend_on_the_question_and_the_seed_alone():
    questions = [with_accuracy(str(i), 5, 10) for i in range(5)]
    together, _ = chosen(questions)
    alone = [(i, *pair[1:]) for i, q in enumerate(questions) for pair in chosen([q])[0]]
    assert together == alone != chosen(questions, seed=1)[0]


def test_held_out_questions_have_their_share():
    share = np.mean([preferences.is_validation(str(i), 0.1) for i in range(4000)])
    assert abs(share - 0.1) < 0.02


# --------------------------------------------------------------------------------- on disk


def test_the_data_set_holds_everything(pairs, responses, dataset, model_dir):
    out, printed = pairs
    _, questions = read_responses(responses)
    by_id = {q["id"]: q for q in questions}
    sources = {r["id"]: r for r in (open_split(dataset, "train")[i] for i in range(len(by_id)))}
    records = {
        name: [split[i] for i in range(len(split))]
        for name in ("train", "validation")
        for split in [open_split(out, name)]
    }
    held_out = {r["record"] for r in records["validation"]}
    assert held_out and not held_out & {r["record"] for r in records["train"]}
    everything = records["train"] + records["validation"]
    unread = [r for q in questions for r in q["responses"] if not r["read"]]
    # Two right and two wrong responses make three pairs, two and one only two.
    assert len(everything) == 3 * len(by_id) - len(unread) == len({r["id"] for r in everything})
    assert len(unread) == 12 and "answer unread, left out" in printed
    assert json.loads((PAIRS.folder(out) / "metadata.json").read_text())["unread"] == 12
    assert json.loads((out / preferences.COUNTS).read_text())["unread"] == 12
    assert f"kept{len(by_id):>34}" in printed and "maze/turn_count" in printed
    # The difference to a log-probability of -10, which the responses pretend to have.
    used = {(r["record"], r["rejected"]): r for r in everything}
    sums = [sum(r["rejected_logps"][: None if r["rejected_ended"] else -1]) for r in used.values()]
    told = float(printed.split("largest difference ")[1].split()[0])
    assert told >= 0.95 * max(abs(total + 10) for total in sums)
    assert "0 more were sampled in other tokens" in printed
    for record in everything:
        texts = {r["text"]: r for r in by_id[record["record"]]["responses"]}
        right, wrong = texts[record["chosen"]], texts[record["rejected"]]
        assert right["correct"] and right["ended"] and wrong["read"] and not wrong["correct"]
        assert record["rejected_ended"] == wrong["ended"]
        assert record["chosen_answer"] == right["extracted"]
        assert record["rejected_answer"] == wrong["extracted"]
        assert record["image"] == sources[record["record"]]["image"]
        assert record["fingerprint"] == fingerprint(model_dir) and record["format"] == "cot"
        assert all(logp < 0 for logp in record["chosen_logps"] + record["rejected_logps"])


@pytest.mark.parametrize("format", ["cot", "open"])
def test_right_responses_are_questions_to_train_on(
    format, responses, dataset, model_dir, tmp_path, capsys
):
    """Without the model that wrote them; asked as they were when they were sampled."""
    settings = json.loads((responses / "sampling.json").read_text())
    settings |= {"format": format, "model": "/nowhere"}
    (tmp_path / "sampling.json").write_text(json.dumps(settings))
    (tmp_path / "responses.jsonl").write_bytes((responses / "responses.jsonl").read_bytes())
    out = tmp_path / "out"
    preferences.preferences(responses=tmp_path, out=out, rft=9, validation=0.2)
    printed = capsys.readouterr().out
    _, questions = read_responses(responses)
    assert f"{2 * len(questions)} right (train" in printed
    counts = json.loads((out / preferences.COUNTS).read_text())
    assert counts["right"] == 48 and counts["kept"] == 24 and counts["unused"] == 0
    said = {(q["id"], r["text"]) for q in questions for r in q["responses"] if r["correct"]}
    sources = {record["id"]: record for record in open_split(dataset, "train")}
    processor = Processor(model_dir)
    config = tiny_sft.get_config()
    config.data.tasks = ((f"/{format}$", 1.0),)
    for name in ("train", "validation"):
        split = open_split(out, name)
        (group,) = sft.groups(split, processor, config)
        assert len(group.indices) == len(split)
        for index, record in enumerate(split):
            said.remove((record["record"], record["response"]))
            source = sources[record["record"]]
            asked = as_asked(source, format)
            assert all(record[key] == asked[key] for key in ("options", "answer", "image", "state"))
            assert record["steps"][-1] in record["response"]
            assert f"{record['steps'][-1]}\n### Answer" in record["response"]
            example, prompt = group.example(index), processor.prompt(source, format)
            trunk = len(prompt["tokens"]) - 1
            np.testing.assert_array_equal(example["tokens"][: trunk + 1], prompt["tokens"])
            np.testing.assert_array_equal(
                example["targets"], processor.response(record["response"])
            )
    assert not said
    assert RIGHT.folder(out).exists() and not PAIRS.folder(out).exists()
    export_data("llava", out, tmp_path / "theirs")
    rows = json.loads((tmp_path / "theirs" / "validation.json").read_text())
    chains = {"\n".join(record["steps"]) for record in split}
    assert {row["conversations"][1]["value"].split("\n\n### Answer")[0] for row in rows} == chains


def contents(out) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in PAIRS.folder(out).iterdir()}


KILLED = """
import os, signal
from c2l_jax import preferences
whole = preferences.pair_records
def cut_short(*arguments, **keywords):
    for number, record in enumerate(whole(*arguments, **keywords)):
        if number == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        yield record
preferences.pair_records = cut_short
preferences.main()
"""


def test_a_killed_run_leaves_no_pairs_and_the_next_makes_the_same_bytes(pairs, responses, tmp_path):
    options = ["--responses", str(responses), "--out", str(tmp_path), "--validation", "0.2"]
    command = [sys.executable, "-c", KILLED, *options]
    process = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert process.returncode == -signal.SIGKILL
    assert not PAIRS.folder(tmp_path).exists() and list(tmp_path.glob("pairs/incomplete.*"))
    preferences.main(options)
    assert contents(tmp_path) == contents(pairs[0])
    assert [path.name for path in (tmp_path / "pairs").iterdir()] == ["1.0.0"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--low": "0.9"}, "--low and --high"),
        ({"--rft": "0"}, "--rft 0 must be at least 1"),
        ({"--responses": "/nonexistent"}, "no sampling.json in /nonexistent"),
        ({"--model": "other"}, "its fingerprint differs"),
        ({"--data": "/nonexistent"}, "no data set in /nonexistent"),
        ({"--low": "0.6", "--high": "0.7"}, "nothing to learn in"),
        ({"--out": "pairs"}, "already holds other ones"),
        ({"--seed": "0"}, "23 of 24 questions"),
        ({"--seed": "1"}, "incomplete"),
        ({"--validation": "0.00001"}, "none falls to the split validation"),
        ({"--validation": "0.99999"}, "none falls to the split train"),
    ],
)
def test_bad_arguments(changed, message, pairs, responses, model_dir, tmp_path, capsys):
    arguments = {"--responses": str(responses), "--out": str(tmp_path / "out")} | changed
    if changed.get("--model"):
        (tmp_path / "other").mkdir()
        for name in ("config.json", "model.safetensors"):
            (tmp_path / "other" / name).write_bytes((model_dir / name).read_bytes() + b"\n")
        arguments["--model"] = str(tmp_path / "other")
    if "--out" in changed:
        arguments["--out"] = str(pairs[0])
    if "--seed" in changed:  # what a stopped run leaves: whole lines alone, or a part of one
        (tmp_path / "sampling.json").write_bytes((responses / "sampling.json").read_bytes())
        *lines, last = (responses / "responses.jsonl").read_text().splitlines(keepends=True)
        last = last[:-100] if message == "incomplete" else ""
        (tmp_path / "responses.jsonl").write_text("".join([*lines, last]))
        arguments["--responses"] = str(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        preferences.main([item for pair in arguments.items() for item in pair])
    assert stopped.value.code == 2 and message in capsys.readouterr().err
    assert not (tmp_path / "out" / "pairs" / "1.0.0").exists()


def test_text_only_data_makes_text_only_pairs(responses, dataset, model_dir, tmp_path, monkeypatch):
    class WithoutPictures:
        def __init__(self, split):
            self._split = split

        def __len__(self):
            return len(self._split)

        def __getitem__(self, index):
            return {n: v for n, v in self._split[index].items() if n != "image"}

    monkeypatch.setattr(preferences, "open_split", lambda *a: WithoutPictures(open_split(*a)))
    few = tmp_path / "few"
    few.mkdir()
    settings = json.loads((responses / "sampling.json").read_text())
    (few / "sampling.json").write_text(json.dumps(settings | {"questions": 3}))
    lines = (responses / "responses.jsonl").read_text().splitlines(keepends=True)
    (few / "responses.jsonl").write_text("".join(lines[:3]))
    preferences.main(["--responses", str(few), "--out", str(tmp_path / "out"), "--validation", "0"])
    split = open_split(tmp_path / "out", "train")
    assert len(split) == 2 + 3 + 2 and "image" not in split[0]
