"""Replies that are kept: one file of SQLite, which any number of threads and processes may use."""

import dataclasses
import json
import sqlite3
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from endpoint.messages import Reply, no_reply, read_reply
from records.errors import UserError
from records.paths import AnyPath, anywhere, is_remote

_UPLOAD_SECONDS = 30.0  # between two uploads to a bucket
_BUSY_SECONDS = 60.0  # for which another process may write
_TABLE = """CREATE TABLE IF NOT EXISTS replies (
  key TEXT PRIMARY KEY, raw TEXT NOT NULL, model TEXT, fingerprint TEXT,
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
  began REAL NOT NULL, seconds REAL NOT NULL)"""


class Cache:
    """Raw replies by the digest of their requests, each on disk as soon as it is put.

    That of a bucket is worked on as a local copy, and sent at times and by `close`. Raises
    UserError for a file that is no such cache.
    """

    def __init__(self, path: AnyPath | str):
        self._path, self._lock = anywhere(path), threading.Lock()
        self._copy = tempfile.TemporaryDirectory() if is_remote(path) else None
        file = Path(self._copy.name) / "replies.sqlite" if self._copy else self._path
        if self._copy and self._path.exists():
            file.write_bytes(self._path.read_bytes())
        self._sent = time.monotonic()
        try:
            if not self._copy:
                file.parent.mkdir(parents=True, exist_ok=True)
            self._table = sqlite3.connect(
                file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._table.execute("PRAGMA journal_mode=WAL")
            self._table.execute(_TABLE)
            self._table.execute("SELECT raw, began, seconds FROM replies LIMIT 1")
        except (OSError, sqlite3.Error) as error:
            raise UserError(
                f"{path} can't be used to keep replies in ({error}): name another file."
            ) from error

    def get(self, key: str) -> Reply | None:
        with self._lock:
            row = self._table.execute("SELECT raw FROM replies WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        raw = json.loads(row[0])
        reply = no_reply(raw) if isinstance(raw, str) else read_reply(raw)
        return dataclasses.replace(reply, cached=True)

    def put(self, key: str, reply: Reply, began: float, seconds: float):
        """began: time.time() of the request; seconds: until it was answered."""
        values = (key, json.dumps(reply.raw), reply.model, _fingerprint(reply.raw))
        values += (reply.prompt_tokens, reply.completion_tokens, began, seconds)
        with self._lock:
            self._table.execute("INSERT OR REPLACE INTO replies VALUES (?,?,?,?,?,?,?,?)", values)
            if self._copy and time.monotonic() - self._sent > _UPLOAD_SECONDS:
                self._send()

    def close(self):
        with self._lock:
            if self._copy:
                self._send()
            self._table.close()
            if self._copy:
                self._copy.cleanup()

    def _send(self):
        whole = Path(self._copy.name) / "whole.sqlite"
        with sqlite3.connect(whole) as target:
            self._table.backup(target)
        target.close()
        self._path.write_bytes(whole.read_bytes())
        self._sent = time.monotonic()


def _fingerprint(raw: Any) -> str | None:
    found = raw.get("system_fingerprint") if isinstance(raw, dict) else None
    return found if isinstance(found, str) else None
