"""The sampling command: what it writes, that a kill changes nothing, and how it refuses."""

import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from c2l_jax import sample
from c2l_jax.models.directory import fingerprint
from c2l_jax.models.loading import exported_model
from c2l_jax.responses import RESPONSES, SETTINGS, claim
from records.errors import UserError
from records.reading import open_split
from tests.c2l_jax import cluster
from tests.conftest import QUICKLY, ROOT, launcher, run_module

LIMIT, N = 24, 3


def arguments(model_dir, dataset, out, **changed) -> list[str]:
    options = {"model": model_dir, "data": dataset, "out": out, "limit": LIMIT, "n": N}
    options |= {"rows": 4, "lanes": 2, "max_tokens": 40, "top_k": 50} | changed
    names = {
        name: "--top_k" if name == "top_k" else f"--{name.replace('_', '-')}" for name in options
    }
    return [str(item) for name, value in options.items() for item in (names[name], value)]


def lines(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / RESPONSES).read_text().splitlines()]


@pytest.fixture(scope="module")
def unbroken(model_dir, dataset, tmp_path_factory):
    """(out, stdout) of a command that nothing disturbed."""
    out = tmp_path_factory.mktemp("responses")
    return out, run_module("c2l_jax.sample", *arguments(model_dir, dataset, out)).stdout


def test_every_question_has_its_judged_responses(unbroken, model_dir, dataset):
    out, stdout = unbroken
    split = open_split(dataset, "train")
    written = lines(out)
    assert [line["index"] for line in written] == list(range(LIMIT))
    kept = ("id", "game", "task", "qa_type", "qa_level", "plot_level", "question", "options")
    for line in written:
        record = split[line["index"]]
        assert {name: line[name] for name in kept} == {name: record[name] for name in kept}
        assert line["answer"] == record["answer"] and len(line["responses"]) == N
        for response in line["responses"]:
            assert 1 <= response["tokens"] <= 40 and response["logp"] < 0
            assert response["ended"] or response["tokens"] == 40
            assert response["logp"] == round(response["logp"], 4)
    settings = json.loads((out / SETTINGS).read_text())
    expected = {"split": "train", "format": "cot", "n": N, "temperature": 1.0, "top_p": 1.0}
    expected |= {"top_k": 50, "seed": 0, "max_tokens": 40, "limit": LIMIT, "data": str(dataset)}
    expected |= {"model": str(model_dir), "fingerprint": fingerprint(model_dir)}
    expected |= {"judge": "c2l_jax.answers:judge"}
    assert settings == expected | {
        "dtype": "float32",
        "tasks": None,
        "per_task": None,
        "questions": LIMIT,
    }
    assert "questions" in stdout and "tokens/s" in stdout and f" {LIMIT}\n" in stdout


def test_the_verdicts_are_those_of_the_answers(model_that_says_a, dataset, tmp_path, capsys):
    """Whatever the judge does: A is right where it is the answer, and no answer to a fill-in."""
    sample.main(arguments(model_that_says_a, dataset, tmp_path, n=2, max_tokens=16))
    written = lines(tmp_path)
    for line in written:
        for response in line["responses"]:
            assert response["text"] == "# Answer: A" and response["ended"]
            assert response["extracted"] == "A" and response["read"] == bool(line["options"])
            assert response["correct"] == (line["answer"] == "A")
    right = sum(line["answer"] == "A" for line in written)
    fill_ins = sum(not line["options"] for line in written)
    assert 0 < right < LIMIT - fill_ins and fill_ins > 0
    told = dict(x.rsplit("  ", 1) for x in capsys.readouterr().out.splitlines())
    told = {name.strip(): value.strip() for name, value in told.items()}
    assert (
        told["accuracy of samples"] == told["all samples right"] == f"{100 * right / LIMIT:.1f} %"
    )
    assert told["answers unread"] == f"{100 * fill_ins / LIMIT:.1f} %"


