"""Whether a model learns from its own right and wrong answers, and by which way most.

  python -m benchmarks.learning --out runs/learning                         # tables
  python -m benchmarks.learning --out runs/learning --table docs/learning.md

Small models, one a seed, from random weights by stages of SFT to where they half master a task, of
which they have seen few solutions (configs/learning.py). From each of them on, with as many updates
and, where answers are sampled, as many samples: more SFT on those few solutions; RFT, that is SFT
on all right answers of its own; the likelihood of the pairs' chosen answers alone; DPO as usual;
DPO at the fork, on near pairs; GRPO. And what would be the most to have: SFT on the solutions of
such questions. Then RFT, DPO at the fork and GRPO on questions with their options, where a wrong
chain may have a right letter.

Where a way has several learning rates, the best on validation questions with seed 0 is taken for
all seeds; test questions are asked once, of what was so chosen. Differences are paired, questions
about one position taken together, those of all seeds as well: the intervals are for these very
models. Every command leaves a file behind when it is done and is not given again; one that was
interrupted goes on.
"""

import argparse
import dataclasses
import itertools
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import measure
from c2l_jax.accuracy import paired_difference
from c2l_jax.responses import judged, read_responses
from configs import learning as settings
from demo.commands import RESUME, environment
from records.errors import UserError, exit_on_user_error
from records.reading import open_split
from records.schema import leveled_name

DTYPE = ("--dtype", "float32")
MAX_TOKENS = 128
BASE = "before"


@dataclasses.dataclass(frozen=True)
class Arm:
    """A way to go on from the base: a stage of configs/learning.py on `data`, which is "few" (few
    solutions), "data" (all solutions, or for GRPO all questions) or what `preferences` makes of
    the base's answers: "right", "pairs" or "near".
    """

    name: str
    title: str
    stage: str
    data: str
    rates: tuple[float, ...] = ()
    like: str = ""  # with options, and with the rate of this arm


ARMS = (
    Arm("sft", "more SFT on the few solutions", "sft", "few", (2e-4, 4e-4)),
    Arm("rft", "RFT, all its right answers", "sft", "right", (2e-4, 4e-4)),
    Arm("chosen", "likelihood of the chosen", "chosen", "pairs", (1e-4, 2e-4)),
    Arm("dpo", "DPO, beta 0.1, whole answers", "dpo", "pairs", (3e-5, 1e-4)),
    Arm("fork", "DPO at the fork, beta 2, near pairs", "fork", "near", (1e-4, 2e-4)),
    Arm("grpo", "GRPO", "grpo", "data", (2e-4, 4e-4)),
    Arm("all", "SFT on all solutions", "sft", "data", (2e-4, 4e-4)),
    Arm("rft_options", "RFT with options", "sft", "right", like="rft"),
    Arm("fork_options", "DPO at the fork with options", "fork", "near", like="fork"),
    Arm("grpo_options", "GRPO with options", "grpo", "data", like="grpo"),
)
PREFERENCES = {  # options of c2l_jax.preferences
    "right": ("--rft", settings.GROUP),
    "pairs": (),
    "near": ("--pairing", "near", "--low", 0, "--high", 1),
}
SETS = {  # of held-out questions: "level/game/task", and whether they are asked with options
    "trained task": (settings.TASKS, False),
    "other task": (settings.OTHERS, False),
    "larger mazes": (settings.LARGER, False),
    "snake": (settings.OUTSIDE, False),
    "with options": (settings.TASKS, True),
}


@dataclasses.dataclass(frozen=True)
class Size:
    games: str = "maze,tictactoe,snake"
    per_task: int = 3000  # questions for each task and level, of which a tenth is for test
    few: int = 80  # the same of the few solutions
    sampled: int = 480  # questions that are answered settings.GROUP times
    steps: int = 40
    held_out: int = 150  # of each task and level
    rows: int = 60  # questions at a time
    arms: tuple[Arm, ...] = ARMS
    sets: tuple[str, ...] = tuple(SETS)
    plain: str = "open"  # how questions are asked


FULL = Size()


def run_module(words: Sequence[str], environment: dict[str, str]) -> int:
    done = subprocess.run([sys.executable, "-m", *words], env=environment, stdout=sys.stderr)
    return done.returncode


