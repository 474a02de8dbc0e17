"""What a data set is measured by: a module an evaluator. It has

  judge(records, responses)   a verdict on each response, with a score where a measure has one
and may have
  asked(split, indices)       (questions, indices): what is asked in place of these records
  summarise(questions)        what evaluation.json says of lines of responses.jsonl, in place of
                              `summarise`; `figures`, by name, are numbers of its own

Another evaluator is one more line in EVALUATORS, or the import path of a module anywhere.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from c2l_jax import accuracy
from c2l_jax.responses import judged
from records.errors import UserError
from records.imports import module_at
from records.paths import AnyPath, read_json
from records.reading import dataset_directory

EVALUATORS = {
    name: f"c2l_jax.evaluators.{name}"
    for name in ("games", "circular", "relaxed", "anls", "vqa", "mathematics", "exact")
}
# By benchmark, as `synth import hf --preset` names it; all others are measured like games.
OF_BENCHMARK = {
    "chartqa": "relaxed",
    "docvqa": "anls",
    "infovqa": "anls",
    "mathverse": "mathematics",
    "mathvision": "mathematics",
    "mmbench": "circular",
    "textvqa": "vqa",
}


def name_for(data: AnyPath) -> str:
    """The evaluator of the benchmark that a data set was imported from.

    A preset tells it, and for VLMEvalKit's tables their name ("DocVQA_VAL").
    """
    metadata = read_json(dataset_directory(data) / "metadata.json")
    options = metadata.get("options", {})
    benchmark = options.get("preset") or ""
    if metadata.get("format") == "vlmevalkit":
        benchmark = options["name"].lower().partition("_")[0]
    return OF_BENCHMARK.get(benchmark, "games")


def named(name: str) -> ModuleType:
    """Raises UserError where there is no such evaluator."""
    module = module_at(EVALUATORS.get(name, name))
    if not hasattr(module, "judge"):
        raise UserError(
            f"--evaluator {name!r} must be one of {', '.join(EVALUATORS)}, or the import path of a "
            "module with a function `judge`."
        )
    return module


def summarise(questions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """`accuracy.summarise` of lines of responses.jsonl, all with the same number of responses."""
    return accuracy.summarise(judged(questions), len(questions[0]["responses"]))
