"""What is in a record: the features of a question, of a response to it, and of a pair of them.

TFDS is imported only where features are asked for, so that processes that make records start fast.
"""

import json
from collections.abc import Mapping

SPLITS = ("train", "validation", "test")
OF_RESPONSE = ("record", "format", "response")  # what `response` has beside a question's features
ANSWERS = "answers"  # in params: all that were given
PICTURE = "<image>"  # in a question: here goes the next picture; without, all come first


def task_name(record: Mapping) -> str:
    """The name of a task among those of all games; a question from elsewhere may have no game."""
    return "/".join(filter(None, (record["game"], record["task"])))


def leveled_name(record: Mapping) -> str:
    """What patterns of tasks look in: "level/game/task"."""
    return f"{record['plot_level']}/{task_name(record)}"


def pictures_of(record: Mapping) -> list[bytes]:
    """The files of all pictures of a question or pair, in order."""
    if "images" in record:
        return record["images"]
    return [record["image"]] if "image" in record else []


def accepted_answers(record: Mapping) -> list[str]:
    """What counts as right: what several people answered, where that was published (`params`, by
    the name ANSWERS), as often as they did, or the record's answer."""
    several = json.loads(record.get("params") or "{}").get(ANSWERS)
    is_list = isinstance(several, list) and all(isinstance(each, str) for each in several)
    return several if several and is_list else [record["answer"]]


def answer_text(record: Mapping) -> str:
    """The right answer in words: the right option's text, or what is to be filled in."""
    if not record["options"]:
        return record["answer"]
    return record["options"][ord(record["answer"]) - ord("A")]


def question(pictures: bool = True, several: bool = False) -> dict:
    """The features of a question, its answer and the steps that lead to it.

    What a question from elsewhere does not have (a game, a level, a state) is an empty text.
    several: `images`, any number of files of PNG or JPEG a question, in place of `image`.
    """
    import numpy as np
    from tensorflow_datasets import features as of

    features = {
        "id": of.Text(),
        "game": of.Text(),
        "category": of.Text(),
        "split_kind": of.Text(),
        "task": of.Text(),
        "qa_type": of.Text(),
        "plot_level": of.Text(),
        "qa_level": of.Text(),
        "question": of.Text(doc="rules and question, without the options"),
        "options": of.Sequence(of.Text(), doc="empty: fill in"),
        "answer": of.Text(doc="the right option's letter, or what to fill in"),
        "steps": of.Sequence(of.Text(), doc="the reasoning, step by step"),
        "state": of.Text(doc="JSON"),
        "params": of.Text(doc="JSON"),
        "image": of.Image(shape=(None, None, 3), encoding_format="png"),
        "description": of.Text(doc="the picture in words"),
        "seed": of.Scalar(np.int64, doc="the record's own seed"),
    }
    return _pictured(features, pictures, several)


def response(pictures: bool = True, several: bool = False) -> dict:
    """The features of a response to a question; arguments as of `question`.

    Steps are what the response says before its answer, a line each; an "open" question is one to
    fill in.
    """
    from tensorflow_datasets import features as of

    said = (
        "id of the record that was asked",
        "how it was asked: cot, open or direct",
        "what is learnt, an end of turn behind it",
    )
    own = {name: of.Text(doc=doc) for name, doc in zip(OF_RESPONSE, said, strict=True)}
    return question(pictures, several) | own


def pair(pictures: bool = True, several: bool = False) -> dict:
    """The features of a right and a wrong response to one question; arguments as of `question`.

    Pairs from elsewhere have no reference: no log-probabilities and an empty fingerprint.
    """
    import numpy as np
    from tensorflow_datasets import features as of

    logps = "log-probability under the reference of every token, the end-of-turn token included"
    features = {
        "id": of.Text(),
        "record": of.Text(doc="id of the record that was asked"),
        "game": of.Text(),
        "task": of.Text(),
        "qa_type": of.Text(),
        "qa_level": of.Text(),
        "plot_level": of.Text(),
        "question": of.Text(),
        "options": of.Sequence(of.Text(), doc="empty: fill in"),
        "answer": of.Text(),
        "format": of.Text(doc="how it was asked: cot, open or direct"),
        "chosen": of.Text(doc="a response with the right answer, ended by itself"),
        "rejected": of.Text(doc="a response with a wrong answer"),
        "rejected_ended": of.Scalar(np.bool_, doc="by itself; False: it was cut off"),
        "chosen_answer": of.Text(doc="as read out of the response"),
        "rejected_answer": of.Text(doc="likewise"),
        "chosen_logps": of.Sequence(np.float32, doc=logps),
        "rejected_logps": of.Sequence(np.float32, doc=logps),
        "fingerprint": of.Text(doc="of the reference model's directory"),
        "image": of.Image(shape=(None, None, 3), encoding_format="png"),
    }
    return _pictured(features, pictures, several)


def _pictured(features: dict, pictures: bool, several: bool) -> dict:
    from tensorflow_datasets import features as of

    if pictures and not several:
        return features
    rest = {name: feature for name, feature in features.items() if name != "image"}
    # Texts, for TFDS can't hand out a sequence of pictures undecoded; any bytes will do.
    return rest | ({"images": of.Sequence(of.Text(doc="PNG or JPEG"))} if several else {})
