"""What is in a record: the features of a question and of a pair of responses.

TFDS is imported only where features are asked for, so that processes that make records start fast.
"""

from collections.abc import Mapping

SPLITS = ("train", "validation", "test")


def task_name(record: Mapping) -> str:
    """The name of a task among those of all games."""
    return f"{record['game']}/{record['task']}"


def question(pictures: bool = True) -> dict:
    """The features of a question, its answer and the steps that lead to it."""
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
    return features if pictures else _in_words(features)


def pair(pictures: bool = True) -> dict:
    """The features of a right and a wrong response to one question."""
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
    return features if pictures else _in_words(features)


def _in_words(features: dict) -> dict:
    return {name: feature for name, feature in features.items() if name != "image"}
