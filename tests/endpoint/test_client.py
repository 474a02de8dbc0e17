"""The client against a scripted server: real HTTP, real files, a real kill."""

import email.utils
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from endpoint import BudgetEnded, Endpoint, GaveOut, Request, client, user
from records.errors import UserError
from tests.conftest import ROOT
from tests.endpoint.scripted import Said, Scripted, completion

HELLO = [user("Hello?")]
PNG, JPEG = b"\x89PNG rest", b"\xff\xd8 rest"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(client, "_FIRST_WAIT", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def asked(*texts: str, **options) -> list[Request]:
    return [Request([user(text)], **options) for text in texts]


def said(request: dict) -> str:
    return request["messages"][0]["content"]


def test_what_is_sent_and_what_comes_back():
    with Scripted(["Hi.", "Red."]) as server, Endpoint(server.url + "/", "m") as endpoint:
        reply = endpoint.ask(HELLO)
        assert (reply.text, reply.failure, reply.finish, reply.model) == (
            "Hi.",
            None,
            "stop",
            "served",
        )
        assert reply.raw["system_fingerprint"] == "print" and not reply.cached
        both = user("Here <image> and here <image>?", PNG, JPEG)
        endpoint.ask([both], sample=2, temperature=0.7, top_p=0.9, max_tokens=5, seed=3)
        plain = {"model": "m", "messages": HELLO, "temperature": 0.0, "max_tokens": 1024}
        drawn = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 5, "seed": 3}
        assert server.requests == [plain, plain | drawn | {"messages": [both]}]
        assert server.paths == ["/v1/chat/completions"] * 2
        assert "Authorization" not in server.headers[0]
        spent = endpoint.spent
        assert (spent.requests, spent.prompt_tokens, spent.completion_tokens) == (2, 14, 6)
        assert spent.cost is None


def test_pictures_are_where_the_text_says_so_or_first():
    kinds = [part["type"] for part in user("a <image> b <image>", PNG, JPEG)["content"]]
    assert kinds == ["text", "image_url", "text", "image_url"]
    content = user("a <image> b", PNG, JPEG)["content"]
    assert [part["type"] for part in content] == ["image_url", "image_url", "text"]
    urls = [part["image_url"]["url"] for part in content[:2]]
    assert [url.split(",")[0] for url in urls] == [
        "data:image/png;base64",
        "data:image/jpeg;base64",
    ]


