"""The whole path on a laptop, from game code to preferences between chains of reasoning.

  python -m demo --out runs/demo

Games -> data set -> small model with random weights -> SFT -> its own answers -> pairs -> DPO, and
beside it as many steps of more SFT; all of it evaluated on held-out questions. Runs the project's
own commands one after the other and writes report.html (look at it in a browser) and summary.json.
Takes less than fifteen minutes on two cores. The same command again goes on where it was stopped;
remove the folder to start anew.
"""

import argparse
import itertools
import json
import os
import platform
from pathlib import Path

from c2l_jax import accuracy
from c2l_jax.answers import was_read
from c2l_jax.data.processor import as_asked
from c2l_jax.metrics import read_metrics
from c2l_jax.preferences import COUNTS
from configs import demo_dpo
from configs.demo_sft import FORMAT
from demo import pipeline
from demo.commands import Commands
from demo.pipeline import DPO_TASKS, STAGES, STEPS, Run
from demo.report import write_report
from records.errors import exit_on_user_error
from records.reading import open_split

SHOWN = 3  # chains that DPO fixed, chains that it broke, questions with token credit
Judged = dict[str, dict]  # responses by record id


def brief(summary: dict) -> dict:
    """Overall and per task, as summary.json promises."""
    kept = ("accuracy", "correct", "count")
    cells = {"overall": summary["overall"], **summary["by_task"]}
    short = {name: {key: cell[key] for key in kept} for name, cell in cells.items()}
    return {"overall": short.pop("overall"), "by_task": short}


def comparison(stages: dict[str, dict]) -> str:
    """Held-out accuracy by task, side by side."""
    tasks = next(iter(stages.values()))["by_task"]
    width = max(map(len, [*tasks, "held-out accuracy, %"]))
    lines = [f"{'held-out accuracy, %':{width}}" + "".join(f"{name:>10}" for name in stages)]
    for task in tasks:
        figures = (100 * summary["by_task"][task]["accuracy"] for summary in stages.values())
        lines.append(f"{task:{width}}" + "".join(f"{figure:10.1f}" for figure in figures))
    return "\n".join(lines)


def curve(run: Run) -> list[dict]:
    """Loss and accuracy over all stages of SFT, steps and seconds counted through."""
    lines, steps, seconds = [], 0, 0.0
    for stage in pipeline.sft_stages():
        last = 0
        for line in read_metrics(run.out / stage):
            seconds += line["seconds_per_step"] * (line["step"] - last)
            last = line["step"]
            kept = {name: line[name] for name in ("loss", "accuracy")}
            lines.append({"step": steps + last, "seconds": seconds, "stage": stage, **kept})
        steps += last
    return lines


# --------------------------------------------------------------------------------- what is shown


def pick_samples(records: dict[str, dict], stages: dict[str, Judged]) -> list[dict]:
    """For each task a question that SFT answers right and one it answers wrong, if any."""
    last, chosen = stages["SFT"], {}
    for id, row in last.items():
        chosen.setdefault((row["game"], row["task"], row["correct"]), id)
    return [_shown(records[chosen[key]], stages) for key in sorted(chosen)]


def pick_changed(records: dict[str, dict], stages: dict[str, Judged]) -> dict[str, list[dict]]:
    """Questions that DPO answers right and SFT doesn't ("fixed"), and the other way round."""
    found = {"fixed": [], "broken": []}
    for id, row in stages["DPO"].items():
        if row["correct"] != stages["SFT"][id]["correct"]:
            both = {name: stages[name] for name in ("SFT", "DPO")}
            found["fixed" if row["correct"] else "broken"].append(_shown(records[id], both))
    return {name: some[:SHOWN] for name, some in found.items()}


def pick_credit(records: dict[str, dict], rerank: Path) -> list[dict]:
    """Of questions with both, a right and a wrong response with their tokens' log-ratios."""
    chosen = []
    lines = map(json.loads, (rerank / "scores.jsonl").read_text().splitlines())
    for id, responses in itertools.groupby(lines, lambda line: line["id"]):
        by_verdict = {}
        for response in responses:
            if response["ended"] and was_read(response):
                by_verdict.setdefault(response["correct"], response)
        if len(by_verdict) == 2:
            both = [by_verdict[True], by_verdict[False]]
            record = records[id]
            chosen.append({"image": record["image"], "record": record, "responses": both})
    return chosen[:SHOWN]


def _shown(record: dict, stages: dict[str, Judged]) -> dict:
    responses = {name: rows[record["id"]] for name, rows in stages.items()}
    return {"image": record["image"], "record": record, "responses": responses}


