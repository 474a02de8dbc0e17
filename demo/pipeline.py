"""The stages of the demo, each a few of the project's own commands.

Everything is on one line: questions from game code, a small model with random weights, SFT in
stages, its answers to training questions, pairs of them, DPO; beside DPO as many steps of more SFT.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from c2l_jax.accuracy import paired_difference
from c2l_jax.responses import judged, read_responses
from configs import demo_dpo, demo_sft
from configs.demo_dpo import DPO_TASKS
from configs.demo_sft import FORMAT
from demo.commands import Commands
from records.reading import dataset_directory, open_split

# Steps of each stage: those of configs/demo_sft.py in their order, then DPO and as many of more
# SFT.
STEPS = {"read": 500, "reason": 850, "dpo": 50}
PRESET = "tiny"
GAMES = "maze,tictactoe"
PER_TASK = 1000  # records for each of the 27 pairs of task and level
SIZE = 112  # px: one vision window
QUESTIONS = 400  # held-out questions of all tasks
TASK_QUESTIONS = 600  # held-out questions of DPO_TASKS, for the comparison
SAMPLED = 1200  # training questions of DPO_TASKS that the SFT model answers N times
RERANKED = 150  # held-out questions of DPO_TASKS that it answers N times
N = 8
MAX_TOKENS = 160
ROWS = 60  # questions at a time
DTYPE = ("--dtype", "float32")  # on a GPU too: what configs/demo_*.py train in

STAGES = ("SFT", "more SFT", "DPO")
CHOSEN = "chosen"  # DPO without its pairs; not in the demo, which has no time for it


@dataclasses.dataclass(frozen=True)
class Run:
    """One seed's way from random weights to DPO, in `out`; the questions are the same for all."""

    commands: Commands
    data: Path
    out: Path
    seed: int

    @property
    def sft(self) -> Path:
        """The working directory of the last stage of SFT."""
        return self.out / list(sft_stages())[-1]

    def of(self, stage: str) -> Path:
        """The working directory that ends with a stage of STAGES, or with CHOSEN."""
        return self.sft if stage == "SFT" else self.out / stage.lower().replace(" ", "_")


def sft_stages() -> dict[str, int]:
    return {stage: steps for stage, steps in STEPS.items() if stage != "dpo"}


def generate(commands: Commands, data: Path):
    commands.run("Questions from both games", "synth", "generate", "--out", data, "--games", GAMES,
                 "--per-task", PER_TASK, "--seed", 0, "--size", SIZE, out=data)  # fmt: skip


def init(run: Run) -> Path:
    """The model's directory. With other questions than before, everything starts anew here."""
    model = run.out / "model"
    run.commands.run("A small model with random weights", "c2l_jax.init_model", "--preset", PRESET,
                     "--data", run.data, "--out", model, "--seed", run.seed, out=model,
                     settings=(dataset_directory(run.data) / "dataset_info.json").read_text(),
                     )  # fmt: skip
    return model


def train(run: Run, title: str, program: str, model: Path, data: Path, workdir: Path, steps: int):
    """`program` is FILE:STAGE in configs/."""
    name, stage = program.split(":")
    settings = {"demo_sft": demo_sft, "demo_dpo": demo_dpo}[name].get_config(stage)
    arguments = ["--config", f"configs/{name}.py:{stage}", "--workdir", workdir]
    changed = {"model": model, "data.path": data, "steps": steps, "seed": run.seed}
    arguments += [f"--config.{key}={value}" for key, value in changed.items()]
    run.commands.run(title, "c2l_jax.train", *arguments, out=workdir, settings=settings.to_json())


def supervise(run: Run, model: Path):
    """SFT, stage after stage."""
    for stage, steps in sft_stages().items():
        workdir = run.out / stage
        train(run, f"SFT: {stage}", f"demo_sft:{stage}", model, run.data, workdir, steps)
        model = workdir / "model"


def sample(run: Run, split: str, limit: int) -> Path:
    """N answers of the SFT model to each of `limit` questions of DPO_TASKS."""
    out = run.out / f"samples_{split}"
    run.commands.run(f"Sampling: {N} answers to each of {limit} {split} questions",
                     "c2l_jax.sample", "--model", run.sft, "--data", run.data, "--split", split,
                     "--tasks", DPO_TASKS, "--format", FORMAT, "--limit", limit, "--n", N,
                     "--rows", 8, "--lanes", N, "--max-tokens", MAX_TOKENS, "--seed", run.seed,
                     *DTYPE, "--out", out, out=out)  # fmt: skip
    return out


