"""What a reply holds: one fenced block. Its text is data until it runs in a sandbox."""

import dataclasses
import json
import re

from synth.adapt.faults import Fault

MOST_CHARACTERS = 200_000
CHECK = "reply"
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^\n]*?)[ \t]*$")


class BadReply(Exception):
    """A reply that can't be used. fault: why, for the one who wrote it."""

    def __init__(self, fault: Fault):
        super().__init__(fault.reason)
        self.fault = fault


@dataclasses.dataclass(frozen=True)
class Block:
    info: str  # what stands behind the opening fence
    text: str


def bad(who: str, reason: str, mend: str) -> BadReply:
    return BadReply(Fault(CHECK, "", who, reason, mend))


def block(reply: str, who: str, language: str) -> Block:
    """The only fenced block of a reply. Raises BadReply where there is not exactly one, whole."""
    if len(reply) > MOST_CHARACTERS:
        raise bad(
            who,
            f"The reply has {len(reply)} characters, more than {MOST_CHARACTERS}.",
            "Reply with one file of at most 600 lines, and nothing after it.",
        )
    found, is_whole = _blocks(reply)
    form = f"one block that begins with ```{language} and ends with ```"
    if not found:
        raise bad(
            who, "The reply holds no fenced block.", f"Reply with {form}; it holds the whole file."
        )
    if not is_whole:
        raise bad(
            who,
            "A fenced block is not closed: the file is cut, or holds a line of ``` itself.",
            f"Reply with {form}, and write no ``` inside it.",
        )
    if len(found) > 1:
        raise bad(
            who,
            f"The reply holds {len(found)} fenced blocks, and one is asked for.",
            f"Reply with {form}: all of it in one file, without examples, old versions or ``` "
            "inside it.",
        )
    return found[0]


def _blocks(reply: str) -> tuple[list[Block], bool]:
    """Fenced blocks as CommonMark 0.31 (4.5) reads them, and whether the last one is closed."""
    found, fence, info, lines = [], "", "", []
    for line in reply.split("\n"):
        match = _FENCE.match(line)
        if not fence and match:
            fence, info, lines = match[1], match[2], []
        elif fence and match and match[1].startswith(fence) and not match[2]:
            found.append(Block(info, "\n".join(lines) + "\n"))
            fence = ""
        else:
            lines.append(line)
    return (found, True) if not fence else ([*found, Block(info, "\n".join(lines))], False)


def code(reply: str, who: str, name: str) -> str:
    """The text of the file NAME.py. Raises BadReply for what is none, or is called otherwise."""
    found = block(reply, who, "python")
    words = found.info.split()
    named = [word for word in words if "/" in word or "\\" in word or word.endswith(".py")]
    if any(word.rpartition("=")[2].rpartition(":")[2] != f"{name}.py" for word in named):
        raise bad(
            who,
            f"The block names another file than {name}.py.",
            "Write ```python alone before the file.",
        )
    strange = next((c for c in found.text if c != "\n" and not c.isprintable()), None)
    if strange:
        line = found.text[: found.text.index(strange)].count("\n") + 1
        raise bad(
            who,
            f"The file holds the character U+{ord(strange):04X} in line {line}.",
            "Write plain text: spaces and line ends, no tabs and no control characters.",
        )
    return found.text


def json_object(reply: str, who: str) -> dict:
    """The JSON object of a reply. Raises BadReply where it holds none."""
    text = block(reply, who, "json").text if _blocks(reply)[0] else reply
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad(who, f"The reply is no JSON: {error}.", "Reply with one JSON object.") from None
    if not isinstance(found, dict):
        raise bad(who, "The reply is no JSON object.", "Reply with one JSON object.")
    return found
