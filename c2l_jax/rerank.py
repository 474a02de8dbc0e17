"""Uses a preference-trained model as a verifier: which of several responses to believe.

  python -m c2l_jax.rerank --responses responses --policy runs/dpo --reference runs/sft --out rerank

The responses come from `python -m c2l_jax.sample`. A response's score is log(policy / reference),
summed over its tokens (--mean: averaged). Curves say how often the answer taken from N responses is
right:
  single     one response at random, whatever N
  majority   the most frequent answer (self-consistency)
  best       the answer of the response with the largest score
  weighted   the answer with the largest sum of exp(beta * score) over its responses: beta * score
             is DPO's implicit reward, so a weight is the response's Bradley-Terry strength, against
             which preferences were fitted (the paper, arXiv 2410.16198, leaves its form open);
             --beta 1 makes it an importance weight, with the policy's own distribution of answers
  oracle     any response right (pass@N): what no choice can exceed
Ties go to the response drawn first; responses whose answer can't be read have no vote. N responses
are drawn from each question's n without replacement, --subsets times; intervals (95 %, normal) are
over questions. Writes to --out: rerank.json, scores.jsonl (each response's score and its tokens'
log-ratios) and TensorBoard events, with N for the step.
"""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from c2l_jax import options
from c2l_jax.answers import was_read
from c2l_jax.choosing import curves, table
from c2l_jax.data.processor import Processor
from c2l_jax.models.directory import fingerprint
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import exported_model, load_model
from c2l_jax.paths import Board
from c2l_jax.response_logprobs import response_logprobs
from c2l_jax.responses import read_responses, record_of
from records.errors import UserError, exit_on_user_error
from records.paths import AnyPath, anywhere, output_folder, replace_text
from records.reading import open_split

# --------------------------------------------------------------------------------------- scoring


def log_ratios(
    questions: Sequence[dict],
    record: Callable[[dict], dict],
    models: Mapping[str, AnyPath],
    *,
    format: str,
    rows: int,
    dtype: str,
) -> tuple[list[list[np.ndarray]], Processor]:
    """log(policy / reference) [r] of each response's tokens; end tokens only where one was written.

    The models, "policy" and "reference", are in memory one after the other.
    """
    mesh = options.device_mesh(rows)
    # Responses with the same text are scored once.
    texts = [list(dict.fromkeys(r["text"] for r in q["responses"])) for q in questions]

    def question(number):
        return record(questions[number]), format, texts[number]

    found = []
    for name in ("policy", "reference"):
        model = load_model(models[name], mesh, Compute(dtype))
        processor = Processor(model.directory)
        found.append(
            response_logprobs(
                model.graphdef,
                model.params,
                processor,
                question,
                len(questions),
                mesh=mesh,
                rows=rows,
                title=name,
            )
        )
        del model
    ratios = []
    for line, own, policy, reference in zip(questions, texts, *found, strict=True):
        by_text = {t: p - r for t, p, r in zip(own, policy, reference, strict=True)}
        of_line = [(by_text[r["text"]], r["ended"]) for r in line["responses"]]
        ratios.append([ratio if ended else ratio[:-1] for ratio, ended in of_line])
    return ratios, processor


def token_texts(processor: Processor, text: str, count: int) -> list[str]:
    """The pieces of a response that its first `count` tokens stand for; the end token by name.

    A piece is empty for a token that only ends a character begun by the one before.
    """
    _, starts = processor.response_and_starts(text)
    bounds = [0, *starts[1:].tolist()]
    pieces = [text[a:b] for a, b in itertools.pairwise(bounds)]
    return [*pieces, processor.tokenizer.decode([processor.end_token_id])][:count]


