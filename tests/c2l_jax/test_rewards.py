"""Rewards: rules, functions of one's own that go wrong, and a judge at the end of a real socket."""

import threading

import numpy as np
import pytest

from c2l_jax.model_judge import ending
from c2l_jax.rewards import Rewards
from configs import tiny_grpo
from records.errors import UserError
from tests.endpoint.scripted import Said, Scripted, completion

RECORDS = [
    {"id": "one", "question": "Which?", "options": ["red", "blue"], "answer": "B"},
    {"id": "two", "question": "How many?", "options": [], "answer": "7"},
]
RESPONSES = ["It is the sky.\n### Answer: B", "Four and four.\n### Answer: 8"]


def settings(rewards, limit=20.0, **judge):
    grpo = tiny_grpo.get_config().grpo
    grpo.rewards, grpo.reward_timeout = rewards, limit
    grpo.judge.update(judge)
    return grpo


def raises(records, responses):
    return [1 / 0 for _ in responses]


def gives_nan(records, responses):
    return [float("nan")] * len(responses)


def gives_too_few(records, responses):
    return [1.0]


def gives_words(records, responses):
    return ["good", "bad"]


def hangs(records, responses):
    threading.Event().wait()


def length(records, responses):
    return [len(response) for response in responses]


def test_several_rewards_are_told_apart(tmp_path):
    name = f"{__name__}:length"
    rewards = Rewards(settings((("rule", 1.0), (name, -0.5))), tmp_path)
    found = rewards(RECORDS, RESPONSES)
    assert found["rule"].tolist() == [1.0, 0.0]
    assert found[name].tolist() == list(map(len, RESPONSES))
    assert rewards.weights == {"rule": 1.0, name: -0.5}


WRONG = {
    "raises": r"failed: .*test_rewards\.py, line \d+: ZeroDivisionError: division by zero",
    "gives_nan": r"gave \[nan, nan\] for 2 responses",
    "gives_too_few": r"gave \[1\.0\] for 2 responses",
    "gives_words": r"gave \['good', 'bad'\] for 2 responses",
    "hangs": r"has not returned from 2 responses after config\.grpo\.reward_timeout",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_reward_that_goes_wrong_is_one_sentence(name, tmp_path):
    limit = 0.1 if name == "hangs" else 20.0
    rewards = Rewards(settings(((f"{__name__}:{name}", 1.0),), limit), tmp_path)
    with pytest.raises(UserError, match=f"the reward {__name__}:{name} {WRONG[name]}"):
        rewards(RECORDS, RESPONSES)


def test_rewards_that_cannot_be_are_refused(tmp_path):
    for given, message in {
        (): "config.grpo.rewards is empty",
        (("rule", float("inf")),): "rule has the weight inf",
        (("rule", 1.0), ("rule", 2.0)): "no name be there twice",
        (("nothing:here", 1.0),): "config.grpo.rewards 'nothing:here'",
        (("judge", 1.0),): "config.grpo.judge: give the model's name",
    }.items():
        with pytest.raises(UserError, match=message):
            Rewards(settings(given), tmp_path)


def says_yes_to_b(request):
    """Of a judge that is asked for by that name."""
    if request["model"] != "judge":
        return Said(404)
    (message,) = request["messages"]
    return f"Correctness: {'Yes' if '### Answer: B' in message['content'] else 'No'}"


def judged(server, tmp_path, responses=RESPONSES, **judge) -> np.ndarray:
    judge = {"url": server.url, "model": "judge", "concurrency": 2} | judge
    return Rewards(settings((("judge", 1.0),), **judge), tmp_path)(RECORDS, responses)["judge"]


def test_the_judge_sees_the_answer_and_the_end_and_is_asked_once(tmp_path):
    busy = [Said(503)]
    with Scripted(lambda request: busy.pop() if busy else says_yes_to_b(request)) as server:
        assert judged(server, tmp_path).tolist() == [1.0, 0.0]
        assert len(server.requests) == 3  # one of them twice
        request = server.requests[-1]
        assert (request["temperature"], request["max_tokens"]) == (0, 128)
        texts = " ".join(request["messages"][0]["content"] for request in server.requests)
        assert "The right option is B: blue" in texts and "The right answer is 7" in texts
        assert "It is the sky" not in texts and "Which?" not in texts
        # Also by the next run of the same command, wherever the server is by then.
        assert judged(server, tmp_path).tolist() == [1.0, 0.0]
        assert len(server.requests) == 3
    with Scripted([]) as server:
        assert judged(server, tmp_path).tolist() == [1.0, 0.0]
        assert not server.requests


def test_a_judge_that_never_replies_leaves_it_to_the_rules_aloud(tmp_path, caplog):
    mute = [True]
    responses = [RESPONSES[0], "### Answer: 7"]  # of which the server would refuse the second
    with Scripted(lambda r: Said(delay=None) if mute else says_yes_to_b(r)) as server:
        found = judged(server, tmp_path, responses, timeout=0.1, max_wait=0.2)
        assert found.tolist() == [1.0, 1.0]
        assert "gave no reply to 2 of 2 responses: the rules decided" in caplog.text
        mute.clear()
        tried = len(server.requests)
        assert judged(server, tmp_path, responses).tolist() == [1.0, 1.0]
        assert len(server.requests) == tried  # what was decided stays


def test_a_judge_that_says_nothing_leaves_it_to_the_rules(tmp_path):
    refusal = completion(None, message={"refusal": "I can't"})
    replies = [refusal, completion(None)]
    with Scripted(replies) as server:
        for _ in range(2):
            found = judged(server, tmp_path, [RESPONSES[0], "### Answer: 7"])
            assert found.tolist() == [1.0, 1.0]
    assert len(server.requests) == 2


def test_a_judge_that_is_not_there_is_told(tmp_path):
    with Scripted(says_yes_to_b) as server:
        with pytest.raises(UserError, match=r"/v1/chat/completions answers 404"):
            judged(server, tmp_path, model="another")


def test_the_end_of_a_response():
    assert ending("a\n\n### Step\n\nb ### Answer: 4") == "### Answer: 4"
    assert ending("One.\n\nTwo:\n\nthree, therefore four") == "Two:\n\nthree, therefore four"
    assert ending("It is one. Therefore two.") == "Therefore two."
    assert ending("four") == "four"
