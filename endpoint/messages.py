"""What is asked and what comes back: requests, and replies read out of a server's JSON."""

import base64
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from records.schema import PICTURE

_PNG = b"\x89PNG"
# A finished reply, though perhaps not the one that was hoped for: asked again, it costs again.
COMPLETE = (None, "refused", "cut")


@dataclasses.dataclass(frozen=True)
class Request:
    """One chat completion. sample: counts requests that are alike but for chance; to draw several
    replies from a seed, give each its own."""

    messages: Sequence[Mapping[str, Any]]
    sample: int = 0
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 1024
    seed: int | None = None


@dataclasses.dataclass(frozen=True)
class Reply:
    """What came of a request.

    text: what was said; of a cut reply the part that came; None where there is none.
    failure: None, or why the text is not a whole answer: "refused", "cut" (at max_tokens),
      "empty" (no choice, or nothing in it), "bad reply" (another form than the protocol's), or
      "no reply" (none came, or the server does not take this request).
    finish: the server's finish_reason.
    raw: the server's JSON, or for "no reply" what it said instead; never with the API key.
    model: as the server calls what replied.
    cached: it was kept from before and costs nothing.
    """

    text: str | None
    failure: str | None
    finish: str | None
    raw: dict | str | None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model: str | None = None
    cached: bool = False


def user(text: str, *images: bytes) -> dict[str, Any]:
    """A user's message with files of PNG or JPEG.

    Pictures are where the text says so ("<image>"), if it does so for all of them; else they come
    first.
    """
    if not images:
        return {"role": "user", "content": text}
    pieces = text.split(PICTURE)
    shown = [_picture(image) for image in images]
    if len(pieces) != len(images) + 1:
        return {"role": "user", "content": [*shown, {"type": "text", "text": text}]}
    content = [{"type": "text", "text": pieces[0]}]
    for picture, piece in zip(shown, pieces[1:], strict=True):
        content += [picture, {"type": "text", "text": piece}]
    return {"role": "user", "content": [part for part in content if part.get("text") != ""]}


def _picture(image: bytes) -> dict[str, Any]:
    kind = "png" if image.startswith(_PNG) else "jpeg"
    url = f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def no_reply(said: str) -> Reply:
    return Reply(None, "no reply", None, said)


def read_reply(raw: Any) -> Reply:
    """A server's JSON as a reply, whatever it holds."""
    fields = raw if isinstance(raw, dict) else {}
    usage = fields.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    choices = fields.get("choices")
    common = {
        "raw": raw if isinstance(raw, dict) else str(raw),
        "prompt_tokens": _count(usage.get("prompt_tokens")),
        "completion_tokens": _count(usage.get("completion_tokens")),
        "model": fields["model"] if isinstance(fields.get("model"), str) else None,
    }
    if choices == []:
        return Reply(None, "empty", None, **common)
    try:
        message, finish = choices[0]["message"], choices[0].get("finish_reason")
        text = _text(message.get("content"))
        refused = message.get("refusal") or finish == "content_filter"
    except (TypeError, LookupError, AttributeError):
        return Reply(None, "bad reply", None, **common)
    if refused:
        return Reply(None, "refused", finish, **common)
    if finish == "length":
        return Reply(text or None, "cut", finish, **common)
    if not text.strip():
        return Reply(None, "empty", finish, **common)
    return Reply(text, None, finish, **common)


def _text(content: Any) -> str:
    """Some servers give a list of parts. What can't be written as UTF-8 becomes "?"."""
    if content is None:
        return ""
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    return content.encode(errors="replace").decode()


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