PASSING = {
    "429": Said(429, {"Retry-After": "0"}),
    "429 until a date": Said(429, {"Retry-After": email.utils.formatdate(0)}),
    "500": Said(500, {}, "oh"),
    "503": Said(503),
    "hangs up": Said(body='{"choices": []}', hang_up=True),
    "hangs up at once": Said(body=b"", hang_up=True),
    "late": Said(delay=None),
    "broken JSON": Said(body='{"choices": [{"message"'),
    "JSON too deep": Said(body="[" * 100000),
    "no UTF-8": Said(body=b'{"choices": "\xff'),
    "error at 200": Said(body='{"error": {"code": 502}}'),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_tried_again(name):
    with Scripted([PASSING[name], "Hi."]) as server:
        timeout = 1.0 if name == "late" else 60.0
        endpoint = Endpoint(server.url, "m", timeout=timeout)
        assert endpoint.ask(HELLO).text == "Hi."
        assert len(server.requests) == endpoint.spent.requests == 2


REFUSED = {
    "401": (Said(401, {}, "bad key"), r"answers 401: bad key \(is the API key right\?\)"),
    "403": (Said(403), r"answers 403.*is the API key right\?"),
    "404": (
        Said(404, {}, "nothing"),
        r"/v1/chat/completions answers 404: nothing \(is /v1 missing",
    ),
    "redirect": (Said(302, {"Location": "http://else/"}), r"302.*asked at http://else/"),
    "web page": (
        Said(200, {"Content-Type": "text/html"}, "<!doctype html>"),
        r"/v1/chat/completions answers with a web page.*is /v1 missing",
    ),
    "no pictures": (
        Said(500, {}, '{"error": {"message": "image input is not supported"}}'),
        r"the model m takes no pictures",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_retry_mends_ends_it_at_once(name):
    reply, message = REFUSED[name]
    with Scripted([reply]) as server, pytest.raises(UserError, match=message) as caught:
        Endpoint(server.url, "m").ask(HELLO)
    assert not isinstance(caught.value, GaveOut)
    assert len(server.requests) == 1


FAILURES = {  # reply, failure, text, whether it is kept
    "no choices": (completion(None) | {"choices": []}, "empty", None, False),
    "no content": (completion(None), "empty", None, False),
    "blank": (completion(" \n"), "empty", None, False),
    "refusal": (completion(None, message={"refusal": "I can't"}), "refused", None, True),
    "filtered": (completion("Half", finish_reason="content_filter"), "refused", None, True),
    "cut": (completion("Half", finish_reason="length"), "cut", "Half", True),
    "cut in thought": (completion(None, finish_reason="length"), "cut", None, True),
    "no object": (Said(body="[1, 2]"), "bad reply", None, False),
    "choices a text": (Said(body='{"choices": "many"}'), "bad reply", None, False),
    "content a number": (completion(None, message={"content": 7}), "bad reply", None, False),
    "parts": (
        completion(None, message={"content": [{"text": "A"}, {"text": "B"}]}),
        None,
        "AB",
        True,
    ),
    "no usage": (completion("A") | {"usage": None}, None, "A", True),
    "half a character": (completion("A\ud800"), None, "A?", True),
    "too long": (Said(400, {}, "prompt is too long"), "no reply", None, False),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_reply_that_is_no_use_is_no_exception(name, tmp_path):
    reply, failure, text, kept = FAILURES[name]
    with Scripted([reply, "Hi."]) as server:
        with Endpoint(server.url, "m", cache=tmp_path / "kept.sqlite") as endpoint:
            found = endpoint.ask(HELLO)
            assert (found.text, found.failure) == (text, failure)
            assert len(server.requests) == 1
            if name == "too long":
                assert found.raw == "400: prompt is too long"
            if name == "no usage":
                assert endpoint.spent.prompt_tokens > 0
            again = endpoint.ask(HELLO)
            assert again.cached == kept and again.text == (text if kept else "Hi.")


def test_newer_models_are_given_the_name_they_want():
    refusal = Said(400, {}, "use 'max_completion_tokens' instead of 'max_tokens'")
    with Scripted([refusal, "Hi.", "Hi."]) as server:
        endpoint = Endpoint(server.url, "m")
        assert endpoint.ask(HELLO, max_tokens=9).text == endpoint.ask(HELLO).text == "Hi."
    assert [r.get("max_completion_tokens") for r in server.requests] == [None, 9, 1024]
    assert "max_tokens" not in server.requests[1]


def test_a_wait_that_is_too_long_gives_out_at_once():
    with Scripted([Said(429, {"Retry-After": "3600"})]) as server:
        with pytest.raises(GaveOut, match=r"asks to wait 3600 s.*the same command resumes"):
            Endpoint(server.url, "m", max_wait=600.0).ask(HELLO)
    assert len(server.requests) == 1


def test_a_wait_that_is_asked_for_is_kept_by_all():
    times = []

    def reply(request):
        times.append(time.monotonic())
        return Said(429, {"Retry-After": "1"}) if len(times) == 1 else "Hi."

    with Scripted(reply) as server:
        endpoint = Endpoint(server.url, "m", concurrency=1)
        assert [r.text for r in endpoint.ask_all(asked("a", "b"))] == ["Hi.", "Hi."]
    assert len(times) == 3 and times[1] - times[0] >= 1


@pytest.mark.parametrize("reply", [Said(503, {}, "busy"), Said(200, {}, "{"), Said(hang_up=True)])
def test_a_server_that_stays_away_gives_out(reply):
    with Scripted(lambda request: reply) as server:
        with pytest.raises(GaveOut, match=r"after 0\.3 s without an answer: the same command"):
            Endpoint(server.url, "m", max_wait=0.3).ask(HELLO)


def test_one_request_that_always_fails_does_not_stop_the_others():
    def reply(request):
        return Said(500, {}, "for this one") if said(request) == "bad" else "Hi."

    texts = ["bad", *map(str, range(50))]
    with Scripted(reply) as server:
        endpoint = Endpoint(server.url, "m", concurrency=2, max_wait=60.0)
        first, *rest = endpoint.ask_all(asked(*texts))
    assert first.failure == "no reply" and "for this one" in first.raw
    assert {reply.text for reply in rest} == {"Hi."} and len(rest) == 50


class Busy:
    """Repeats what it is asked, the first only when `together` requests are there; most: requests
    that were there at one time."""

    def __init__(self, together: int):
        self._together, self._left = threading.Barrier(together), together
        self._lock, self._here, self.most = threading.Lock(), 0, 0

    def __call__(self, request):
        with self._lock:
            self._here, self._left = self._here + 1, self._left - 1
            self.most, first = max(self.most, self._here), self._left >= 0
        if first:
            self._together.wait(60)
        with self._lock:
            self._here -= 1
        return said(request)


def test_replies_come_in_order_and_as_many_at_a_time_as_allowed():
    texts, busy = [str(number) for number in range(40)], Busy(together=3)
    with Scripted(busy) as server:
        found = Endpoint(server.url, "m", concurrency=3).ask_all(asked(*texts))
        assert [each.text for each in found] == texts
    assert busy.most == 3


def test_nothing_is_asked_twice_that_is_kept(tmp_path):
    kept = tmp_path / "deep" / "kept.sqlite"
    with Scripted(lambda request: "Hi.") as server, Scripted(lambda request: "Ho.") as other:
        with Endpoint(server.url, "m", cache=kept, concurrency=8) as endpoint:
            replies = list(endpoint.ask_all(asked(*["same"] * 20)))
            assert [reply.text for reply in replies] == ["Hi."] * 20
            assert sum(not reply.cached for reply in replies) == 1
            assert (endpoint.spent.requests, endpoint.spent.cached) == (1, 19)
            for change in ({"sample": 1}, {"temperature": 1.0}, {"seed": 0}, {"max_tokens": 9}):
                assert not endpoint.ask([user("same")], **change).cached
            assert not endpoint.ask([user("same", PNG)]).cached
            assert not endpoint.ask([user("same", JPEG)]).cached
            assert len(server.requests) == 7
        with Endpoint(server.url, "m", cache=kept) as endpoint:
            again = endpoint.ask([user("same")])
            assert again.cached and again.raw == replies[0].raw
        assert len(server.requests) == 7
        for url, model in ((server.url, "another"), (other.url, "m")):
            assert not Endpoint(url, model, cache=kept).ask([user("same")]).cached


ASKS = """
import sys
from endpoint import Endpoint, Request, user
requests = [Request([user(str(number))]) for number in range(40)]
for reply in Endpoint(sys.argv[1], "m", cache=sys.argv[2], concurrency=4).ask_all(requests):
    print(reply.text, flush=True)
"""


def test_a_kill_loses_nothing_that_was_paid(tmp_path):
    killed, told = threading.Event(), [str(number) for number in range(40)]

    def reply(request):
        late = int(said(request)) >= 20 and not killed.is_set()
        return Said(delay=None) if late else said(request)

    with Scripted(reply) as server:
        command = [sys.executable, "-c", ASKS, server.url, str(tmp_path / "kept.sqlite")]
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert [child.stdout.readline().strip() for _ in range(20)] == told[:20]
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        killed.set()
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == told
    times = Counter(map(said, server.requests))
    # Those that were on their way when it was killed brought nothing, and are asked again.
    assert {times[number] for number in told[:20]} == {1}
    assert len(server.requests) <= 40 + 4


def test_a_budget_of_requests_is_not_passed_by_one(tmp_path):
    with Scripted(lambda request: "Hi.") as server:
        kept = tmp_path / "kept.sqlite"
        endpoint = Endpoint(server.url, "m", cache=kept, concurrency=8, max_requests=5)
        replies = endpoint.ask_all(asked(*map(str, range(20))))
        found = []
        with pytest.raises(BudgetEnded, match="5 requests leaves no room"):
            found.extend(replies)
        assert len(server.requests) == endpoint.spent.requests == 5
        # The same again goes on from there.
        endpoint = Endpoint(server.url, "m", cache=kept, max_requests=15)
        assert len(list(endpoint.ask_all(asked(*map(str, range(20)))))) == 20
        assert len(server.requests) == 20 and endpoint.spent.cached == 5


def test_retries_are_counted():
    with Scripted(lambda request: Said(500)) as server:
        with pytest.raises(BudgetEnded):
            Endpoint(server.url, "m", max_requests=3).ask(HELLO)
    assert len(server.requests) == 3


def test_budgets_of_tokens_and_money_count_what_is_under_way():
    # A request may take 101 tokens and takes 10, so two find room in 250 at a time, and the last
    # one leaves when 14 have taken 140.
    for budget in ({"max_tokens": 250}, {"max_cost": 0.00025, "price": (1.0, 1.0)}):
        busy = Busy(together=2)
        with Scripted(busy) as server:
            endpoint = Endpoint(server.url, "m", concurrency=8, **budget)
            requests = asked(*"abcdefghijklmnopqrstuvwxyz", max_tokens=100)
            with pytest.raises(BudgetEnded, match="no room for another"):
                list(endpoint.ask_all(requests))
            assert len(server.requests) == 15 and busy.most == 2
            spent = endpoint.spent
            assert (spent.prompt_tokens, spent.completion_tokens) == (15 * 7, 15 * 3)
            if "price" in budget:
                assert spent.cost == pytest.approx(150e-6)


def test_the_key_is_sent_and_never_written(tmp_path, monkeypatch, caplog):
    key = "sk-very-secret-1234"
    monkeypatch.setenv("MY_KEY", f" {key}\n")
    kept = tmp_path / "kept.sqlite"
    replies = [Said(500, {}, key), completion(f"Your key is {key}"), Said(400, {}, key)]
    with Scripted([*replies, Said(401, {}, f"{key} is wrong")]) as server:
        endpoint = Endpoint(server.url, "m", cache=kept, key_env="MY_KEY")
        reply = endpoint.ask(HELLO)
        assert reply.text == "Your key is ***" and key not in json.dumps(reply.raw)
        assert key not in endpoint.ask([user("b")]).raw
        with pytest.raises(UserError, match=r"401: \*\*\* is wrong"):
            endpoint.ask([user("c")])
    assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {key}"}
    assert "trying again" in caplog.text and key not in caplog.text
    assert not [path for path in tmp_path.iterdir() if key.encode() in path.read_bytes()]
    monkeypatch.setenv("MY_KEY", "two\nlines")
    with pytest.raises(UserError, match=r"^\$MY_KEY holds characters that are in no API key"):
        Endpoint(server.url, "m", key_env="MY_KEY")


def test_failures_can_be_kept(tmp_path):
    kept = tmp_path / "kept.sqlite"
    with Scripted(lambda request: Said(503)) as server:
        options = {"cache": kept, "max_wait": 0.1, "keep_failures": True}
        assert Endpoint(server.url, "m", **options).ask(HELLO).failure == "no reply"
        tried = len(server.requests)
        again = Endpoint(server.url, "m", **options).ask(HELLO)
        assert (again.failure, again.cached, len(server.requests)) == ("no reply", True, tried)


def test_replies_are_kept_in_a_bucket(bucket):
    with Scripted(["Hi."]) as server:
        for cached in (False, True):
            with Endpoint(server.url, "m", cache=bucket / "kept.sqlite") as endpoint:
                assert endpoint.ask(HELLO).cached == cached


def test_settings_that_make_no_sense_are_refused(tmp_path):
    (tmp_path / "text").write_text("no data base, but a text of some length" * 100)
    url = "http://localhost:1/v1"
    for options, message in (
        ({"model": ""}, "the model's name"),
        ({"concurrency": 0}, "at least 1 request"),
        ({"max_cost": 1.0}, "a budget of money needs a price"),
        ({"max_requests": 0}, "must be above 0"),
        ({"price": (1.0, -1.0)}, "a price is two numbers"),
        ({"cache": tmp_path / "text"}, "can't be used to keep replies in"),
        ({"url": "localhost:1/v1"}, "looks like http://HOST:PORT/v1"),
        ({"url": "https://me:secret@host/v1"}, r"not like 'host/v1'"),
        ({"url": "https://host/v1?key=x"}, "after a question mark"),
    ):
        with pytest.raises(UserError, match=message):
            Endpoint(**{"url": url, "model": "m"} | options)
