"""One answer out of N responses to a question: how often it is right, for several ways to choose.

  single     one response at random, whatever N
  majority   the most frequent answer (self-consistency)
  best       the answer of the response with the largest score of a verifier
  weighted   the answer with the largest sum of exp(beta * score) over its responses
  oracle     any response right, pass@N: what no choice can exceed
Ties go to the response drawn first; responses whose answer can't be read have no vote.
"""

import math
from collections.abc import Sequence

import numpy as np

from c2l_jax.accuracy import wilson
from c2l_jax.answers import matches, score_of, was_read
from c2l_jax.data.processor import letter

METHODS = ("single", "majority", "best", "weighted", "oracle")
UNVERIFIED = ("single", "majority", "oracle")  # what needs no scores


def same_answers(question: dict) -> np.ndarray:
    """bool [n, n]: whether two responses give the same answer; one whose answer can't be read
    agrees with none, not even itself."""
    responses = question["responses"]
    extracted = [each["extracted"] if was_read(each) else None for each in responses]
    options = question["options"]
    if options:
        letters = [letter(i) for i in range(len(options))]
        chosen = [[matches(text, question | {"answer": a}) for a in letters] for text in extracted]
        return np.asarray(chosen, int) @ np.asarray(chosen, int).T > 0
    verdicts: dict[tuple[str, str], bool] = {}
    for a in {text for text in extracted if text}:
        for b in {text for text in extracted if text}:
            verdicts[a, b] = matches(b, {"options": [], "answer": a})
    return np.asarray(
        [
            [verdicts.get((a, b), False) or verdicts.get((b, a), False) for b in extracted]
            for a in extracted
        ]
    )


def pass_at(right_n: np.ndarray, k: int) -> float:
    """The expected best of k of n responses, drawn without replacement; right_n [n] in [0, 1].

    With c of them right it is 1 - C(n - c, k) / C(n, k), the unbiased estimator of pass@k of
    Chen et al. 2021 (arXiv 2107.03374, equation 1).
    """
    n = len(right_n)
    # The response of rank i is the best of those drawn if the others come from the i below it.
    ways = [math.comb(i, k - 1) / math.comb(n, k) for i in range(n)]
    return float(np.sort(right_n) @ ways)


def share_right(
    right_n: np.ndarray,
    same_nn: np.ndarray,
    score_n: np.ndarray | None,
    drawn_sm: np.ndarray,
    beta: float,
) -> dict[str, float]:
    """How often each method is right on one question, over S subsets of M drawn responses.

    score_n: a verifier's; without, only UNVERIFIED are there.
    """
    right_sm = right_n[drawn_sm]
    same_smm = same_nn[drawn_sm[:, :, None], drawn_sm[:, None, :]]
    votes = {"majority": same_smm.sum(-1)}
    if score_n is not None:
        score_sm = score_n[drawn_sm]
        weight_sm = np.exp(beta * (score_sm - score_sm.max(-1, keepdims=True)))
        votes |= {"best": score_sm, "weighted": (same_smm * weight_sm[:, None]).sum(-1)}
    shares = {
        name: float(np.take_along_axis(right_sm, value.argmax(-1)[:, None], 1).mean())
        for name, value in votes.items()
    }
    oracle = pass_at(right_n, drawn_sm.shape[1])
    return {"single": float(right_n.mean()), **shares, "oracle": oracle}


def curves(
    questions: Sequence[dict],
    scores: Sequence[np.ndarray] | None = None,
    *,
    beta: float = 1.0,
    subsets: int = 256,
    seed: int = 0,
) -> dict[str, list[dict]]:
    """For each method the points {n, accuracy, low, high} at N = 1, 2, 4, ... and all responses.

    Args:
      questions: lines of responses.jsonl, all with the same number n of responses.
      scores: [n] of each question, a verifier's; without, only UNVERIFIED are there.
      subsets: how often N responses are drawn from the n of a question, without replacement.
    """
    n = len(questions[0]["responses"])
    sizes = [2**power for power in range(n.bit_length()) if 2**power < n] + [n]
    methods = UNVERIFIED if scores is None else METHODS
    shares: dict[tuple[str, int], list[float]] = {(m, size): [] for m in methods for size in sizes}
    for number, question in enumerate(questions):
        right_n = np.asarray([score_of(response) for response in question["responses"]])
        same_nn = same_answers(question)
        rng = np.random.default_rng([seed, number])
        drawn_sn = rng.permuted(np.tile(np.arange(n), (subsets, 1)), axis=1)
        score_n = None if scores is None else scores[number]
        for size in sizes:
            of_question = share_right(right_n, same_nn, score_n, drawn_sn[:, :size], beta)
            for method in methods:
                shares[method, size].append(of_question[method])
    return {m: [{"n": size, **_interval(shares[m, size])} for size in sizes] for m in methods}


def _interval(shares: Sequence[float]) -> dict[str, float]:
    """Mean over questions and its 95 % interval, within 0..1; questions count as independent.

    Normal, but Wilson's where all questions have one share: 20 of 20 right don't make it certain.
    """
    mean = float(np.mean(shares))
    deviation = float(np.std(shares, ddof=1)) if len(shares) > 1 else 0.0
    if not deviation:
        low, high = wilson(mean * len(shares), len(shares))
        return {"accuracy": mean, "low": low, "high": high}
    half = 1.96 * deviation / math.sqrt(len(shares))
    return {"accuracy": mean, "low": max(0.0, mean - half), "high": min(1.0, mean + half)}


def table(found: dict[str, list[dict]]) -> str:
    """Accuracy in per cent and its interval, a line a number of responses."""
    lines = [f"{'N':>4}" + "".join(f"{method:>22}" for method in found)]
    for row in zip(*found.values(), strict=True):
        cells = (
            f"{100 * p['accuracy']:6.1f} ({100 * p['low']:.1f} – {100 * p['high']:.1f})"
            for p in row
        )
        lines.append(f"{row[0]['n']:>4}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)