class Stages:
    """Commands of the project, each with a folder; a finished one has FOLDER.json beside it."""

    def __init__(self, out: Path, start: Callable[[Sequence[str], dict], int] = run_module):
        self.out, self._start = out, start
        self._environment = environment(out.resolve())

    def run(self, module: str, *arguments: object, out: Path, given: str = ""):
        """`python -m module arguments`, which writes to `out`; `given` is its configuration.

        Raises UserError where it fails and where another command has made `out`.
        """
        words, done = [module, *map(str, arguments)], out.with_name(f"{out.name}.json")
        line = {"command": " ".join(words), "settings": given}
        if done.exists():
            if {name: json.loads(done.read_text())[name] for name in line} == line:
                return
            raise UserError(
                f"{out} was made by another command or with other settings: remove it, {done} and "
                "what came of it, or choose another --out."
            )
        if module not in RESUME:
            shutil.rmtree(out, ignore_errors=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        print(f"\n$ python -m {line['command']}", file=sys.stderr, flush=True)
        began = time.monotonic()
        if code := self._start(words, self._environment):
            raise UserError(f"python -m {module} failed with exit status {code}, see above.")
        seconds = round(time.monotonic() - began, 1)
        done.write_text(json.dumps(line | {"seconds": seconds}, indent=1) + "\n")
        print(f"{seconds} s", file=sys.stderr, flush=True)


@dataclasses.dataclass(frozen=True)
class Run:
    """One seed's models and answers; the questions are the same for all."""

    stages: Stages
    size: Size
    seed: int
    model: Path | None  # where all begins instead of the base

    @property
    def out(self) -> Path:
        return self.stages.out / f"seed{self.seed}"

    @property
    def data(self) -> Path:
        return self.stages.out / "data"

    def train(self, stage: str, model: Path, data: Path, workdir: Path, **changed: object) -> Path:
        given = settings.get_config(stage).to_json()
        changed = {"model": model, "data.path": data, "seed": self.seed, **changed}
        flags = [f"--config.{name}={value}" for name, value in changed.items()]
        config = f"configs/learning.py:{stage}"
        self.stages.run("c2l_jax.train", "--config", config, "--workdir", workdir, *flags,
                        out=workdir, given=given)  # fmt: skip
        return workdir / "model"

    def base(self) -> Path:
        """The directory of the model that all else begins with."""
        if self.model:
            return self.model
        model = self.out / "model"
        self.stages.run("c2l_jax.init_model", "--preset", "tiny", "--data", self.data, "--out",
                        model, "--seed", self.seed, out=model)  # fmt: skip
        for stage in settings.BASE:
            of = self.stages.out / "few" if stage != "read" else self.data
            model = self.train(stage, model, of, self.out / stage)
        return model

    def data_of(self, arm: Arm) -> Path:
        """What an arm trains on; made here where it comes of the base's answers."""
        if arm.data not in PREFERENCES:
            return self.stages.out / arm.data
        samples = self.out / f"samples_{self.format_of(arm)}"
        out = self.out / f"{arm.data}_{self.format_of(arm)}"
        self.stages.run("c2l_jax.sample", "--model", self.base(), "--data", self.data,
                        "--tasks", settings.TASKS, "--format",
                        self.format_of(arm), "--limit", self.size.sampled, "--n", settings.GROUP,
                        "--rows", 8, "--lanes", settings.GROUP, "--max-tokens", MAX_TOKENS,
                        "--seed", self.seed, *DTYPE, "--out", samples, out=samples)  # fmt: skip
        self.stages.run("c2l_jax.preferences", "--responses", samples, *PREFERENCES[arm.data],
                        "--validation", 0, "--seed", self.seed, *DTYPE, "--out", out,
                        out=out)  # fmt: skip
        return out

    def format_of(self, arm: Arm) -> str:
        return "cot" if arm.like else self.size.plain

    def arm(self, arm: Arm, rate: float) -> Path:
        """The model directory that an arm ends with."""
        changed = {"steps": self.size.steps, "optimizer.lr": rate}
        if arm.stage == "grpo":  # as many updates and, in all, as many questions as the others
            changed["steps"] = self.size.steps // settings.UPDATES
            changed["grpo.questions"] = self.size.sampled // changed["steps"]
        if arm.data not in PREFERENCES:
            changed["data.tasks"] = ((settings.TASKS, 1.0),)
            for name in ("cot", "open", "transcribe"):
                changed[f"data.formats.{name}"] = float(name == self.format_of(arm))
        workdir = self.out / f"{arm.name}_{rate:g}"
        return self.train(arm.stage, self.base(), self.data_of(arm), workdir, **changed)

    def ask(self, model: Path, name: str, split: str, sets: Sequence[str]) -> dict[str, list]:
        """Judged responses to held-out questions of some of SETS."""
        found = {}
        for options in (False, True):
            tasks = {of: SETS[of][0] for of in sets if SETS[of][1] == options}
            if not tasks:
                continue
            form = "cot" if options else self.size.plain
            out = self.out / "evaluations" / f"{name}_{split}_{form}"
            self.stages.run("c2l_jax.evaluate", "--model", model, "--data", self.data,
                            "--split", split, "--tasks", "|".join(tasks.values()), "--format", form,
                            "--per-task", self.size.held_out, "--rows", self.size.rows,
                            "--max-tokens", MAX_TOKENS, *DTYPE, "--out", out, out=out)  # fmt: skip
            rows = judged(read_responses(out)[1])
            for of, pattern in tasks.items():
                found[of] = [row for row in rows if re.search(pattern, leveled_name(row))]
        return found


def generate(stages: Stages, size: Size, with_base: bool):
    """The questions that are used. A position is in the same split in all data sets."""
    used = {"data"} | {arm.data for arm in size.arms} | ({"few"} if with_base else set())
    for name, number, seed in (("data", size.per_task, 0), ("few", size.few, 1)):
        if name in used:
            stages.run("synth", "generate", "--out", stages.out / name, "--games", size.games,
                       "--tasks", settings.USED, "--per-task", number, "--seed", seed, "--size",
                       112, out=stages.out / name)  # fmt: skip


def share(rows: Sequence[dict]) -> float:
    return sum(row["correct"] for row in rows) / len(rows)


def choose_rates(run: Run, arms: Sequence[Arm]) -> tuple[dict, dict]:
    """({arm: {rate: accuracy on validation questions}}, {arm: rate}); before, the rate is 0."""

    def accuracy(name: str, model: Path) -> float:
        (first, *_) = SETS
        return share(run.ask(model, name, "validation", [first])[first])

    found = {
        arm.name: {rate: accuracy(f"{arm.name}_{rate:g}", run.arm(arm, rate)) for rate in arm.rates}
        for arm in arms
        if len(arm.rates) > 1
    }
    best = {arm.name: arm.rates[0] for arm in arms if arm.rates}
    best |= {name: max(of, key=lambda rate: (of[rate], -rate)) for name, of in found.items()}
    best |= {arm.name: best[arm.like] for arm in arms if arm.like}
    return ({BASE: {0: accuracy(BASE, run.base())}} | found if found else {}), best


# ------------------------------------------------------------------------------------ the tables

COMPARED = (
    *(("rft", "sft"), ("dpo", "rft"), ("fork", "rft"), ("grpo", "rft")),
    *(("fork", "chosen"), ("grpo", "fork"), ("all", "rft")),
    *(("fork_options", "rft_options"), ("grpo_options", "rft_options")),
)
Answers = dict[tuple[str, str], list[list[dict]]]  # (arm, set of questions) -> of each seed


def pooled(answers: Answers, arm: str, of: str) -> list[dict]:
    """All seeds' responses, seed after seed."""
    return list(itertools.chain.from_iterable(answers[arm, of]))


def differences(answers: Answers, positions: dict, first: str, second: str, of: str) -> list[dict]:
    """How much better the arm `second` does: all seeds together, then each alone."""
    both = [[pooled(answers, arm, of), *answers[arm, of]] for arm in (first, second)]
    return [
        paired_difference(
            [row["correct"] for row in rows],
            [row["correct"] for row in others],
            [positions[row["id"]] for row in rows],
        )
        for rows, others in zip(*both, strict=True)
    ]


def interval(found: dict) -> str:
    """In points; bold where the interval is on one side of 0."""
    value, low, high = (100 * found[name] for name in ("difference", "low", "high"))
    text = f"{value:+.1f} ({low:+.1f} to {high:+.1f})"
    return f"**{text}**" if low > 0 or high < 0 else text


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def line(answers: Answers, positions: dict, title: str, both, sets: Sequence[str]) -> list[str]:
    """The difference of two arms in each set of questions; in the first each seed's, too."""
    found = [differences(answers, positions, *both, of) for of in sets]
    seeds = ", ".join(f"{100 * alone['difference']:+.1f}" for alone in found[0][1:])
    cells = [interval(together) for together, *_ in found]
    return [title, cells[0], seeds, *cells[1:]]


def gains(answers: Answers, positions: dict, arms: Sequence[Arm], sets: Sequence[str]) -> str:
    """Accuracy before, and what each arm adds."""
    before = [f"{100 * share(pooled(answers, BASE, of)):.1f}" for of in sets]
    lines = [line(answers, positions, arm.title, (BASE, arm.name), sets) for arm in arms]
    header = ("", sets[0], "each seed", *sets[1:])
    return table(header, [["before, %", before[0], "", *before[1:]], *lines])


def comparisons(answers: Answers, positions: dict, arms: dict[str, Arm], sets) -> str:
    lines = [
        line(answers, positions, f"{arms[b].title} − {arms[a].title}", (a, b), sets)
        for b, a in COMPARED
        if a in arms and b in arms
    ]
    return table(("", sets[0], "each seed", *sets[1:]), lines)


def searches(found: dict, best: dict, arms: dict[str, Arm]) -> str:
    """Each arm's learning rate, and what others did on validation questions."""

    def tried(name: str) -> str:
        return ", ".join(f"{rate:g}: {100 * right:.1f}" for rate, right in found[name].items())

    lines = [["before", "", tried(BASE)]] if found else []
    lines += [
        [arms[name].title, f"{rate:g}", tried(name) if name in found else ""]
        for name, rate in best.items()
        if not arms[name].like
    ]
    return table(("", "learning rate", "accuracy on validation questions, seed 0"), lines)


def report(size: Size, runs: Sequence[Run], found: dict, best: dict, answers: Answers) -> str:
    arms = {arm.name: arm for arm in size.arms}
    test = open_split(runs[0].data, "test").only("id", "state")
    positions = {record["id"]: record["state"] for record in test}
    plain = [arm for arm in arms.values() if not arm.like]
    lucky = [arm for arm in arms.values() if arm.like]
    sizes = [len(answers[BASE, of][0]) for of in size.sets]
    parts = [
        INTRODUCTION.format(
            seeds=len(runs),
            samples=size.sampled * settings.GROUP,
            sampled=size.sampled,
            group=settings.GROUP,
            steps=size.steps,
            questions=", ".join(f"{n} ({of})" for of, n in zip(size.sets, sizes, strict=True)),
            machine=machine(),
        ),
        gains(answers, positions, plain, size.sets),
        "Against each other:",
        comparisons(answers, positions, arms, size.sets),
    ]
    if lucky:
        parts += [
            "Trained on questions with their options, where a wrong chain may have a right letter:",
            gains(answers, positions, lucky, size.sets),
        ]
    parts += [
        "Learning rates. Where there was a choice, the best with seed 0 was taken for all seeds:",
        searches(found, best, arms),
    ]
    return "\n\n".join(parts) + "\n"


INTRODUCTION = """\
# What a small model learns from its own answers

`python -m benchmarks.learning --out runs/learning --table docs/learning.md`, on {machine}.

{seeds} models of 2.4 M parameters, each from random weights of its own, learned to read boards and,
from few solutions, to reason on them. They half master where the goal is in small mazes, and where
the player is. From there each way goes on with {steps} updates on the first of these tasks alone:
on the same few solutions, on what can be made of {samples} answers of its own, {group} to each of
{sampled} other questions, or for GRPO on as many answers. "SFT on all solutions" has the solutions
of such questions, which the others do not see. Asked without options but where the table says
otherwise, greedily.

Accuracy before in %, then differences in points with 95 % intervals, over {questions} held-out
questions a seed. They are paired; questions about one position are taken together, over all seeds,
so that the intervals are for these very models, and other seeds may differ by more: hence each
one's difference. Bold: not 0."""


def machine() -> str:
    found = measure.machine()
    return f"{found['cores']} cores of {found['cpu']}, jax {found['jax']}"


@exit_on_user_error
def main(arguments: Sequence[str] | None = None, *, size: Size = FULL, start=run_module):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.learning",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("runs/learning"))
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: %(default)s)")
    parser.add_argument("--arms", help="only these, as rft,grpo (default: all)")
    parser.add_argument("--sets", type=int, help="only the first so many of the sets of questions")
    parser.add_argument("--model", type=Path, help="begin with this model instead of making one")
    parser.add_argument("--table", type=Path, help="write the tables to this file, too")
    args = parser.parse_args(arguments)

    if args.arms:
        names = args.arms.split(",")
        size = dataclasses.replace(size, arms=tuple(a for a in size.arms if a.name in names))
    size = dataclasses.replace(size, sets=size.sets[: args.sets])
    stages = Stages(args.out, start)
    generate(stages, size, with_base=not args.model)
    runs = [Run(stages, size, seed, args.model) for seed in range(args.seeds)]
    found, best = choose_rates(runs[0], size.arms)
    answers: Answers = {}
    for run in runs:
        models = {BASE: run.base()} | {arm.name: run.arm(arm, best[arm.name]) for arm in size.arms}
        for name, model in models.items():
            for of, rows in run.ask(model, name, "test", size.sets).items():
                answers.setdefault((name, of), []).append(rows)
    text = report(size, runs, found, best, answers)
    print(text)
    if args.table:
        args.table.write_text(text)


if __name__ == "__main__":
    main()
