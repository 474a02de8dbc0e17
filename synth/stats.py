"""What a data set holds: counts, answers, chains and pictures of each task."""

import collections
import dataclasses
import math
import statistics
from pathlib import Path

from tqdm import tqdm

from records.reading import dataset_directory, open_splits
from records.schema import SPLITS, answer_text
from synth.dataset import NAME
from synth.game import CATEGORIES, LEVELS


@dataclasses.dataclass
class Of:
    """The records of one task. words: in each chain of reasoning."""

    game: str
    task: str
    category: str
    qa_type: str
    splits: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    levels: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    answers: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    pictures: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    steps: list[int] = dataclasses.field(default_factory=list)
    words: list[int] = dataclasses.field(default_factory=list)

    @property
    def records(self) -> int:
        return len(self.words)

    def add(self, split: str, record: dict) -> None:
        self.splits[split] += 1
        self.levels[record["plot_level"]] += 1
        self.answers[answer_text(record)] += 1
        if "image" in record:
            self.pictures[_size(record["image"])] += 1
        self.steps.append(len(record["steps"]))
        self.words.append(len(" ".join(record["steps"]).split()))

    def bits(self) -> float:
        """Entropy of what the right answer says."""
        shares = [count / self.records for count in self.answers.values()]
        return -sum(share * math.log2(share) for share in shares)

    def chain(self) -> tuple[int, int, int]:
        """Words of a chain: a tenth have fewer, half, nine tenths."""
        words = sorted(self.words)
        return tuple(words[int(share * (len(words) - 1))] for share in (0.1, 0.5, 0.9))


def _size(image: bytes) -> tuple[int, int]:
    """Width and height, from the head of a PNG."""
    return int.from_bytes(image[16:20], "big"), int.from_bytes(image[20:24], "big")


def collect(path: Path) -> list[Of]:
    """The tasks of a data set by category and game. Raises UserError where there is none."""
    splits = open_splits(dataset_directory(path, NAME))
    found: dict[tuple[str, str], Of] = {}
    with tqdm(total=sum(map(len, splits.values())), unit=" records") as bar:
        for split, source in splits.items():
            for record in source:
                named = [record[key] for key in ("game", "task", "category", "qa_type")]
                found.setdefault(tuple(named[:2]), Of(*named)).add(split, record)
                bar.update()
    return sorted(found.values(), key=lambda of: (CATEGORIES.index(of.category), of.game, of.task))


def count_by(tasks: list[Of], key, what: str) -> dict[str, collections.Counter]:
    """The `splits`, `levels` or `pictures` of all tasks added up by key(task)."""
    counts: dict[str, collections.Counter] = {}
    for of in tasks:
        counts.setdefault(key(of), collections.Counter()).update(getattr(of, what))
    return counts


def table(tasks: list[Of]) -> str:
    """A line for each task, then for each game, category and kind of question, and all."""
    names = [f"{of.game}/{of.task}" for of in tasks]
    width = max(map(len, [*names, *CATEGORIES]))
    columns = ("records", *SPLITS, *LEVELS)
    head = f"{'task':{width}}" + "".join(f"{name:>11}" for name in columns)
    lines = [f"{head}{'answers':>9}{'bits':>6}{'steps':>7}{'words':>7}"]
    for name, of in zip(names, tasks, strict=True):
        lines.append(
            f"{name:{width}}{_counts(of.splits, of.levels)}{len(of.answers):9}{of.bits():6.1f}"
            f"{statistics.median(of.steps):7g}{of.chain()[1]:7}"
        )
    for heading, key in (
        ("game", lambda of: of.game),
        ("category", lambda of: of.category),
        ("kind of question", lambda of: of.qa_type),
        ("", lambda of: "all"),
    ):
        lines += ["", heading] if heading else [""]
        levels = count_by(tasks, key, "levels")
        for name, splits in count_by(tasks, key, "splits").items():
            lines.append(f"{name:{width}}{_counts(splits, levels[name])}")
    pictures = count_by(tasks, lambda of: "all", "pictures")["all"]
    sizes = [f"{w} x {h}: {count}" for (w, h), count in pictures.most_common(5)]
    return "\n".join([*lines, "", f"pictures, pixels: {', '.join(sizes) or 'none'}"])


def _counts(splits: collections.Counter, levels: collections.Counter) -> str:
    numbers = [splits.total(), *(splits[at] for at in SPLITS), *(levels[at] for at in LEVELS)]
    return "".join(f"{number:11}" for number in numbers)