def prefer(run: Run):
    """Pairs of the model's own answers, DPO on them, and as many steps of more SFT."""
    responses, pairs = sample(run, "train", SAMPLED), run.out / "pairs"
    run.commands.run("Pairs: right against wrong answers", "c2l_jax.preferences", "--responses",
                     responses, "--out", pairs, "--validation", 0.1, "--seed", run.seed, *DTYPE,
                     out=pairs)  # fmt: skip
    model, steps = run.sft / "model", STEPS["dpo"]
    train(run, "DPO on the pairs", "demo_dpo:dpo", model, pairs, run.of("DPO"), steps)
    title = "For comparison: as many steps of more SFT"
    train(run, title, "demo_dpo:more_sft", model, run.data, run.of("more SFT"), steps)


def imitate(run: Run):
    """As many steps as DPO's on its chosen responses alone."""
    title = "For comparison: the chosen answers' likelihood alone"
    model, pairs = run.sft / "model", run.out / "pairs"
    train(run, title, "demo_dpo:chosen", model, pairs, run.of(CHOSEN), STEPS["dpo"])


def ask(run: Run, name: str, model: Path, limit: int, tasks: str | None = None) -> list[dict]:
    """Judged responses to held-out questions, as evaluate writes them; `name` is a folder's."""
    out = run.out / "evaluations" / name
    only = ["--tasks", tasks] if tasks else []
    run.commands.run(f"Evaluation: {name.replace('_', ' ')}", "c2l_jax.evaluate", "--model", model,
                     "--data", run.data, "--split", "test", *only, "--format", FORMAT, "--limit",
                     limit, "--rows", ROWS, "--max-tokens", MAX_TOKENS, *DTYPE, "--out", out,
                     out=out)  # fmt: skip
    return judged(read_responses(out)[1])


def compare(run: Run, stages: Sequence[str] = STAGES) -> dict[str, list[dict]]:
    """What each stage answers to the same held-out questions of DPO_TASKS."""
    return {
        stage: ask(run, f"{stage.replace(' ', '_')}_on_its_tasks", run.of(stage), TASK_QUESTIONS,
                   DPO_TASKS)
        for stage in stages
    }  # fmt: skip


def rerank(run: Run) -> Path:
    """DPO's model as a verifier of the SFT model's answers to held-out questions."""
    out = run.out / "rerank"
    run.commands.run("Choosing among answers with the DPO model", "c2l_jax.rerank", "--responses",
                     sample(run, "test", RERANKED), "--policy", run.of("DPO"), "--reference",
                     run.sft, "--seed", run.seed, *DTYPE, "--out", out, out=out)  # fmt: skip
    return out


def differences(data: Path, answered: dict[str, list[dict]]) -> dict[str, dict]:
    """Paired differences between the stages, questions about one position taken together.

    answered: judged responses by stage, in one order.
    """
    test = open_split(data, "test").only("id", "state")
    positions = {record["id"]: record["state"] for record in test}
    correct = {name: [row["correct"] for row in rows] for name, rows in answered.items()}
    groups = [positions[row["id"]] for row in answered["SFT"]]
    compared = [("DPO", "SFT"), ("more SFT", "SFT"), ("DPO", "more SFT")]
    if CHOSEN in answered:
        compared += [(CHOSEN, "SFT"), ("DPO", CHOSEN)]
    return {
        f"{second} − {first}": paired_difference(correct[first], correct[second], groups)
        for second, first in compared
    }


def gain(found: dict[str, dict], answered: dict[str, list[dict]]) -> dict:
    """Accuracies in %, paired differences in points with 95 % intervals, over `answered`."""
    right = {stage: sum(row["correct"] for row in rows) for stage, rows in answered.items()}
    count = len(answered["SFT"])
    result = {
        "tasks": DPO_TASKS,
        "questions": count,
        "accuracy": {_key(stage): round(100 * each / count, 2) for stage, each in right.items()},
    }
    for name, difference in found.items():
        value, low, high = (
            round(100 * difference[key], 2) for key in ("difference", "low", "high")
        )
        # What preferences are worth has the plain name.
        interval = "interval_95" if name == "DPO − SFT" else f"{_key(name)}_interval_95"
        result |= {_key(name): value, interval: [low, high]}
    return result


def _key(name: str) -> str:
    return name.lower().replace("−", "minus").replace(" ", "_")
