"""The stages of the demo, each a few of the project's own commands.

Everything is on one line: questions from game code, a small model with random weights, SFT in
stages; then, from there and on the task that it half masters, DPO on pairs of its own answers, and
GRPO. Beside them as many steps of more SFT on the solutions of that task.
"""

import dataclasses
from pathlib import Path

from c2l_jax.accuracy import paired_difference
from c2l_jax.responses import judged, read_responses
from configs import demo_dpo, demo_grpo, demo_sft
from configs.demo_sft import FORMAT, HALF_KNOWN
from demo.commands import Commands
from records.reading import dataset_directory, open_split

OUTSIDE = "snake"  # out of domain: never trained on
GAMES = f"maze,sokoban,tictactoe,{OUTSIDE}"
TASKS = r"Easy/(maze/(player|goal)|sokoban/player|snake/head)_position|Easy/tictactoe/cell_color"
PRESET = "tiny"
SIZE = 112  # px: one vision window
N = 8
MAX_TOKENS = 96
ROWS = 60  # questions at a time
DTYPE = ("--dtype", "float32")  # on a GPU too: what configs/demo_*.py train in

STAGES = ("SFT", "more SFT", "DPO", "GRPO")
OWN = ("DPO", "GRPO")  # of these, what learns from its own answers, to HALF_KNOWN


@dataclasses.dataclass(frozen=True)
class Size:
    """Numbers of the demo's parts.

    steps: of the stages of configs/demo_sft.py in their order, then of DPO, of GRPO and, as many
      as of the longer one, of more SFT. per_task, held_out: records of each task, and how many of
      them are asked in evaluations; of_half_known: the same of HALF_KNOWN, in one more. sampled:
      training questions that the SFT model answers N times; reranked: held-out ones.
    """

    steps: dict[str, int]
    per_task: int
    held_out: int
    of_half_known: int
    sampled: int
    reranked: int


FULL = Size(
    steps={"read": 650, "reason": 540, "dpo": 32, "grpo": 30},
    per_task=3000,
    held_out=70,
    of_half_known=300,
    sampled=400,
    reranked=80,
)
# All stages, and no claims.
SMALL = Size(
    steps={"read": 10, "reason": 60, "dpo": 4, "grpo": 2},
    per_task=300,
    held_out=12,
    of_half_known=30,
    sampled=40,
    reranked=16,
)


@dataclasses.dataclass(frozen=True)
class Run:
    """One way from random weights to DPO and GRPO, in `out`."""

    commands: Commands
    out: Path
    seed: int
    size: Size

    @property
    def data(self) -> Path:
        return self.out / "data"

    @property
    def sft(self) -> Path:
        """The working directory of the last stage of SFT."""
        return self.out / list(demo_sft.TASKS)[-1]

    def of(self, stage: str) -> Path:
        """The working directory that ends with a stage of STAGES."""
        return self.sft if stage == "SFT" else self.out / stage.lower().replace(" ", "_")


def generate(run: Run):
    run.commands.run("Questions from four games, one of which is never trained on",
                     "synth", "generate", "--out", run.data, "--games", GAMES, "--tasks", TASKS,
                     "--per-task", run.size.per_task, "--seed", 0, "--size", SIZE,
                     out=run.data)  # fmt: skip


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
    settings = {"demo_sft": demo_sft, "demo_dpo": demo_dpo, "demo_grpo": demo_grpo}[name]
    arguments = ["--config", f"configs/{name}.py:{stage}", "--workdir", workdir]
    changed = {"model": model, "data.path": data, "steps": steps, "seed": run.seed}
    arguments += [f"--config.{key}={value}" for key, value in changed.items()]
    run.commands.run(title, "c2l_jax.train", *arguments, out=workdir,
                     settings=settings.get_config(stage).to_json())  # fmt: skip


def supervise(run: Run, model: Path):
    """SFT, stage after stage."""
    for stage in demo_sft.TASKS:
        workdir, steps = run.out / stage, run.size.steps[stage]
        train(run, f"SFT: {stage}", f"demo_sft:{stage}", model, run.data, workdir, steps)
        model = workdir / "model"


