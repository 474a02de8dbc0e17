"""Average normalised Levenshtein similarity, of DocVQA and InfographicVQA (arXiv 1905.13648).

A response scores 1 - d / l with the accepted answer that it is nearest to, d being the edits from
one to the other and l the length of the longer one, both in lower case; but 0 if that is below 0.5:
then it is another answer and no misspelt one.
"""

from collections.abc import Sequence

from c2l_jax.judging import scored

THRESHOLD = 0.5


def judge(records, responses):
    return scored(anls, records, responses)


def anls(answer: str, accepted: Sequence[str]) -> float:
    best = max(_similarity(_plain(answer), _plain(each)) for each in accepted)
    return best if best >= THRESHOLD else 0.0


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _similarity(first: str, second: str) -> float:
    longer = max(len(first), len(second))
    return 1 - edits(first, second) / longer if longer else 1.0


def edits(first: str, second: str) -> int:
    """Levenshtein's distance: insertions, deletions and replacements of a character."""
    above = list(range(len(second) + 1))
    for row, character in enumerate(first, 1):
        line = [row]
        for column, other in enumerate(second, 1):
            replaced = above[column - 1] + (character != other)
            line.append(min(replaced, above[column] + 1, line[-1] + 1))
        above = line
    return above[-1]
