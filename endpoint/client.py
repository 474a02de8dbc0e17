"""One server's chat completions: retries, budgets, and replies that are kept."""

import collections
import contextlib
import email.utils
import hashlib
import http.client
import itertools
import json
import logging
import os
import random
import re
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from endpoint.budget import Budget, Spent, Tokens
from endpoint.cache import Cache
from endpoint.messages import COMPLETE, Reply, Request, no_reply, read_reply
from records.errors import UserError, printable
from records.paths import AnyPath

_PASSING = (408, 409, 425, 429)  # and 5xx: the server may think otherwise later
_BUSY = (429, 503)  # it takes nobody's requests at the moment
_OF_THE_REQUEST = (400, 413, 422)  # what the server takes of others, it does not take of this one
_NO_PICTURES = re.compile(r"image.{0,20} not supported", re.IGNORECASE)
_TRIES = 6  # of a request that fails while others are answered
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0  # seconds, at most, before the second try and a late one
_SHORTEST_SECRET = 8  # characters; servers without keys are given words like EMPTY
_MOST_BYTES = 64 * 2**20  # of a reply
# What a prompt may take, told before it is sent: a guess, so budgets of tokens may be passed by
# what it is wrong by.
_BYTES_A_TOKEN, _TOKENS_A_PICTURE = 3, 1500


class GaveOut(UserError):
    """The server has not answered anything for as long as was to be waited."""

    exit_code = 3


class _Passing(Exception):
    """Why there is no reply, where another try may bring one.

    wait: seconds that the server asks for, if it does; busy: the reason is no fault of the request.
    """

    def __init__(self, reason: str, wait: float | None = None, busy: bool = False):
        super().__init__(reason)
        self.wait, self.busy = wait, busy


class _Stopped(Exception):
    """Nobody waits for this reply any more."""


