"""What can be guessed without the picture.

A blind reader sees everything but the picture: question, level, options and their order. It learns
on one half of a task's records and answers the other half, and the other way round, so every
record counts once. `judge` tells whether the best of several readers knows too much:

- Multiple choice: more than MARGIN above 1 / (number of options).
- Fill-in: more than MARGIN above guessing in proportion to how often each answer occurs (the sum of
  p^2), or one answer that fills more than MAX_SHARE. Both hold for the whole task, where a reader
  may make use of the level, and within each level.

A reader exceeds a bound only if one whose true accuracy is the bound would do as well with a
probability below ALPHA. With few records this allows for luck; with many it vanishes.
"""

import collections
import dataclasses
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from string import ascii_uppercase as LETTERS

import numpy as np
from scipy.stats import binom
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

MARGIN = 0.05
MAX_SHARE = 0.5
ALPHA = 0.001
LOOK_STEPS, LOOK_RATE = 300, 0.2  # gradient descent; early enough not to learn chance


@dataclasses.dataclass(frozen=True)
class Score:
    """How a reader did: right on `hits` of `count` records, where `bound` may be right."""

    reader: str
    hits: int
    count: int
    bound: float

    @property
    def accuracy(self) -> float:
        return self.hits / self.count

    @property
    def exceeds(self) -> bool:
        return float(binom.sf(self.hits - 1, self.count, self.bound)) < ALPHA


def judge(records: Sequence[dict]) -> list[Score]:
    """The readers' scores on the records of one task, the one furthest above its bound first.

    records: in random order; `question`, `options`, `answer` and `plot_level` are looked at.
    """
    if len(records) < 2:  # nothing to learn from
        return [Score("none", 0, 1, 1.0)]
    scores = _judge_choice(records) if records[0]["options"] else _judge_fill_in(records)
    return sorted(scores, key=lambda score: score.bound - score.accuracy)


def asked(record: dict) -> str:
    """The question without the rules: it may name a cell or a direction."""
    return record["question"].split("\n\n", 1)[-1]


def right(record: dict) -> int:
    return LETTERS.index(record["answer"])


def _cross_fit(read: Callable, records: Sequence[dict]) -> np.ndarray:
    """Guesses for all records, each made by a reader that learnt from the other half."""
    half = len(records) // 2
    one, other = records[:half], records[half:]
    return np.concatenate([read(other, one), read(one, other)])


def _judge_choice(records) -> list[Score]:
    key = np.array([right(record) for record in records])
    bound = 1 / len(records[0]["options"]) + MARGIN
    return [
        Score(name, int((_cross_fit(read, records) == key).sum()), len(records), bound)
        for name, read in CHOICE_READERS.items()
    ]


def _judge_fill_in(records) -> list[Score]:
    key = np.array([record["answer"] for record in records])
    levels = np.array([record["plot_level"] for record in records])
    parts = {"the task": levels != ""}
    parts |= {level: levels == level for level in dict.fromkeys(levels.tolist())}
    guesses = {name: _cross_fit(read, records) for name, read in FILL_IN_READERS.items()}
    scores = []
    for part, at in parts.items():
        (answer, hits), *_ = collections.Counter(key[at].tolist()).most_common(1)
        scores.append(Score(f"always '{answer}', {part}", hits, int(at.sum()), MAX_SHARE))
        for name, guess in guesses.items():
            hits, bound = int((guess == key)[at].sum()), _chance(key[at]) + MARGIN
            scores.append(Score(f"{name}, {part}", hits, int(at.sum()), bound))
    return scores


def _chance(answers: np.ndarray) -> float:
    """The sum of p^2: how often two of the answers, drawn at random, are equal."""
    counts = np.unique(answers, return_counts=True)[1]
    return float((counts * (counts - 1)).sum() / max(1, len(answers) * (len(answers) - 1)))


def read_majority(train, test) -> np.ndarray:
    """Always the commonest answer; of a multiple-choice task, the commonest position."""
    answers = collections.Counter(record["answer"] for record in train)
    return np.array([answers.most_common(1)[0][0]] * len(test))


def read_level(train, test) -> np.ndarray:
    """The commonest answer of the level."""
    by_level = {record["plot_level"]: [] for record in [*test, *train]}
    for record in train:
        by_level[record["plot_level"]].append(record)
    best = {level: read_majority(some or train, [0])[0] for level, some in by_level.items()}
    return np.array([best[record["plot_level"]] for record in test])


def read_position(train, test) -> np.ndarray:
    return np.array([LETTERS.index(letter) for letter in read_majority(train, test)])


