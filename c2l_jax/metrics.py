"""What a run tells while it goes: TensorBoard, metrics.jsonl and a progress bar."""

import json
from pathlib import Path

import numpy as np
from tensorboardX import SummaryWriter
from tqdm import tqdm


class Metrics:
    """Writes scalars, pictures and texts; on any process but the first it writes nothing."""

    def __init__(self, workdir: Path, *, start: int, steps: int, writes: bool):
        self._writes = writes
        if not writes:
            return
        self._path = workdir / "metrics.jsonl"
        kept = []
        if self._path.exists():
            # Lines after the restored step belong to work that a kill undid.
            lines = self._path.read_text().splitlines()
            kept = [line for line in lines if _step(line) is not None and _step(line) <= start]
        self._path.write_text("".join(line + "\n" for line in kept))
        self._lines = self._path.open("a", buffering=1)
        self._board = SummaryWriter(str(workdir), purge_step=start + 1 if start else None)
        self._bar = tqdm(total=steps, initial=start, unit="step", dynamic_ncols=True)

    def scalars(self, step: int, values: dict[str, float]):
        if self._writes:
            self._lines.write(json.dumps({"step": step, **values}) + "\n")
            for name, value in values.items():
                self._board.add_scalar(name, value, step)
            shown = [n for n in ("loss", "accuracy", "rewards/accuracy") if n in values]
            if shown:
                self._bar.set_postfix({name: f"{values[name]:.4g}" for name in shown})

    def sample(self, step: int, name: str, image_hwc: np.ndarray | None, text: str):
        if self._writes:
            if image_hwc is not None:
                self._board.add_image(name, image_hwc, step, dataformats="HWC")
            self._board.add_text(name, text.replace("\n", "  \n"), step)

    def advance(self, step: int):
        if self._writes:
            self._bar.update(step - self._bar.n)

    def close(self):
        if self._writes:
            self._bar.close()
            self._board.close()
            self._lines.close()


def _step(line: str) -> int | None:
    """A line cut short by a kill has no step."""
    try:
        return json.loads(line)["step"]
    except json.JSONDecodeError:
        return None


def read_metrics(workdir: Path) -> list[dict]:
    """The scalars of a run, one dict for each logged step, held-out figures ("eval/") included."""
    steps: dict[int, dict] = {}
    for line in (workdir / "metrics.jsonl").read_text().splitlines():
        values = json.loads(line)
        steps.setdefault(values["step"], {}).update(values)
    return list(steps.values())
