"""A server that says what a test has written for it, at the end of a real socket."""

import http.server
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class Said(NamedTuple):
    """status, headers and body as sent. delay: seconds before; hang_up: in the middle of the body;
    a delay of None: not before the server is closed."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: str | bytes = ""
    delay: float | None = 0.0
    hang_up: bool = False


def completion(text: str | None, **choice: Any) -> dict[str, Any]:
    """What a model's server answers. choice: what its one choice has beside the text."""
    message = {"role": "assistant", "content": text} | choice.pop("message", {})
    return {
        "id": "x",
        "object": "chat.completion",
        "model": "served",
        "system_fingerprint": "print",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"} | choice],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


class Scripted(http.server.ThreadingHTTPServer):
    """Answers one request after the other with `replies`: texts, `Said`, or what `Said` takes; or
    whatever a function makes of a request's JSON.

    requests: the JSON of all that came; paths and headers: where to, and with what.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, replies: Sequence | Callable[[dict], Any]):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict] = []
        self.paths: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self._replies, self._lock = replies, threading.Lock()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def reply_to(self, handler: "_Handler", request: dict) -> Said:
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
            self.paths.append(handler.path)
            self.headers.append(handler.headers)
        try:
            reply = self._replies(request) if callable(self._replies) else self._replies[number]
            if isinstance(reply, str):
                reply = completion(reply)
            return Said(body=json.dumps(reply)) if isinstance(reply, dict) else Said(*reply)
        except Exception as error:  # of the script: told by what no client tries again
            return Said(404, {}, f"the script has no reply to request {number}: {error!r}")

    def __enter__(self) -> "Scripted":
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self.closing.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass  # a client that was killed, or waits no longer


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = self.server.reply_to(self, request)
        self.server.closing.wait(said.delay)
        body = said.body if isinstance(said.body, bytes) else said.body.encode()
        self.send_response(said.status)
        for name, value in ({"Content-Type": "application/json"} | dict(said.headers)).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if said.hang_up else body)

    def log_message(self, *arguments):
        pass
