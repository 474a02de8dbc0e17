"""Whether preferences between its own answers make a model better than more SFT does, or than none.

  python -m benchmarks.preference_gain --seeds 0 1 2            # table, then one line of JSON
  python -m benchmarks.preference_gain --seeds 0 1 2 --json     # that line alone

The demo's own stages (demo/pipeline.py), once for each seed, on one data set. The seed is that of
the first weights, of the order of training, of the answers drawn and of the pairs. Compared on the
same held-out questions of the tasks that the pairs are about: the SFT model, DPO from it, as many
steps of more SFT from it, and of DPO's loss without the pairs ("chosen"), that is the likelihood of
the chosen answers alone. Differences are in points with 95 % intervals over questions, paired,
questions about one position taken together. The last line of the table takes all seeds together:
its interval too is over questions, for these very models, and seeds differ by more.
The same command again goes on where it was stopped. Takes about 13 minutes a seed on two cores.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks import measure
from demo import pipeline
from demo.commands import Commands
from demo.pipeline import CHOSEN, STAGES, Run
from records.errors import exit_on_user_error


def answers(out: Path, data: Path, seed: int) -> dict[str, list[dict]]:
    """What each stage answers, after everything that leads to it."""
    run = Run(Commands(out, sys.stderr), data, out, seed)
    pipeline.supervise(run, pipeline.init(run))
    pipeline.prefer(run)
    answered = pipeline.compare(run)
    pipeline.imitate(run)
    return answered | pipeline.compare(run, [CHOSEN])


def line(name: str, answered: dict[str, list[dict]], found: dict[str, dict]) -> list[str]:
    shares = [sum(row["correct"] for row in rows) / len(rows) for rows in answered.values()]
    differences = [
        f"{100 * each['difference']:+.1f} ({100 * each['low']:+.1f} to {100 * each['high']:+.1f})"
        for each in found.values()
    ]
    return [name, *(f"{100 * share:.1f}" for share in shares), *differences]


@exit_on_user_error
def main():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.preference_gain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/preference_gain"))
    parser.add_argument("--json", action="store_true", help="print the line of JSON alone")
    args = parser.parse_args()

    data = args.out / "data"
    pipeline.generate(Commands(args.out, sys.stderr), data)
    together: dict[str, list[dict]] = {stage: [] for stage in (*STAGES, CHOSEN)}
    lines, results = [], []
    for seed in args.seeds:
        answered = answers(args.out / f"seed{seed}", data, seed)
        found = pipeline.differences(data, answered)
        lines.append(line(f"seed {seed}", answered, found))
        results.append({"seed": seed, **pipeline.gain(found, answered)})
        together = {stage: [*rows, *answered[stage]] for stage, rows in together.items()}
    found = pipeline.differences(data, together)
    lines.append(line("together", together, found))
    header = ("accuracy in %, differences in points", *together, *found)
    count = len(together["SFT"]) // len(args.seeds)
    title = f"{count} held-out questions of {pipeline.DPO_TASKS}"
    result = {
        "benchmark": "preference_gain",
        "steps": pipeline.STEPS,
        "seeds": results,
        "together": pipeline.gain(found, together),
        "gains_in_all_seeds": all(each["interval_95"][0] > 0 for each in results),
        "machine": measure.machine(),
    }
    if not args.json:
        print(measure.table(title, header, lines))
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