def words_in(text: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+", text.lower())


def read_question(train, test) -> np.ndarray:
    """Logistic regression from the level and the question's words to the answer."""
    in_all = _words_in_all(train)

    def clues(record):
        words = [word for word in words_in(asked(record)) if word not in in_all]
        pairs = [f"{a} {b}" for a, b in pairwise(words)]
        level = record["plot_level"]
        return [level, *words, *pairs, *(f"{level} {word}" for word in words)]

    answers = [record["answer"] for record in train]
    if len(set(answers)) == 1:
        return read_majority(train, test)
    counter = CountVectorizer(analyzer=clues, max_features=2000)
    model = LogisticRegression(C=0.1, max_iter=200).fit(counter.fit_transform(train), answers)
    return model.predict(counter.transform(test))


def _words_in_all(records) -> set[str]:
    return set.intersection(*(set(words_in(asked(record))) for record in records))


def read_options(train, test) -> np.ndarray:
    """Logistic regression from an option's words, alone and beside the question's, to right."""
    in_all = _words_in_all(train)

    def clues(record):
        context = [record["plot_level"], *set(words_in(asked(record))) - in_all]
        for option in record["options"]:
            words = words_in(option)
            pairs = [f"{a} {b}" for a, b in pairwise(words)]
            beside = [f"{word} {other}" for word in set(words) for other in context]
            yield [*words, *pairs, *beside, " ".join(words)]

    def rows(records):
        return hasher.transform(row for record in records for row in clues(record))

    hasher = FeatureHasher(2**16, input_type="string", alternate_sign=False)
    is_right = [at == right(r) for r in train for at in range(len(r["options"]))]
    # The dual problem is solved twenty times as fast where there are more features than records.
    model = LogisticRegression(C=0.1, solver="liblinear", dual=True, tol=0.01, random_state=0)
    odds = model.fit(rows(train), is_right).decision_function(rows(test))
    return odds.reshape(len(test), -1).argmax(1)


def read_text(train, test, context) -> np.ndarray:
    """Guesses the option whose text was right most often where it was offered in this context."""
    offered, won = collections.Counter(), collections.Counter()
    for record in train:
        for at, option in enumerate(record["options"]):
            offered[context(record), option] += 1
            won[context(record), option] += at == right(record)
    chance = 1 / len(train[0]["options"])

    def share(record, option):
        seen = context(record), option
        return (won[seen] + 3 * chance) / (offered[seen] + 3)

    return np.array([np.argmax([share(r, option) for option in r["options"]]) for r in test])


def numbers_in(text: str) -> list[float]:
    """The first two numbers of a text, 0 where it has fewer."""
    return ([float(number) for number in re.findall(r"\d+", text)] + [0.0, 0.0])[:2]


def look(record: dict) -> np.ndarray:
    """[options, features]: what an option looks like, alone and beside the others."""
    pairs_o2 = np.array([numbers_in(option) for option in record["options"]])
    words = [re.findall(r"[a-z]+", option) for option in record["options"]]
    every_word = [word for some in words for word in some]
    in_question = set(words_in(asked(record)))
    sizes = [
        np.array([len(option) for option in record["options"]], float),
        np.array([len(some) for some in words], float),
        np.array([len(set(some)) for some in words], float),
        pairs_o2.sum(1),
        *pairs_o2.T,
    ]
    beside = [
        # An answer often is what the distractors were made from: their centre, their common part.
        np.abs(pairs_o2[:, None] - pairs_o2).sum((1, 2)),
        *(pairs_o2[:, None] == pairs_o2).sum(0).T.astype(float),
        np.array([sum(some[:3] == other[:3] for other in words) for some in words], float),
        np.array([sum(every_word.count(word) for word in set(some)) for some in words], float),
        np.abs(pairs_o2 - numbers_in(asked(record))).sum(1),
        np.array([len(in_question.intersection(words_in(o))) for o in record["options"]], float),
    ]
    extreme = [np.abs(size - size.mean()) for size in sizes]
    ranks = [size.argsort(kind="stable").argsort(kind="stable") for size in sizes]
    # Which rank wins may be any, so each has a feature of its own.
    at_rank = [(rank[:, None] == np.arange(len(words))).astype(float) for rank in ranks]
    columns_of = np.stack([np.arange(len(words)), *sizes, *beside, *extreme, *ranks], 1)
    columns_of = np.concatenate([columns_of, *at_rank], 1)
    columns_of = columns_of - columns_of.mean(0)
    return columns_of / np.maximum(columns_of.std(0), 1e-6)


def read_look(train, test) -> np.ndarray:
    """Guesses of a logistic regression over the options' looks."""
    looks_nof = np.stack([look(record) for record in train])
    right_no = np.eye(looks_nof.shape[1])[[right(record) for record in train]]
    weights_f = np.zeros(looks_nof.shape[2])
    for _ in range(LOOK_STEPS):
        odds_no = np.exp(looks_nof @ weights_f)
        error_no = odds_no / odds_no.sum(1, keepdims=True) - right_no
        weights_f -= LOOK_RATE * np.tensordot(error_no, looks_nof, 2) / len(train)
    return np.stack([look(record) @ weights_f for record in test]).argmax(1)


def _text_in(context: Callable) -> Callable:
    return lambda train, test: read_text(train, test, context)


FILL_IN_READERS = {"majority": read_majority, "level": read_level, "words": read_question}
CHOICE_READERS = {
    "position": read_position,
    "look": read_look,
    "words": read_options,
    "text": _text_in(lambda record: ""),
    "text and level": _text_in(lambda record: record["plot_level"]),
    "text and question": _text_in(asked),
    "set of options": _text_in(lambda record: tuple(sorted(record["options"]))),
}
