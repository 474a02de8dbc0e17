"""The whole path on a laptop: games -> data set -> small model -> training -> evaluation -> report.

  python -m demo --out runs/demo

Runs the project's own commands one after the other, from a model with random weights, and writes
report.html (look at it in a browser) and summary.json. Takes less than ten minutes on two cores.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

from c2l_jax import scores
from c2l_jax.data.records import open_split
from c2l_jax.metrics import read_metrics
from demo.report import write_report

PER_TASK = 1200  # records for each of the 27 pairs of task and level
SIZE = 112  # px: one vision window
QUESTIONS = 540  # held-out questions that are asked before and after
MAX_TOKENS = 160
HUGE_PAGES = "glibc.malloc.hugetlb=1"
STEPS = {"read": 220, "reason": 420}


def run(title: str, module: str, *arguments: object):
    """One command of the project, announced and timed; what it prints is the user's to see."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    print(f"\n=== {title}\n$ python -m {' '.join(command[2:])}", flush=True)
    began = time.monotonic()
    # Fewer page faults: a training step on a CPU takes a sixth less time.
    subprocess.run(command, check=True, env={**os.environ, "GLIBC_TUNABLES": HUGE_PAGES})
    print(f"=== {time.monotonic() - began:.0f} s", flush=True)


def train(title: str, stage: str, model: Path, data: Path, workdir: Path) -> Path:
    """Trains one stage of configs/demo_sft.py; returns the trained model's directory."""
    arguments = ["--config", f"configs/demo_sft.py:{stage}", "--workdir", workdir]
    settings = [f"--config.model={model}", f"--config.data.path={data}"]
    run(title, "c2l_jax.train", *arguments, *settings, f"--config.steps={STEPS[stage]}")
    return workdir / "model"


def evaluate(title: str, model: Path, data: Path, out: Path) -> tuple[dict, dict[str, dict]]:
    """(summary, judged responses by record id)."""
    arguments = ["--data", data, "--split", "test", "--limit", QUESTIONS, "--rows", 60]
    options = ["--out", out, "--max-tokens", MAX_TOKENS]
    run(title, "c2l_jax.evaluate", "--model", model, *arguments, *options)
    lines = (out / "responses.jsonl").read_text().splitlines()
    rows = {row["id"]: row for row in map(json.loads, lines)}
    return scores.summarise(list(rows.values())), rows


def pick_samples(data: Path, stages: dict[str, dict[str, dict]]) -> list[dict]:
    """For each task a question answered right after training and one answered wrong, if any."""
    split = open_split(data, "test")
    last = list(stages.values())[-1]
    chosen, seen = [], set()
    for index in range(QUESTIONS):
        record = split[index]
        key = record["game"], record["task"], last[record["id"]]["correct"]
        if key not in seen:
            seen.add(key)
            responses = {name: rows[record["id"]] for name, rows in stages.items()}
            chosen.append({"image": record["image"], "record": record, "responses": responses})
    order = sorted(chosen, key=lambda s: (s["record"]["game"], s["record"]["task"]))
    return order


def brief(summary: dict) -> dict:
    """Overall and per task, as summary.json promises."""
    kept = ("accuracy", "correct", "count")
    cells = {"overall": summary["overall"], **summary["by_task"]}
    short = {name: {key: cell[key] for key in kept} for name, cell in cells.items()}
    return {"overall": short.pop("overall"), "by_task": short}


def comparison(before: dict, after: dict, blind: dict) -> str:
    """Held-out accuracy by task, side by side."""
    width = max(map(len, after["by_task"]))
    lines = [f"{'held-out accuracy, %':{width}}  before  after  blind"]
    for task in after["by_task"]:
        figures = (100 * stage["by_task"][task]["accuracy"] for stage in (before, after, blind))
        lines.append(f"{task:{width}}  " + "  ".join(f"{figure:5.1f}" for figure in figures))
    return "\n".join(lines)


def curve(workdirs: list[Path]) -> list[dict]:
    """Loss and accuracy over all stages, steps and seconds counted through."""
    lines, steps, seconds = [], 0, 0.0
    for workdir in workdirs:
        last = 0
        for line in read_metrics(workdir):
            seconds += line["seconds_per_step"] * (line["step"] - last)
            last = line["step"]
            kept = {name: line[name] for name in ("loss", "accuracy")}
            lines.append({"step": steps + last, "seconds": seconds, **kept})
        steps += last
    return lines


def finish(out, began, before, after, workdirs, rows_before, rows_after) -> float:
    """Writes summary.json and report.html; returns the minutes it all took."""
    train, test = (open_split(out / "data", split) for split in ("train", "test"))
    blind = scores.blind((train[i] for i in range(len(train))), (test[i] for i in range(QUESTIONS)))
    runs = [json.loads((workdir / "summary.json").read_text()) for workdir in workdirs]
    steps, examples, tokens, seconds = (
        sum(run[name] for run in runs)
        for name in ("steps", "examples", "tokens", "seconds_in_steps")
    )
    minutes = (time.monotonic() - began) / 60
    summary = {
        "before": brief(before),
        "after": brief(after),
        "blind": brief(blind),
        "minutes": minutes,
        "training": {"examples": examples, "tokens_per_second": tokens / seconds},
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    data = {
        "title": "From game code to a model that reads boards",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "minutes": minutes,
        "settings": {
            "model": f"Qwen2.5-VL of {runs[0]['parameters'] / 1e6:.1f} M parameters, from random "
            "weights",
            "training": f"{steps} steps, {examples:,} examples, {tokens:,.0f} tokens: first "
            "writing positions down, then chains of reasoning",
            "speed": f"{tokens / seconds:,.0f} tokens/s",
            "questions": f"{len(train):,} for training; {QUESTIONS} of {len(test):,} held out",
        },
        "stages": [("before", before), ("SFT", after)],
        "blind": blind,
        "loss": curve(workdirs),
        "samples": pick_samples(out / "data", {"before": rows_before, "SFT": rows_after}),
    }
    write_report(out / "report.html", data)
    print("\n" + comparison(before, after, blind))
    return minutes


def main():
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="is made anew")
    out = parser.parse_args().out
    began = time.monotonic()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    data, model, workdir = out / "data", out / "model", out / "sft"

    run("1/6 Questions from both games", "synth", "generate", "--out", data, "--games", "all",
        "--per-task", PER_TASK, "--seed", 0, "--size", SIZE)  # fmt: skip
    run("2/6 A small model with random weights", "c2l_jax.init_model", "--preset", "tiny",
        "--data", data, "--out", model)  # fmt: skip
    before, rows_before = evaluate("3/6 What it knows before", model, data, out / "before")
    reader = train("4/6 Training to read the pictures", "read", model, data, out / "read")
    train("5/6 Training on chains of reasoning", "reason", reader, data, workdir)
    after, rows_after = evaluate("6/6 What it knows now", workdir, data, out / "after")

    minutes = finish(out, began, before, after, [out / "read", workdir], rows_before, rows_after)
    print(f"\n{minutes:.1f} minutes; look at {out / 'report.html'}")


if __name__ == "__main__":
    main()
