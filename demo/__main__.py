"""The whole path on a laptop, from game code to preferences between chains of reasoning.

  python -m demo --out runs/demo

Games -> data set -> small model with random weights -> SFT; from there, on the task that it half
masters, DPO on pairs of the model's own answers, and GRPO on groups of them; beside both as many
steps of more SFT. All is evaluated on held-out questions, and on a game that was never trained on.
Runs the project's own commands one after the other and writes report.html (look at it in a browser)
and summary.json. --small shows all stages in a few minutes and proves nothing. The same
command again goes on where it was stopped; remove the folder to start anew.
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
from configs import demo_dpo, demo_grpo, demo_sft
from configs.demo_sft import FORMAT, HALF_KNOWN
from demo import pipeline
from demo.commands import Commands
from demo.pipeline import OUTSIDE, OWN, STAGES, Run
from demo.report import write_report
from records.errors import exit_on_user_error
from records.reading import open_split

SHOWN = 3  # chains that a stage fixed, chains that it broke, questions with token credit
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
    for stage in demo_sft.TASKS:
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
    for id in stages["before"]:  # to some of the questions
        row = last[id]
        chosen.setdefault((row["game"], row["task"], row["correct"]), id)
    return [_shown(records[chosen[key]], stages) for key in sorted(chosen)]


def pick_changed(records: dict[str, dict], stages: dict[str, Judged], own: str) -> dict[str, list]:
    """Questions that a stage of OWN answers right and SFT doesn't ("fixed"), and the reverse."""
    found = {"fixed": [], "broken": []}
    for id, row in stages[own].items():
        if row["correct"] != stages["SFT"][id]["correct"]:
            both = {name: stages[name] for name in ("SFT", own)}
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
    runs = [json.loads((run.out / s / "summary.json").read_text()) for s in demo_sft.TASKS]
    steps, examples, tokens, seconds = (
        sum(each[name] for each in runs)
        for name in ("steps", "examples", "tokens", "seconds_in_steps")
    )
    dpo, grpo = demo_dpo.get_config("dpo"), demo_grpo.get_config()
    of = run.size.steps
    stages = ", then ".join(f"{of[stage]} of “{stage}”" for stage in demo_sft.TASKS)
    return {
        "model": f"Qwen2.5-VL of {runs[0]['parameters'] / 1e6:.1f} M parameters, from random "
        "weights",
        "SFT": f"{steps} steps ({stages}), {examples:,} examples, {tokens:,.0f} tokens",
        "DPO": f"{of['dpo']} steps on near pairs of answers to {HALF_KNOWN}, {dpo.dpo.fork_tokens} "
        f"tokens from where they part, beta {dpo.dpo.beta:g}, learning rate {dpo.optimizer.lr:g}",
        "GRPO": f"{of['grpo']} steps of {grpo.grpo.questions} questions of {HALF_KNOWN} with "
        f"{grpo.grpo.group} answers each, learning rate {grpo.optimizer.lr:g}",
        "more SFT": f"{max(of['dpo'], of['grpo'])} steps on the game's solutions of {HALF_KNOWN}",
        "speed of SFT": f"{tokens / seconds:,.0f} tokens/s",
        "questions": f"{len(train):,} for training, {len(test):,} held out",
        "seed": str(run.seed),
    }


# --------------------------------------------------------------------------------------- the demo


