"""What runs inside: locks itself, then answers one line of JSON with one line of JSON.

Started with one argument, a JSON object: `kind` ("game" or "oracle"), `name`, the `packages` folder
(null: look for it) and what `lock.lock` is told. The first line says whether the lock holds; only
then is anything foreign imported. A request has `id`, `call` and `arguments`; a reply has the same
`id` and either `value` or `error`. This file is copied beside what it asks.
"""

import base64
import dataclasses
import importlib.util
import json
import os
import sys
import traceback
import zlib

HOME = os.path.dirname(os.path.abspath(__file__))


class LockedGame:
    """The game by the calls of `synth.engine.Engine`, in JSON values."""

    def __init__(self, name: str):
        from synth import registry

        self._engine = registry.engine(name)

    def about(self):
        return dataclasses.asdict(self._engine.about())

    def make(self, task, level, seed):
        return dataclasses.asdict(self._engine.make(task, level, seed))

    def told(self, task, state, params):
        return dataclasses.asdict(self._engine.told(task, state, params))

    def parse(self, description):
        return self._engine.parse(description)

    def draw(self, state, size):
        """Shape, type and compressed bytes of the picture."""
        pixels_hwc = self._engine.draw(state, size)
        packed = base64.b64encode(zlib.compress(pixels_hwc.tobytes(), 1)).decode()
        return [list(pixels_hwc.shape), str(pixels_hwc.dtype), packed]


def oracle(name: str):
    from oracle import Oracle

    spec = importlib.util.spec_from_file_location(name, f"{HOME}/oracles/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Oracle(module.ORACLES)


def told(error: BaseException) -> str:
    """An exception in a line: its type and words, and where the foreign code was."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [
        f for f in frames if f.filename.startswith((f"{HOME}/oracles", f"{HOME}/synth/games"))
    ]
    where = theirs and f" ({os.path.basename(theirs[-1].filename)}, line {theirs[-1].lineno})"
    return f"{type(error).__name__}: {error}"[:2000] + (where or "")


def serve(config: dict, requests, replies: int) -> None:
    start = {"game": LockedGame, "oracle": oracle}[config["kind"]]
    answering = None
    for line in requests:
        request = json.loads(line)
        reply = {"id": request["id"]}
        try:
            if answering is None:
                answering = start(config["name"])
            value = getattr(answering, request["call"])(**request["arguments"])
            text = json.dumps(reply | {"value": value}, allow_nan=False)
        except BaseException as error:  # whatever foreign code raises is its answer
            text = json.dumps(reply | {"error": told(error)})
        send(replies, text)


def send(replies: int, text: str) -> None:
    rest = memoryview(text.encode() + b"\n")
    while rest:
        rest = rest[os.write(replies, rest) :]


def main() -> None:
    config = json.loads(sys.argv[1])
    replies = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    try:
        sys.path.insert(0, HOME)
        import lock

        packages = config["packages"]
        if packages is None:
            packages = os.path.dirname(os.path.dirname(importlib.util.find_spec("numpy").origin))
        sys.path.append(packages)
        paths, listed = lock.readable(packages)
        lock.lock([HOME, *paths], listed, *(config[key] for key in ("memory", "seconds", "told")))
    except (OSError, AttributeError) as error:
        send(replies, json.dumps({"locked": False, "error": str(error)}))
        sys.exit(3)
    send(replies, json.dumps({"locked": True}))
    serve(config, sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
