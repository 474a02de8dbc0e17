"""What a data set holds, as one picture."""

import collections
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

from records.schema import SPLITS
from synth.draw import WHITE
from synth.game import LEVELS
from synth.stats import Of, count_by

INK, SOFT, LINE = (29, 35, 41), (93, 104, 115), (223, 225, 227)
BLUES = ((35, 88, 155), (104, 155, 214), (188, 212, 240))  # of the splits
WARM = ((240, 196, 110), (224, 132, 62), (160, 62, 36))  # of the levels
ONE = ((92, 128, 118),)
ROW, MARGIN = 16, 28
LEFT, GAP = 560, 40  # the width of the left column, and what is between columns
NAME, COUNTS, BITS, WORDS = 320, 200, 140, 220  # of the columns of the tasks
_FONT = {px: ImageFont.load_default(px) for px in (11, 12, 15, 24)}


class Page:
    """A picture on which blocks are put one below the other, from `top` on."""

    def __init__(self, width: int, height: int):
        self.image = Image.new("RGB", (width, height), WHITE)
        self._pen = ImageDraw.Draw(self.image)

    def write(self, at, words: str, px: int = 12, colour=INK, anchor: str = "la") -> None:
        self._pen.text(at, words, colour, _FONT[px], anchor)

    def box(self, left: float, top: float, right: float, bottom: float, colour) -> None:
        self._pen.rectangle((left, top, max(left, right - 1), bottom), colour)

    def stack(self, left: float, top: int, parts: list[float], colours) -> float:
        """Bars one after the other; returns where they end."""
        for long, colour in zip(parts, colours, strict=True):
            if long:
                self.box(left, top + 2, left + long, top + ROW - 4, colour)
            left += long
        return left

    def legend(self, left: int, top: int, names, colours) -> None:
        for name, colour in zip(names, colours, strict=True):
            self.box(left, top + 2, left + 10, top + 11, colour)
            self.write((left + 14, top), name, 11, SOFT)
            left += 26 + int(_FONT[11].getlength(name))

    def bars(self, left: int, top: int, title: str, counts: dict[str, tuple], colours) -> int:
        """A row of stacked bars for each name; returns where the next block begins."""
        self.write((left, top), title, 15)
        top += 26
        label = max(_FONT[12].getlength(name) for name in counts) + 10
        scale = (LEFT - label - 60) / max(1, *(sum(parts) for parts in counts.values()))
        for name, parts in counts.items():
            self.write((left, top), name)
            end = self.stack(left + label, top, [part * scale for part in parts], colours)
            self.write((end + 6, top), f"{sum(parts):,}", 11, SOFT)
            top += ROW
        return top + 24


def picture(tasks: list[Of]) -> Image.Image:
    """Counts by category, game, level, kind and size on the left, the tasks on the right."""
    games = len({of.game for of in tasks})
    height = 160 + max(ROW * len(tasks) + 14 * games, ROW * games + 700)
    page = Page(2 * MARGIN + LEFT + GAP + NAME + COUNTS + BITS + WORDS, height)
    total = sum(of.records for of in tasks)
    title = f"{total:,} records, {games} games, {len(tasks)} tasks"
    page.write((MARGIN, 22), title, 24)
    _overview(page, tasks, 70)
    _tasks(page, tasks, MARGIN + LEFT + GAP, 70)
    return page.image


def _overview(page: Page, tasks: list[Of], top: int) -> None:
    def splits(key: Callable[[Of], str]) -> dict[str, tuple]:
        counts = count_by(tasks, key, "splits")
        return {name: tuple(some[at] for at in SPLITS) for name, some in counts.items()}

    page.legend(MARGIN, top, SPLITS, BLUES)
    top += 26
    top = page.bars(MARGIN, top, "Categories", splits(lambda of: of.category), BLUES)
    top = page.bars(MARGIN, top, "Kinds of question", splits(lambda of: of.qa_type), BLUES)
    top = page.bars(MARGIN, top, "Games", splits(lambda of: of.game), BLUES)
    levels = count_by(tasks, lambda of: "all", "levels")["all"]
    by_level = {level: (levels[level],) for level in LEVELS}
    top = page.bars(MARGIN, top, "Levels", by_level, ONE)
    sizes = count_by(tasks, lambda of: "all", "pictures")["all"]
    common = {f"{w} x {h}": (count,) for (w, h), count in sizes.most_common(5)}
    top = page.bars(MARGIN, top, "Pictures, pixels", common or {"none": (0,)}, ONE)
    page.bars(MARGIN, top, "Words of a chain", _binned(tasks), ONE)


def _binned(tasks: list[Of]) -> dict[str, tuple]:
    """How many chains are how long; each bin is twice as wide as the one before."""
    bins = collections.Counter(words.bit_length() for of in tasks for words in of.words)
    return {
        f"{2**at // 2}-{2**at - 1}" if at else "0": (bins[at],)
        for at in range(min(bins), max(bins) + 1)
    }


def _tasks(page: Page, tasks: list[Of], left: int, top: int) -> None:
    """A row for each task: records by level, entropy of the answers, length of the chains."""
    columns = left + NAME, left + NAME + COUNTS, left + NAME + COUNTS + BITS
    page.legend(columns[0], top, LEVELS, WARM)
    for at, title in zip(columns, ("Records", "Answers, bits", "Chain, words"), strict=True):
        page.write((at, top + 26), title, 15)
    page.write((left, top + 26), "Tasks", 15)
    page.write((columns[2] + 100, top + 28), "10 %, median, 90 %", 11, SOFT)
    top += 52
    most = max(of.records for of in tasks), max(1, *(of.bits() for of in tasks))
    longest = max(1, *(of.chain()[2] for of in tasks))
    game = None
    for of in tasks:
        if of.game != game:
            top += 10 if game else 0
            page.box(left, top - 4, page.image.width - MARGIN, top - 4, LINE)
            game = of.game
        page.write((left, top), f"{of.game} / {of.task}")
        scale = (COUNTS - 60) / most[0]
        end = page.stack(columns[0], top, [of.levels[at] * scale for at in LEVELS], WARM)
        page.write((end + 6, top), f"{of.records:,}", 11, SOFT)
        end = page.stack(columns[1], top, [of.bits() * (BITS - 50) / most[1]], ONE)
        page.write((end + 6, top), f"{of.bits():.1f}", 11, SOFT)
        _range(page, columns[2], top, [words * (WORDS - 60) / longest for words in of.chain()])
        page.write((page.image.width - MARGIN, top), str(of.chain()[1]), 11, SOFT, "ra")
        top += ROW


def _range(page: Page, left: int, top: int, ends: list[float]) -> None:
    low, middle, high = (left + end for end in ends)
    page.box(low, top + 6, high + 1, top + 8, BLUES[2])
    page.box(middle - 2, top + 3, middle + 3, top + 11, BLUES[0])
