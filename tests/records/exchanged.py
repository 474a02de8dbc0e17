"""Other people's data in small: pictures, files, and what is read out of them."""

import io
import json
from pathlib import Path

from PIL import Image

from records.formats import Options
from records.importing import import_data
from records.reading import open_splits


def picture(color: str = "red", format: str = "PNG", size: tuple[int, int] = (8, 6)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, format)
    return file.getvalue()


def write_json(path: Path, content) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def write_lines(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_picture(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def take(format: str, source, out: Path, name: str = "mine", options=None, **given):
    """(records by id of each split, reasons by place)."""
    sources = source if isinstance(source, list) else [source]
    _, left_out = import_data(format, sources, out, Options(name=name, **(options or {})), **given)
    return records_in(out), left_out


def records_in(data: Path) -> dict[str, dict[str, dict]]:
    return {
        name: {record["id"]: record for record in split}
        for name, split in open_splits(data).items()
    }