def test_killed_at_any_moment_and_started_again_equals_unbroken(
    unbroken, model_dir, dataset, tmp_path
):
    command = arguments(model_dir, dataset, tmp_path)
    process = launcher().start(["c2l_jax.sample", *command], ROOT, dict(os.environ))
    path = tmp_path / RESPONSES
    while process.poll() is None and not (path.exists() and b"\n" in path.read_bytes()):
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait().returncode == -signal.SIGKILL
    complete, last = path.read_text().rsplit("\n", 1)
    first, *others = complete.split("\n")
    assert len(others) + 1 < LIMIT
    # A mark, which sampling the question again would rub out; and what a kill amid a line leaves.
    marked = first.replace('"responses": [', '"responses": [ ')
    path.write_text("\n".join([marked, *others, last or first[:99]]))
    sample.main(command)
    text = path.read_text()
    assert text.count(marked) == 1
    assert text.replace(marked, first) == (unbroken[0] / RESPONSES).read_text()
    assert sorted(os.listdir(tmp_path)) == [RESPONSES, SETTINGS]


def test_two_processes_killed_and_started_again_equal_one(unbroken, model_dir, dataset, tmp_path):
    command = ["c2l_jax.sample", *arguments(model_dir, dataset, tmp_path)]
    members = cluster.start(command, 2)
    path = tmp_path / "responses-1.jsonl"
    while members[1].poll() is None and not (path.exists() and b"\n" in path.read_bytes()):
        time.sleep(0.002)
    os.kill(members[1].pid, signal.SIGKILL)
    assert members[1].wait().returncode == -signal.SIGKILL
    told = members[0].wait()
    assert (
        told.returncode == 1 and "error: process 1 (" in told.stderr and "ends, too" in told.stderr
    )
    first, *others = path.read_text().splitlines(keepends=True)
    assert json.loads(first)["index"] % 2 == 1
    marked = first.replace('"responses": [', '"responses": [ ')
    path.write_text("".join([marked, *others]))
    first_told, second_told = [member.wait() for member in cluster.start(command, 2)]
    assert first_told.returncode == second_told.returncode == 0, second_told.stderr
    assert "tokens/s" in first_told.stdout and not second_told.stdout
    text = (tmp_path / RESPONSES).read_text()
    assert text.count(marked) == 1
    assert text.replace(marked, first) == (unbroken[0] / RESPONSES).read_text()
    assert sorted(os.listdir(tmp_path)) == [RESPONSES, SETTINGS]


def test_a_complete_file_is_only_reported(unbroken, model_dir, dataset, capsys):
    path = unbroken[0] / RESPONSES
    before = path.read_bytes()
    sample.main(arguments(model_dir, dataset, unbroken[0]))
    assert path.read_bytes() == before
    assert capsys.readouterr().out.splitlines()[-1].split() == ["tokens/s", "-"]


def test_only_the_named_tasks_are_asked(model_dir, dataset, tmp_path):
    tasks = "(Easy|Hard)/tictactoe/.*color"
    sample.main(arguments(model_dir, dataset, tmp_path, tasks=tasks, limit=5))
    split = open_split(dataset, "train")
    features = ("plot_level", "game", "task")
    names = [tuple(record[name] for name in features) for record in split.only(*features)]
    wanted = [(level, "tictactoe", "cell_color") for level in ("Easy", "Hard")]
    asked = [i for i, name in enumerate(names) if name in wanted]
    assert [line["index"] for line in lines(tmp_path)] == asked[:5]


def test_rows_lanes_and_devices_change_rounding_only(model_dir, dataset, tmp_path):
    seed = 1  # none of its draws lies so close to the edge of a token's share that rounding tells
    sample.main(arguments(model_dir, dataset, tmp_path / "one", seed=seed))
    command = arguments(model_dir, dataset, tmp_path / "eight", rows=8, lanes=3, seed=seed)
    eight = f"--xla_force_host_platform_device_count=8 {QUICKLY}"
    run_module("c2l_jax.sample", *command, XLA_FLAGS=eight)
    for ours, theirs in zip(lines(tmp_path / "eight"), lines(tmp_path / "one"), strict=True):
        for a, b in zip(ours["responses"], theirs["responses"], strict=True):
            assert a.pop("logp") == pytest.approx(b.pop("logp"), abs=1e-3)
        assert ours == theirs