def score_lines(questions, ratios, scores, processor: Processor) -> str:
    """The content of scores.jsonl, a line a response."""
    lines = []
    for question, of_question, score_n in zip(questions, ratios, scores, strict=True):
        for number, response in enumerate(question["responses"]):
            kept = {name: response[name] for name in ("extracted", "correct", "ended")}
            kept["read"] = was_read(response)
            line = {
                "id": question["id"],
                "response": number,
                "score": float(score_n[number]),
                **kept,
                "tokens": token_texts(processor, response["text"], len(of_question[number])),
                "log_ratios": [round(float(ratio), 5) for ratio in of_question[number]],
            }
            lines.append(json.dumps(line) + "\n")
    return "".join(lines)


# ----------------------------------------------------------------------------------- the command


def rerank(
    *,
    responses: AnyPath | str,
    policy: AnyPath | str,
    reference: AnyPath | str,
    out: AnyPath | str,
    data: AnyPath | str | None = None,
    mean: bool = False,
    beta: float = 0.1,
    subsets: int = 256,
    seed: int = 0,
    rows: int = 8,
    dtype: str | None = None,
) -> dict:
    """Scores a directory of responses and writes the curves; see the module and its --help.

    Returns what rerank.json holds. Raises UserError for arguments that make no sense, responses
    that are not whole or of another data set, and models of different tokenisers.
    """
    options.check_positive(subsets=subsets)
    options.check_seed(seed)
    dtype, out, responses = options.chosen_dtype(dtype), anywhere(out), anywhere(responses)
    output_folder(out)
    settings, questions = read_responses(responses)
    models = {"policy": exported_model(anywhere(policy))}
    models["reference"] = exported_model(anywhere(reference))
    # What the tokenisers are, whatever files they come from.
    tokenizers = {Processor(path).tokenizer.backend_tokenizer.to_str() for path in models.values()}
    if len(tokenizers) > 1:
        raise UserError(
            f"{models['policy']} and {models['reference']} have different tokenisers: --reference "
            "must be the model that --policy was trained from."
        )
    data = anywhere(data or settings["data"])
    split = open_split(data, settings["split"])

    def record(question):
        return record_of(question, split, data)

    ratios, processor = log_ratios(
        questions, record, models, format=settings["format"], rows=rows, dtype=dtype
    )
    reduce = np.mean if mean else np.sum
    scores = [
        np.asarray([reduce(r, dtype=np.float64) if len(r) else 0.0 for r in of_question])
        for of_question in ratios
    ]
    found = curves(questions, scores, beta=beta, subsets=subsets, seed=seed)
    result = {
        **{name: str(path) for name, path in models.items()},
        **{f"{name}_fingerprint": fingerprint(path) for name, path in models.items()},
        "responses": str(responses),
        "score": "mean" if mean else "sum",
        "beta": beta,
        "subsets": subsets,
        "seed": seed,
        "questions": len(questions),
        "curves": found,
    }
    replace_text(out / "scores.jsonl", score_lines(questions, ratios, scores, processor))
    replace_text(out / "rerank.json", json.dumps(result, indent=2) + "\n")
    with Board(out) as board:
        for method, points in found.items():
            for point in points:
                board.add_scalar(f"rerank/{method}", point["accuracy"], point["n"])
    print(table(found))
    return result


@exit_on_user_error
def main(arguments: list[str] | None = None):
    parser = options.parser_of(rerank, "c2l_jax.rerank", __doc__)
    for name, what in (
        ("responses", "from c2l_jax.sample"),
        ("policy", "the preference-trained model, or its run"),
        ("reference", "the model it was trained from, or its run"),
        ("out", ""),
    ):
        parser.add_argument(f"--{name}", required=True, metavar="DIR", help=what)
    parser.add_argument("--data", help="if it is elsewhere now than when sampling")
    parser.add_argument("--mean", action="store_true", help="score by the mean over tokens")
    parser.add_argument(
        "--beta", type=float, help="of weighted voting; as in training (default: %(default)s)"
    )
    parser.add_argument("--subsets", type=int, help="a question (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of the subsets (default: %(default)s)")
    parser.add_argument("--rows", type=int, help="rows scored at a time (default: %(default)s)")
    options.add_dtype(parser)
    rerank(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
