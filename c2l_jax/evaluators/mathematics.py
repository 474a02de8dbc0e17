"""Mathematics, of MathVision and MathVerse: equal as formulas, by the package math-verify.

What the rules (c2l_jax.answers) find right is right; where they don't, a stated formula may still
equal an accepted one: "\\sqrt{8}" is 2\\sqrt{2}.
"""

from collections.abc import Sequence

from c2l_jax import answers
from c2l_jax.judging import scored
from records.errors import UserError

try:
    import math_verify
except ModuleNotFoundError as error:
    raise UserError(
        f"the evaluator mathematics needs {error.name}: pip install 'c2l-jax[math]', or take "
        "--evaluator games."
    ) from None


def judge(records, responses):
    by_rules = answers.judge(records, responses)
    by_formulas = scored(equal_formulas, records, responses)
    return [
        formulas if formulas.correct else rules
        for rules, formulas in zip(by_rules, by_formulas, strict=True)
    ]


def equal_formulas(answer: str, accepted: Sequence[str]) -> float:
    said = _parsed(answer)
    return float(any(math_verify.verify(_parsed(each), said) for each in accepted))


def _parsed(text: str) -> list:
    """As LaTeX, whether it says so or not."""
    return math_verify.parse(text if "$" in text or "\\boxed" in text else f"${text}$")
