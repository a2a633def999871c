"""One file over HTTP: goes on where an earlier try stopped, in bounded time and room, checked.

What has come so far lies in a partial file, which a later try asks the server to continue. Only
bytes with the published MD5 sum are handed over.
"""

from __future__ import annotations

import hashlib
import re
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError

from distilscope.workflow import progress

TIMEOUT_SECONDS = 60.0
"""After which a server that says nothing is given up."""

LIMIT_BYTES = 2**30
"""The most that is taken from an address, so that a mirror without an end fills no disk."""

CHUNK_BYTES = 2**20
MB = 10**6
RANGE_NOT_SATISFIABLE = 416


class TransferError(OSError):
    """What an address gave is not the file, or not all of it; the message says what came."""


def md5_of(path: Path) -> str:
    """MD5 of a file's content, in hex."""
    with open(path, "rb") as handle:
        # It finds accidents: said, so that machines that forbid MD5 for security have it.
        made = hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False))
    return made.hexdigest()


def bring(url: str, partial: Path, md5: str) -> None:
    """Complete `partial` with what lies at `url`; on return it has that MD5 sum.

    After a failure `partial` holds what came, unless that is known to be wrong.

    Raises:
        OSError: the address can't be reached, is silent, ends early, serves other bytes or more
            than `LIMIT_BYTES`.
    """
    try:
        _continue(url, partial)
    except HTTPError as error:
        if error.code != RANGE_NOT_SATISFIABLE:
            raise
        if md5_of(partial) != md5:  # longer than the file, or as long and another
            partial.unlink()
            _continue(url, partial)
    except HTTPException as error:  # a broken answer, which is no OSError
        raise TransferError(f"the server broke off: {error!r}") from error
    if md5_of(partial) != md5:
        partial.unlink()
        raise TransferError("what came is not the published file, its MD5 differs")


def _continue(url: str, partial: Path) -> None:
    """Ask for what is missing and append it; a server that knows no ranges sends it all."""
    there = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "distilscope"})
    if there:
        request.add_header("Range", f"bytes={there}-")
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        if _start(answer) != there:
            there = 0
        with open(partial, "ab" if there else "wb") as handle:
            _copy(answer, handle, there)


def _start(answer: HTTPResponse) -> int:
    """The first byte's place in the file."""
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range") or "")
    return int(found[1]) if answer.status == 206 and found else 0


def _copy(answer: HTTPResponse, handle: BinaryIO, there: int) -> None:
    told = answer.headers.get("Content-Length")
    expected, came = (int(told) if told else None), 0
    stage = progress.stage("download", (expected or 0) // MB, "MB")
    while chunk := answer.read(CHUNK_BYTES):
        came += len(chunk)
        if there + came > LIMIT_BYTES:
            raise TransferError(f"it sends more than {LIMIT_BYTES / 2**30:g} GiB")
        handle.write(chunk)
        stage.advance(len(chunk) / MB)
    if expected is not None and came < expected:
        raise TransferError(f"the connection closed after {came} of {expected} bytes")