def test_the_table_counts_samples_and_questions():
    verdicts = [(1, 1), (0, 0), (0, 1), (0, None)]  # None: could not be read
    rows = [
        json.dumps({"responses": [{"correct": v == 1, "read": v is not None} for v in pair]})
        for pair in verdicts
    ]
    text = sample.table(rows, 1234.5)
    figures = [line.split()[-1 - line.endswith("%")] for line in text.splitlines()]
    assert figures == ["4", "37.5", "12.5", "25.0", "50.0", "25.0", "1,234"]


def refusal(command, capsys) -> str:
    with pytest.raises(SystemExit) as stopped:
        sample.main(command)
    assert stopped.value.code == 2
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    return line


def test_other_settings_in_the_same_directory_are_refused(unbroken, model_dir, dataset, capsys):
    command = arguments(model_dir, dataset, unbroken[0], seed=1, temperature=0.5)
    message = refusal(command, capsys)
    assert "seed: 0 there, 1 now" in message and "temperature: 1.0 there, 0.5 now" in message
    assert "max_tokens" not in message


def test_responses_to_another_data_set_are_refused(unbroken, model_dir, dataset, tmp_path, capsys):
    shutil.copy(unbroken[0] / SETTINGS, tmp_path)
    content = (unbroken[0] / RESPONSES).read_text()
    first = json.loads(content.splitlines()[0])["id"]
    (tmp_path / RESPONSES).write_text(content.replace(first, "another"))
    message = refusal(arguments(model_dir, dataset, tmp_path), capsys)
    assert "holds responses to another at place 0" in message


def test_settings_bind_once_there_are_responses(tmp_path):
    claim(tmp_path, {"n": 8}, started=False)
    claim(tmp_path, {"n": 4}, started=False)
    claim(tmp_path, {"n": 4}, started=True)
    with pytest.raises(UserError, match="n: 4 there, 8 now"):
        claim(tmp_path, {"n": 8}, started=True)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": "/nonexistent"}, "no model at /nonexistent"),
        ({"data": "/nonexistent"}, "no data set in /nonexistent"),
        ({"split": "dev"}, "no records in split 'dev'"),
        ({"rows": 0}, "--rows 0"),
        ({"lanes": 0}, "--lanes 0"),
        ({"n": 0}, "--n 0"),
        ({"max_tokens": 0}, "--max-tokens 0"),
        ({"limit": 0}, "--limit 0"),
        ({"temperature": -1}, "--temperature"),
        ({"temperature": 0}, "add --n 1"),
        ({"top_p": 0}, "--top-p"),
        ({"top_p": 1.5}, "--top-p"),
        ({"top_k": -1}, "--top-k"),
        ({"tasks": "chess"}, "no record matches"),
        ({"tasks": "("}, "no regular expression"),
    ],
)
def test_bad_arguments(changed, message, model_dir, dataset, tmp_path, capsys):
    assert message in refusal(arguments(model_dir, dataset, tmp_path, **changed), capsys)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format": "verse"}, "--format 'verse' must be one of cot, open, direct"),
        ({"dtype": "float16"}, "--dtype 'float16' must be one of float32, bfloat16"),
        ({"n": 0}, "--n 0"),
        ({"lanes": 0}, "--lanes 0"),
    ],
)
def test_bad_arguments_from_python(changed, message, model_dir, dataset, tmp_path):
    with pytest.raises(UserError, match=re.escape(message)):
        sample.sample(**{"model": model_dir, "data": dataset, "out": tmp_path} | changed)
    assert not any(tmp_path.iterdir())


def test_a_damaged_file_or_an_unfinished_run_is_refused(model_dir, dataset, tmp_path, capsys):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    command = arguments(tmp_path / "run", dataset, tmp_path / "out")
    assert "has not exported its model yet" in refusal(command, capsys)
    (tmp_path / "run" / "model").mkdir()
    assert exported_model(tmp_path / "run") == tmp_path / "run" / "model"
    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "out" / RESPONSES).write_text('{"index": 0}\nnonsense\n')
    command = arguments(model_dir, dataset, tmp_path / "out")
    assert "holds a line that is no question" in refusal(command, capsys)