def sample(run: Run, split: str, limit: int) -> Path:
    """N answers of the SFT model to each of `limit` questions of HALF_KNOWN."""
    out = run.out / f"samples_{split}"
    run.commands.run(f"Sampling: {N} answers to each of {limit} {split} questions",
                     "c2l_jax.sample", "--model", run.sft, "--data", run.data, "--split", split,
                     "--tasks", HALF_KNOWN, "--format", FORMAT, "--limit", limit, "--n", N,
                     "--rows", 8, "--lanes", N, "--max-tokens", MAX_TOKENS, "--seed", run.seed,
                     *DTYPE, "--out", out, out=out)  # fmt: skip
    return out


def go_on(run: Run):
    """From the SFT model: DPO on pairs of its own answers, GRPO, and more SFT."""
    responses, pairs = sample(run, "train", run.size.sampled), run.out / "pairs"
    run.commands.run("Pairs: right against wrong answers", "c2l_jax.preferences", "--responses",
                     responses, "--out", pairs, "--pairing", "near", "--low", 0, "--high", 1,
                     "--validation", 0.1, "--seed", run.seed, *DTYPE, out=pairs)  # fmt: skip
    model, steps = run.sft / "model", run.size.steps
    train(run, "DPO on the pairs", "demo_dpo:dpo", model, pairs, run.of("DPO"), steps["dpo"])
    train(run, "GRPO", "demo_grpo:grpo", model, run.data, run.of("GRPO"),
          steps["grpo"])  # fmt: skip
    train(run, "For comparison: more SFT", "demo_dpo:more_sft", model, run.data,
          run.of("more SFT"), max(steps["dpo"], steps["grpo"]))  # fmt: skip


def ask(run: Run, name: str, model: Path, count: int, tasks: str = ".") -> list[dict]:
    """Judged responses to so many held-out questions of each task; `name` is a folder's."""
    out = run.out / "evaluations" / name.replace(" ", "_")
    run.commands.run(f"Evaluation: {name}", "c2l_jax.evaluate", "--model", model, "--data",
                     run.data, "--split", "test", "--tasks", tasks, "--format", FORMAT,
                     "--per-task", count, "--rows", ROWS, "--max-tokens", MAX_TOKENS, *DTYPE,
                     "--out", out, out=out)  # fmt: skip
    return judged(read_responses(out)[1])


def compare(run: Run) -> dict[str, list[dict]]:
    """What each stage answers to the same questions of HALF_KNOWN."""
    return {
        stage: ask(run, f"{stage} on what SFT half knows", run.of(stage), run.size.of_half_known,
                   HALF_KNOWN)
        for stage in STAGES
    }  # fmt: skip


def rerank(run: Run) -> Path:
    """DPO's model as a verifier of the SFT model's answers to held-out questions."""
    out = run.out / "rerank"
    run.commands.run("Choosing among answers with the DPO model", "c2l_jax.rerank", "--responses",
                     sample(run, "test", run.size.reranked), "--policy", run.of("DPO"),
                     "--reference", run.sft, "--seed", run.seed, *DTYPE, "--out", out,
                     out=out)  # fmt: skip
    return out


def differences(data: Path, answered: dict[str, list[dict]], own: str) -> dict[str, dict]:
    """Paired differences between the stages, questions about one position taken together.

    answered: judged responses by stage, in one order. own: one of OWN.
    """
    test = open_split(data, "test").only("id", "state")
    positions = {record["id"]: record["state"] for record in test}
    correct = {name: [row["correct"] for row in rows] for name, rows in answered.items()}
    groups = [positions[row["id"]] for row in answered["SFT"]]
    return {
        f"{second} − {first}": paired_difference(correct[first], correct[second], groups)
        for second, first in ((own, "SFT"), ("more SFT", "SFT"), (own, "more SFT"))
    }


def gain(found: dict[str, dict], answered: dict[str, list[dict]]) -> dict:
    """Accuracies in %, paired differences in points with 95 % intervals, over `answered`."""
    right = {stage: sum(row["correct"] for row in rows) for stage, rows in answered.items()}
    count = len(answered["SFT"])
    result = {
        "tasks": HALF_KNOWN,
        "questions": count,
        "accuracy": {_key(stage): round(100 * each / count, 2) for stage, each in right.items()},
    }
    for name, difference in found.items():
        value, low, high = (
            round(100 * difference[key], 2) for key in ("difference", "low", "high")
        )
        result |= {_key(name): value, f"{_key(name)}_interval_95": [low, high]}
    return result


def _key(name: str) -> str:
    return name.lower().replace("−", "minus").replace(" ", "_")