class Endpoint:
    """A model behind a server. Threads may share one.

    Args:
      url: what "/chat/completions" follows, mostly something that ends in /v1.
      model: its name, as the server knows it.
      cache: a file in which replies are kept: the same request is then not sent again, in this
        process or a later one. Only whole replies are kept, refusals and cut ones among them, since
        they were paid for and would come again.
      concurrency: requests on their way at one time.
      timeout: seconds for one try.
      max_wait: seconds without any answer from the server after which it is given up.
      key_env: the variable of the environment that holds the API key, which is never written
        anywhere; none is sent where there is no such variable.
      max_requests, max_tokens, price, max_cost: see `Budget`.
      keep_failures: for who must hear again what was heard before: what would be `GaveOut` is a
        reply "no reply", all failures are kept, and what is kept counts for a server at any URL.

    Raises UserError for settings that make no sense.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        cache: AnyPath | str | None = None,
        concurrency: int = 8,
        timeout: float = 120.0,
        max_wait: float = 600.0,
        key_env: str = "OPENAI_API_KEY",
        max_requests: int | None = None,
        max_tokens: int | None = None,
        price: tuple[float, float] | None = None,
        max_cost: float | None = None,
        keep_failures: bool = False,
    ):
        if not model or concurrency < 1 or not timeout > 0 or not max_wait >= 0:
            raise UserError(
                "an endpoint takes the model's name as the server knows it, at least 1 request at "
                "a time, a timeout above 0 and a longest wait of at least 0 seconds."
            )
        place = _place(url)
        self._place = None if keep_failures else place
        self.url, self.model = url.rstrip("/"), model
        self._url, self._model = f"{self.url}/chat/completions", model
        self._key = _key(key_env)
        self._concurrency, self._timeout, self._max_wait = concurrency, timeout, max_wait
        self._keep_failures = keep_failures
        self._budget = Budget(max_requests, max_tokens, price, max_cost)
        self._cache = None if cache is None else Cache(cache)
        self._opener = urllib.request.build_opener(_NoRedirect)
        self._limit = "max_tokens"  # what the server calls the most tokens of a reply
        self._lock = threading.Lock()
        self._asking: dict[str, list] = {}  # by a request's digest: a lock, and how many want it
        self._answered = 0.0  # when the server last answered, time.monotonic()
        self._not_before = 0.0  # when it wants to be asked again
        self._told = False  # that it is waited for

    def __enter__(self) -> "Endpoint":
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        if self._cache:
            self._cache.close()

    @property
    def spent(self) -> Spent:
        return self._budget.spent

    def ask(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        sample: int = 0,
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_tokens: int = 1024,
        seed: int | None = None,
    ) -> Reply:
        """The reply to one request, as `Request` has them; errors as `ask_all`."""
        request = Request(messages, sample, temperature, top_p, max_tokens, seed)
        return self._reply(request, threading.Event())

    def ask_all(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """The replies in the order of the requests, of which `concurrency` are sent at a time.

        Raises BudgetEnded, GaveOut, and UserError for a server that takes no request at all. What
        was on its way by then is waited for and kept.
        """
        stop, waiting = threading.Event(), collections.deque()
        pool = ThreadPoolExecutor(self._concurrency)
        try:
            for request in requests:
                waiting.append(pool.submit(self._reply, request, stop))
                if len(waiting) >= 4 * self._concurrency:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            stop.set()
            self._budget.wake()
            pool.shutdown(cancel_futures=True)

    # ------------------------------------------------------------------------------- one request

    def _reply(self, request: Request, stop: threading.Event) -> Reply:
        if self._cache is None:
            return self._persist(request, stop)
        digest = self._digest(request)
        with self._alone(digest):
            if (kept := self._cache.get(digest)) is not None:
                self._budget.count_cached()
                return kept
            began, clock = time.time(), time.monotonic()
            reply = self._persist(request, stop)
            if self._keep_failures or reply.failure in COMPLETE:
                self._cache.put(digest, reply, began, time.monotonic() - clock)
            return reply

    def _digest(self, request: Request) -> str:
        """Of all that a reply depends on; pictures are in the messages."""
        told = [self._model, self._place, request.messages, request.sample]
        told += [request.temperature, request.top_p, request.max_tokens, request.seed]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    @contextlib.contextmanager
    def _alone(self, digest: str):
        """Who asks the same at the same time waits, and finds the reply kept."""
        with self._lock:
            entry = self._asking.setdefault(digest, [threading.Lock(), 0])
            entry[1] += 1
        try:
            with entry[0]:
                yield
        finally:
            with self._lock:
                entry[1] -= 1
                if not entry[1]:
                    del self._asking[digest]

    def _persist(self, request: Request, stop: threading.Event) -> Reply:
        """The one layer of retries."""
        began = time.monotonic()
        for tries in itertools.count(1):
            self._sleep(self._not_before - time.monotonic(), stop)
            try:
                reply = self._try(request, stop)
            except _Passing as passing:
                reason, asked_for, busy = str(passing), passing.wait, passing.busy
            else:
                self._told = False
                return reply
            now = time.monotonic()
            if tries >= _TRIES and self._answered > began and not busy:
                return no_reply(reason)
            left = max(began, self._answered) + self._max_wait - now
            if left <= 0 or (asked_for or 0) > left:
                if self._keep_failures:
                    return no_reply(reason)
                told = f", and asks to wait {asked_for:.0f} s" if asked_for else ""
                raise GaveOut(
                    f"{self._url} {reason}{told}; nothing more is waited for after "
                    f"{self._max_wait:g} s without an answer: the same command resumes where "
                    "this one stopped."
                )
            self._tell(reason, left)
            if asked_for is not None:
                self._not_before = max(self._not_before, now + asked_for)
            else:
                longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(tries - 1, 16))
                self._sleep(min(left, random.uniform(0, longest)), stop)

    def _sleep(self, seconds: float, stop: threading.Event):
        if stop.wait(max(0.0, seconds)):
            raise _Stopped

    def _tell(self, reason: str, left: float):
        with self._lock:
            told, self._told = self._told, True
        if not told:
            logging.warning("%s %s; trying again for up to %.0f s", self._url, reason, left)

    # ------------------------------------------------------------------------------------ one try

    def _try(self, request: Request, stop: threading.Event) -> Reply:
        """Raises _Passing, and UserError for what concerns all requests."""
        most = Tokens(_guess(request.messages), request.max_tokens)
        if not self._budget.reserve(most, stop.is_set):
            raise _Stopped
        taken = Tokens()
        try:
            status, headers, content = self._post(request)
            reply = self._read(status, headers, content)
            taken = Tokens(reply.prompt_tokens, reply.completion_tokens)
            if reply.failure != "no reply" and not taken.prompt:  # the server does not count
                taken = Tokens(most.prompt, len((reply.text or "").encode()) // _BYTES_A_TOKEN + 1)
            return reply
        finally:
            self._budget.settle(most, taken)

    def _post(self, request: Request) -> tuple[int, Mapping[str, str], bytes]:
        """(status, headers, content) of what the server answers."""
        body = {"model": self._model, "messages": request.messages}
        body |= {"temperature": request.temperature, self._limit: request.max_tokens}
        body |= {"top_p": request.top_p} if request.top_p != 1 else {}
        body |= {"seed": request.seed} if request.seed is not None else {}
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        call = urllib.request.Request(self._url, json.dumps(body).encode(), headers)
        ends = time.monotonic() + self._timeout
        try:
            try:
                answer = self._opener.open(call, timeout=self._timeout)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                content = bytearray()
                while piece := answer.read1(1 << 16):
                    content += piece
                    if len(content) > _MOST_BYTES or time.monotonic() > ends:
                        raise _Passing("sends a reply without an end")
                return answer.status, answer.headers, bytes(content)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise UserError(f"{self._url} has no valid certificate ({reason}).") from error
            if isinstance(reason, TimeoutError):
                raise _Passing(f"does not answer within {self._timeout:g} s") from error
            told = self._clean(str(reason) or type(reason).__name__)
            raise _Passing(f"does not answer ({told})") from error

    def _read(self, status: int, headers: Mapping[str, str], content: bytes) -> Reply:
        text = self._without_key(content.decode(errors="replace"))
        said = self._clean(text.strip())
        if status != 200:
            return self._refused(status, headers, said)
        if text.lstrip().startswith("<"):
            raise UserError(
                f"{self._url} answers with a web page, not as a model's server does: is /v1 "
                "missing in the URL?"
            )
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _Passing(f"answers with broken JSON: {said[:200]}") from error
        if isinstance(raw, dict) and raw.get("error") and not raw.get("choices"):
            raise _Passing(f"answers with an error: {said[:200]}")
        self._answered = time.monotonic()
        return read_reply(raw)

    def _refused(self, status: int, headers: Mapping[str, str], said: str) -> Reply:
        """Where the status is not 200."""
        if status >= 500 and _NO_PICTURES.search(said):
            raise UserError(
                f"{self._url}: the model {self._model} takes no pictures (it answers {status}: "
                f"{said[:200]})."
            )
        if status in _PASSING or status >= 500:
            wait = _retry_after(headers)
            raise _Passing(f"answers {status}: {said[:200]}", wait, status in _BUSY)
        if status == 400 and self._limit == "max_tokens" and "max_completion_tokens" in said:
            self._limit = "max_completion_tokens"  # OpenAI's newer models take no other name
            raise _Passing("wants max_completion_tokens", 0.0)
        if status in _OF_THE_REQUEST:
            self._answered = time.monotonic()
            return no_reply(f"{status}: {said}")
        hint = {401: "is the API key right?", 403: "is the API key right?"}.get(
            status, "is /v1 missing in the URL, or the model's name another?"
        )
        if 300 <= status < 400:
            hint = f"it wants to be asked at {self._clean(headers.get('Location', ''))}"
        raise UserError(f"{self._url} answers {status}: {said[:200]} ({hint})")

    def _clean(self, text: str) -> str:
        """Text of the server's as it may be shown."""
        return printable(self._without_key(text))

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "***") if len(self._key) >= _SHORTEST_SECRET else text


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Followed, a redirect would carry the key elsewhere, and make a GET of the request."""

    def redirect_request(self, *arguments):
        return None


def _place(url: str) -> str:
    """Host, port and path. Raises UserError for what is no URL of a server."""
    if re.fullmatch(r"https?://([\w.-]+|\[[\da-f:]+\])(:\d{1,5})?(/[\w./~-]*)?", url, re.ASCII):
        return url.split("://")[1].rstrip("/")
    raise UserError(
        "the URL of an endpoint looks like http://HOST:PORT/v1, without a key, a password or "
        f"anything after a question mark, not like {printable(url.split('@')[-1])!r}."
    )


def _key(variable: str) -> str:
    key = os.environ.get(variable, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise UserError(f"${variable} holds characters that are in no API key: set it again.")
    return key


def _guess(messages: Sequence[Mapping[str, Any]]) -> int:
    """Tokens of a prompt, about."""
    size = pictures = 0
    for message in messages:
        content = message["content"]
        for part in [{"text": content}] if isinstance(content, str) else content:
            pictures += "image_url" in part
            size += len(part.get("text", "").encode())
    return size // _BYTES_A_TOKEN + _TOKENS_A_PICTURE * pictures + 1


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, which a server gives as a number or as a date."""
    given = (headers.get("Retry-After") or "").strip()
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(given).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