def settings(run: Run, train, test) -> dict[str, str]:
    runs = [json.loads((run.out / s / "summary.json").read_text()) for s in pipeline.sft_stages()]
    steps, examples, tokens, seconds = (
        sum(each[name] for each in runs)
        for name in ("steps", "examples", "tokens", "seconds_in_steps")
    )
    dpo = demo_dpo.get_config("dpo").dpo
    stages = ", then ".join(f"{count} of “{name}”" for name, count in pipeline.sft_stages().items())
    return {
        "model": f"Qwen2.5-VL of {runs[0]['parameters'] / 1e6:.1f} M parameters, from random "
        "weights",
        "SFT": f"{steps} steps ({stages}), {examples:,} examples, {tokens:,.0f} tokens",
        "DPO, more SFT": f"{STEPS['dpo']} steps each, on {DPO_TASKS}",
        "loss of DPO": f"beta {dpo.beta:g}; with the chosen answers' negative log-likelihood a "
        f"token, weighted {dpo.sft_weight:g}",
        "speed of SFT": f"{tokens / seconds:,.0f} tokens/s",
        "questions": f"{len(train):,} for training, {len(test):,} held out",
        "seed": str(run.seed),
    }


# --------------------------------------------------------------------------------------- the demo


def finish(run: Run, general: dict[str, list], on_tasks: dict[str, list], rerank: Path):
    """Writes summary.json and report.html.

    general, on_tasks: judged responses to questions of all tasks and of DPO_TASKS, by stage.
    """
    read = open_split(run.data, "train").only("game", "task", "options", "answer", "steps")
    train, test = (
        [as_asked(record, FORMAT) for record in split]
        for split in (read, open_split(run.data, "test"))
    )
    records = {record["id"]: record for record in test}
    blind, blind_on_tasks = (
        accuracy.blind(train, (records[row["id"]] for row in rows["SFT"]))
        for rows in (general, on_tasks)
    )
    by_id = {
        name: {stage: {row["id"]: row for row in rows} for stage, rows in stages.items()}
        for name, stages in (("general", general), ("on_tasks", on_tasks))
    }
    general, of_tasks = (
        {stage: accuracy.summarise(rows) for stage, rows in stages.items()}
        for stages in (general, on_tasks)
    )
    gains = pipeline.differences(run.data, on_tasks)
    pairs = json.loads((run.out / "pairs" / COUNTS).read_text())
    curves = json.loads((rerank / "rerank.json").read_text())
    minutes = run.commands.seconds / 60
    summary = {
        "before": brief(general["before"]),
        "after": brief(general["SFT"]),
        "dpo": brief(general["DPO"]),
        "more_sft": brief(general["more SFT"]),
        "blind": brief(blind),
        "minutes": minutes,
        "pairs": pairs,
        "preference_gain": pipeline.gain(gains, on_tasks),
        "rerank": curves["curves"],
        "seed": run.seed,
    }
    (run.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    data = {
        "title": "From game code to a model that reasons about boards",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "minutes": minutes,
        "settings": settings(run, train, test),
        "stages": list(general.items()),
        "blind": blind,
        "loss": curve(run),
        "samples": pick_samples(records, by_id["general"]),
        "preference": {
            "tasks": list(of_tasks["SFT"]["by_task"]),
            "stages": list(of_tasks.items()),
            "blind": blind_on_tasks,
            "differences": gains,
            "pairs": pairs,
            "training": read_metrics(run.of("DPO")),
            "rerank": {name: curves[name] for name in ("curves", "questions")},
            **pick_changed(records, by_id["on_tasks"]),
            "credit": pick_credit(records, rerank),
        },
    }
    write_report(run.out / "report.html", data)
    print("\n" + comparison({**general, "blind": blind}))
    print(f"\non {len(on_tasks['SFT'])} held-out questions of {DPO_TASKS}, %")
    for name, summary in [*of_tasks.items(), ("blind", blind_on_tasks)]:
        print(f"  {name:16}{100 * summary['overall']['accuracy']:7.1f}")
    for name, found in gains.items():
        low, high = 100 * found["low"], 100 * found["high"]
        print(f"  {name:16}{100 * found['difference']:+7.1f}  ({low:+.1f} to {high:+.1f})")


@exit_on_user_error
def main():
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="the demo's folder")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    args = parser.parse_args()

    run = Run(Commands(args.out), args.out / "data", args.out, args.seed)
    pipeline.generate(run.commands, run.data)
    model = pipeline.init(run)
    general = {"before": pipeline.ask(run, "before", model, pipeline.QUESTIONS)}
    pipeline.supervise(run, model)
    pipeline.prefer(run)
    for stage in STAGES:
        name = stage.replace(" ", "_")
        general[stage] = pipeline.ask(run, name, run.of(stage), pipeline.QUESTIONS)
    on_tasks = pipeline.compare(run)
    rerank = pipeline.rerank(run)
    finish(run, general, on_tasks, rerank)
    print(f"\n{run.commands.seconds / 60:.1f} minutes; look at {args.out / 'report.html'}")


if __name__ == "__main__":
    main()