def finish(run: Run, general: dict[str, list], half_known: dict[str, list], rerank: Path):
    """Writes summary.json and report.html.

    general, half_known: judged responses to questions of all tasks and of HALF_KNOWN, by stage.
    """
    own = {name: {stage: half_known[stage] for stage in ("SFT", "more SFT", name)} for name in OWN}
    told = ("game", "task", "options", "answer", "steps")
    train, validation = (
        [as_asked(record, FORMAT) for record in open_split(run.data, split).only(*told)]
        for split in ("train", "validation")
    )
    test = [as_asked(record, FORMAT) for record in open_split(run.data, "test")]
    records = {record["id"]: record for record in test}
    # Of what is out of domain there is nothing in train.
    outside = [record for record in validation if record["game"] == OUTSIDE]
    asked = (records[row["id"]] for row in general["SFT"])
    blind = accuracy.blind([*train, *outside], asked)
    by_id = {stage: {row["id"]: row for row in rows} for stage, rows in general.items()}
    summaries = {stage: accuracy.summarise(rows) for stage, rows in general.items()}
    minutes = run.commands.seconds / 60
    parts = {name: part(run, train, records, answered, name) for name, answered in own.items()}
    parts["DPO"] |= {
        "pairs": json.loads((run.out / "pairs" / COUNTS).read_text()),
        "rerank": json.loads((rerank / "rerank.json").read_text()),
        "credit": pick_credit(records, rerank),
    }
    summary = {stage.lower().replace(" ", "_"): brief(of) for stage, of in summaries.items()}
    summary |= {
        "blind": brief(blind),
        "minutes": minutes,
        "seconds": run.commands.by_title,
        "pairs": parts["DPO"]["pairs"],
        "gain": {
            name: pipeline.gain(parts[name]["differences"], answered)
            for name, answered in own.items()
        },
        "rerank": parts["DPO"]["rerank"]["curves"],
        "seed": run.seed,
    }
    (run.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    data = {
        "title": "From game code to a model that reasons about boards"
        + (" (all stages, much too short)" if run.size is pipeline.SMALL else ""),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "minutes": minutes,
        "seconds": run.commands.by_title,
        "settings": settings(run, train, test),
        "stages": list(summaries.items()),
        "blind": blind,
        "loss": curve(run),
        "samples": pick_samples(records, by_id),
        "own": parts,
    }
    write_report(run.out / "report.html", data)
    print("\n" + comparison({**summaries, "blind": blind}))
    for name, part_of in parts.items():
        print(f"\non {len(own[name]['SFT'])} held-out questions of {HALF_KNOWN}, %")
        for stage, of in [*part_of["stages"], ("blind", part_of["blind"])]:
            print(f"  {stage:16}{100 * of['overall']['accuracy']:7.1f}")
        for what, found in part_of["differences"].items():
            low, high = 100 * found["low"], 100 * found["high"]
            print(f"  {what:16}{100 * found['difference']:+7.1f}  ({low:+.1f} to {high:+.1f})")


def part(run: Run, train: list, records: dict[str, dict], answered: dict, name: str) -> dict:
    """What the report tells of a stage of OWN; `answered` by stage."""
    summaries = {stage: accuracy.summarise(rows) for stage, rows in answered.items()}
    by_id = {stage: {row["id"]: row for row in rows} for stage, rows in answered.items()}
    return {
        "tasks": list(summaries["SFT"]["by_task"]),
        "stages": list(summaries.items()),
        "blind": accuracy.blind(train, (records[row["id"]] for row in answered["SFT"])),
        "differences": pipeline.differences(run.data, answered, name),
        "training": read_metrics(run.of(name)),
        **pick_changed(records, by_id, name),
    }


@exit_on_user_error
def main():
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="the demo's folder")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--small", action="store_true", help="all stages, much too short")
    args = parser.parse_args()

    size = pipeline.SMALL if args.small else pipeline.FULL
    run = Run(Commands(args.out), args.out, args.seed, size)
    pipeline.generate(run)
    model = pipeline.init(run)
    count = run.size.held_out
    general = {"before": pipeline.ask(run, "before", model, count // 4)}  # all is wrong, at length
    pipeline.supervise(run, model)
    pipeline.go_on(run)
    for stage in STAGES:
        general[stage] = pipeline.ask(run, stage, run.of(stage), count)
    half_known = pipeline.compare(run)
    finish(run, general, half_known, pipeline.rerank(run))
    print(f"\n{run.commands.seconds / 60:.1f} minutes; look at {args.out / 'report.html'}")


if __name__ == "__main__":
    main()
