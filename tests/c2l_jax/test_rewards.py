"""Rewards: rules, functions of one's own that go wrong, and a judge at the end of a real socket."""

import http.server
import json
import threading

import numpy as np
import pytest

from c2l_jax.rewards import Rewards
from c2l_jax.rewards.judge import ending
from configs import tiny_grpo
from records.errors import UserError

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


class Server(http.server.ThreadingHTTPServer):
    """Says yes to what ends in B; `broken` requests before that get what a busy server says, and
    none ever an answer while it is `mute`."""

    def __init__(self):
        super().__init__(("localhost", 0), Handler)
        self.asked, self.broken, self.mute = [], 0, False
        self.released = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_port}/v1"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        server, size = self.server, int(self.headers["Content-Length"])
        request = json.loads(self.rfile.read(size))
        server.asked.append((self.path, request))
        if server.mute:
            server.released.wait()
            return
        if server.broken:
            server.broken -= 1
            self.send_error(503)
            return
        if request["model"] != "judge":
            self.send_error(404)
            return
        (message,) = request["messages"]
        said = "Yes" if "### Answer: B" in message["content"] else "No"
        reply = {"choices": [{"message": {"role": "assistant", "content": f"Correctness: {said}"}}]}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(reply).encode())

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = Server()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


def judged(server, tmp_path, responses=RESPONSES, **judge) -> np.ndarray:
    judge = {"url": server.url, "model": "judge", "concurrency": 2, "retries": 2} | judge
    return Rewards(settings((("judge", 1.0),), **judge), tmp_path)(RECORDS, responses)["judge"]


def test_the_judge_sees_the_answer_and_the_end_and_is_asked_once(server, tmp_path):
    server.broken = 1
    assert judged(server, tmp_path).tolist() == [1.0, 0.0]
    assert len(server.asked) == 3  # one of them twice
    path, request = server.asked[-1]
    assert path == "/v1/chat/completions"
    assert (request["temperature"], request["max_tokens"]) == (0, 128)
    texts = " ".join(request["messages"][0]["content"] for _, request in server.asked)
    assert "The right option is B: blue" in texts and "The right answer is 7" in texts
    assert "It is the sky" not in texts and "Which?" not in texts
    # Also by the next run of the same command, after a kill in the middle of a line.
    (kept,) = tmp_path.glob("judge-*.jsonl")
    kept.write_text(kept.read_text() + '{"key": "half')
    assert judged(server, tmp_path).tolist() == [1.0, 0.0]
    assert len(server.asked) == 3


def test_a_judge_that_never_replies_leaves_it_to_the_rules_aloud(server, tmp_path, caplog):
    server.mute = True
    responses = [RESPONSES[0], "### Answer: 7"]  # of which the server would refuse the second
    assert judged(server, tmp_path, responses, timeout=0.1, retries=1).tolist() == [1.0, 1.0]
    assert len(server.asked) == 4
    assert "gave no reply to 2 of 2 responses: the rules decided" in caplog.text
    server.mute = False
    judged(server, tmp_path, responses)
    assert len(server.asked) == 4  # what was decided stays


def test_a_judge_that_is_not_there_is_told(server, tmp_path):
    with pytest.raises(UserError, match=r"/v1/chat/completions answers 404"):
        judged(server, tmp_path, model="another")


def test_the_end_of_a_response():
    assert ending("a\n\n### Step\n\nb ### Answer: 4") == "### Answer: 4"
    assert ending("One.\n\nTwo:\n\nthree, therefore four") == "Two:\n\nthree, therefore four"
    assert ending("It is one. Therefore two.") == "Therefore two."
    assert ending("four") == "four"
