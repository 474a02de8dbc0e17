"""VQA accuracy, of TextVQA and VQA (arXiv 1505.00468): how many of ten people gave this answer.

Leaving out one of the people at a time, a response scores min(n / 3, 1) for the n of the others who
agree with it; its score is the mean of that. Before, articles and punctuation go, numbers up to ten
become digits, and apostrophes don't matter where they are often forgotten. A single accepted answer
is right or wrong.
"""

import re
from collections.abc import Sequence

from c2l_jax.judging import scored

_NUMBERS = {"none": "0"} | {
    word: str(number)
    for number, word in enumerate("zero one two three four five six seven eight nine ten".split())
}
_ARTICLES = {"a", "an", "the"}
_MARKS = ';/[]"{}()=+\\_-><@`!'
# Words that are also written with an apostrophe.
_CONTRACTED = set(
    """aint arent cant couldve couldnt couldntve didnt doesnt dont hadnt hadntve hasnt havent hed
    hedve hes howd howll hows isnt itd itdve itll maam mightnt mightntve mightve mustnt
    mustve neednt notve oclock oughtnt shant shedve shouldve shouldnt shouldntve somebodyd
    somebodydve somebodyll somebodys someoned someonedve someonell someones somethingd somethingdve
    somethingll thats thered theredve therere theres theyd theydve theyll theyre theyve twas wasnt
    wedve weve werent whatll whatre whats whatve whens whered wheres whereve whod whodve wholl whos
    whove whyll whyre whys wont wouldve wouldnt wouldntve yall yallll yalldve youd youdve youll
    youre youve""".split()
)


def judge(records, responses):
    return scored(vqa_accuracy, records, responses)


def vqa_accuracy(answer: str, accepted: Sequence[str]) -> float:
    people, said = [normalised(each) for each in accepted], normalised(answer)
    agree = people.count(said)
    if len(people) == 1:
        return float(agree)
    # Those who agree leave one fewer to agree with when it is they who are left out.
    scores = [min((agree - (each == said)) / 3, 1.0) for each in people]
    return sum(scores) / len(scores)


def normalised(text: str) -> str:
    """As answers are compared; the order of steps is that of the evaluation code of TextVQA."""
    text = re.sub("[,?]", "", text.lower()).replace("'s", " 's").strip()
    given = text
    for mark in _MARKS:
        apart = f"{mark} " in given or f" {mark}" in given
        text = text.replace(mark, "" if apart else " ")
    text = re.sub(r"\.(?!\d)", "", text)
    words = [_NUMBERS.get(word, word) for word in text.split()]
    bare = ((word, word.replace("'", "")) for word in words if word not in _ARTICLES)
    return " ".join(plain if plain in _CONTRACTED else word for word, plain in bare)
