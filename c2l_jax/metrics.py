"""What a run tells while it goes: TensorBoard, metrics.jsonl and a progress bar."""

import contextlib
import json
import tempfile
from pathlib import Path

import jax
import numpy as np
from tqdm import tqdm

from c2l_jax.paths import Board, Lines
from records.paths import AnyPath, upload

METRICS = "metrics.jsonl"


class Metrics:
    """Writes scalars, pictures and texts; on any process but the first it writes nothing."""

    def __init__(self, workdir: AnyPath, *, start: int, steps: int, writes: bool):
        self._writes = writes
        if not writes:
            return
        # Lines after the restored step belong to work that a kill undid.
        path = workdir / METRICS
        kept = [line for line in _lines(path) if line["step"] <= start] if path.exists() else []
        self._lines = Lines(path, [json.dumps(line) + "\n" for line in kept])
        self._board = Board(workdir, purge_step=start + 1 if start else None)
        self._bar = tqdm(total=steps, initial=start, unit="step", dynamic_ncols=True)

    def scalars(self, step: int, values: dict[str, float]):
        if self._writes:
            self._lines.add(json.dumps({"step": step, **values}) + "\n")
            for name, value in values.items():
                self._board.writer.add_scalar(name, value, step)
            self._board.send()
            shown = [n for n in ("loss", "accuracy", "rewards/accuracy", "reward") if n in values]
            if shown:
                self._bar.set_postfix({name: f"{values[name]:.4g}" for name in shown})

    def sample(self, step: int, name: str, image_hwc: np.ndarray | None, text: str):
        if self._writes:
            if image_hwc is not None:
                self._board.writer.add_image(name, image_hwc, step, dataformats="HWC")
            self._board.writer.add_text(name, text.replace("\n", "  \n"), step)

    def advance(self, step: int):
        if self._writes:
            self._bar.update(step - self._bar.n)

    def close(self):
        if self._writes:
            self._bar.close()
            self._board.close()
            self._lines.close()


class Trace:
    """A trace of the third to the fifth step that run here, where TensorBoard looks for profiles.

    That is plugins/profile/TIME/HOST.xplane.pb in the working directory. Of a shorter run, the last
    steps that it has.
    """

    def __init__(self, workdir: AnyPath, *, start: int, steps: int, wanted: bool):
        self._workdir = workdir
        self._first, self._last = (min(start + n, steps) for n in (3, 5))
        self._wanted, self._folder = wanted, None

    @contextlib.contextmanager
    def step(self, step: int):
        """What happens inside is this step, on the host."""
        if self._wanted and step == self._first:
            self._folder = tempfile.TemporaryDirectory()
            jax.profiler.start_trace(self._folder.name)
        with jax.profiler.StepTraceAnnotation("train", step_num=step):
            yield

    def finish(self, step: int, values: dict[str, jax.Array]):
        """Ends the trace after its last step, of which these are the results."""
        if self._folder and step == self._last:
            jax.block_until_ready(values)
            self.close()

    def close(self):
        if self._folder:
            jax.profiler.stop_trace()
            with self._folder as folder:
                upload(Path(folder), self._workdir)
            self._folder = None


def _lines(path: AnyPath) -> list[dict]:
    """The lines of metrics.jsonl, less a last one that a kill cut short."""
    *lines, last = path.read_text(encoding="utf-8").splitlines() or [""]
    with contextlib.suppress(json.JSONDecodeError):
        return [json.loads(line) for line in lines] + [json.loads(last)]
    return [json.loads(line) for line in lines]


def read_metrics(workdir: AnyPath) -> list[dict]:
    """The scalars of a run, one dict for each logged step, held-out figures ("eval/") included."""
    steps: dict[int, dict] = {}
    for values in _lines(workdir / METRICS):
        steps.setdefault(values["step"], {}).update(values)
    return list(steps.values())
