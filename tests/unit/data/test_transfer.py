"""A file over HTTP goes on where it stopped and comes whole, or not at all."""

from __future__ import annotations

import functools
import hashlib
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from distilscope.data import fetching, transfer
from distilscope.data.fetching import DownloadFailed, PublicSet, Remote, as_files, fetch

CONTENT = np.random.default_rng(1).bytes(300_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


@dataclass
class Address:
    """What a server does, and what it was asked.

    Attributes:
        content: what it serves.
        cuts: after how many bytes it closes the connection, a number for each request; then never.
        ranges: whether it answers a Range with that part.
        asked: the Range of each request, or None.
        silence: a request is answered once this is set.
    """

    content: bytes = CONTENT
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    asked: list[str | None] = field(default_factory=list)
    silence: threading.Event | None = None
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    def __init__(self, *args, address, **named):
        self.address = address
        super().__init__(*args, **named)

    def do_GET(self):
        address, asked = self.address, self.headers.get("Range")
        address.asked.append(asked)
        if address.silence:
            address.silence.wait()
            return
        start = int(re.match(r"bytes=(\d+)-", asked)[1]) if asked and address.ranges else 0
        if asked and address.ranges and start >= len(address.content):
            self.send_error(416)
            return
        sent = address.content[start:]
        self.send_response(206 if asked and address.ranges else 200)
        self.send_header("Content-Length", str(len(sent)))
        if asked and address.ranges:
            last = len(address.content)
            self.send_header("Content-Range", f"bytes {start}-{last - 1}/{last}")
        self.end_headers()
        self.wfile.write(sent[: address.cuts.pop(0)] if address.cuts else sent)

    def log_message(self, *args):
        pass


@contextmanager
def serving(address):
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, address=address))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address.url = f"http://127.0.0.1:{server.server_port}/file"
    try:
        yield
    finally:
        if address.silence:
            address.silence.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def address(monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    made = Address()
    with serving(made):
        yield made


@pytest.fixture
def partial(tmp_path):
    return tmp_path / "file.part"


def bring(address, partial):
    transfer.bring(address.url, partial, MD5)
    return partial.read_bytes()


def test_a_file_comes_as_it_is_served(address, partial):
    assert bring(address, partial) == CONTENT
    assert address.asked == [None]


def test_what_came_before_a_connection_closed_is_not_fetched_again(address, partial):
    address.cuts = [100_000]
    with pytest.raises(transfer.TransferError, match="closed after 100000 of 300000 bytes"):
        bring(address, partial)
    assert partial.read_bytes() == CONTENT[:100_000]
    assert bring(address, partial) == CONTENT
    assert address.asked == [None, "bytes=100000-"]


def test_a_server_without_ranges_sends_it_all_again(address, partial):
    partial.write_bytes(CONTENT[:100_000])
    address.ranges = False
    assert bring(address, partial) == CONTENT


def test_a_partial_file_that_is_already_whole_is_taken(address, partial):
    partial.write_bytes(CONTENT)
    assert bring(address, partial) == CONTENT
    assert address.asked == ["bytes=300000-"]


def test_a_partial_file_that_is_too_long_is_fetched_from_the_start(address, partial):
    partial.write_bytes(CONTENT + b"more")
    assert bring(address, partial) == CONTENT
    assert address.asked == ["bytes=300004-", None]


def test_a_wrong_beginning_is_thrown_away_so_that_the_next_try_is_whole(address, partial):
    partial.write_bytes(b"x" * 1000)
    with pytest.raises(transfer.TransferError, match="its MD5 differs"):
        bring(address, partial)
    assert not partial.exists()
    assert bring(address, partial) == CONTENT


def test_a_server_that_sends_too_much_is_cut_off(address, partial, monkeypatch):
    monkeypatch.setattr(transfer, "LIMIT_BYTES", 200_000)
    monkeypatch.setattr(transfer, "CHUNK_BYTES", 50_000)
    with pytest.raises(transfer.TransferError, match="it sends more than"):
        bring(address, partial)
    assert partial.stat().st_size <= 200_000


def test_a_silent_server_is_given_up(address, partial, monkeypatch):
    monkeypatch.setattr(transfer, "TIMEOUT_SECONDS", 0.1)
    address.silence = threading.Event()
    with pytest.raises(OSError, match="timed out"):
        bring(address, partial)


def test_an_answer_that_is_no_http_is_an_error_like_others(address, partial, monkeypatch):
    monkeypatch.setattr(Handler, "do_GET", lambda self: self.wfile.write(b"nonsense\n\n"))
    with pytest.raises(transfer.TransferError, match="the server broke off: BadStatusLine"):
        bring(address, partial)


# --------------------------------------------------------------------------- within a data set


@pytest.fixture
def public(address):
    downloads = (Remote(address.url, Path("deep/file"), MD5),)
    return PublicSet("made-up", downloads, as_files(downloads))


def test_attempts_go_on_from_one_another(public, address, tmp_path):
    address.cuts = [100_000, 50_000]
    fetch(public, tmp_path, None, pauses=(0, 0))
    assert (tmp_path / "deep/file").read_bytes() == CONTENT
    assert address.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_a_later_job_goes_on_from_what_an_earlier_one_left(public, address, tmp_path):
    address.cuts = [100_000]
    with pytest.raises(DownloadFailed, match="closed after"):
        fetch(public, tmp_path, None, pauses=())
    assert not (tmp_path / "deep/file").exists()
    fetch(public, tmp_path, None, pauses=())
    assert address.asked == [None, "bytes=100000-"]
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [tmp_path / "deep/file"]
    assert not (tmp_path / fetching.INCOMPLETE).exists()


def test_two_jobs_at_once_fetch_it_once(public, address, tmp_path):
    jobs = [threading.Thread(target=fetch, args=(public, tmp_path, None, ())) for _ in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert (tmp_path / "deep/file").read_bytes() == CONTENT
    assert address.asked == [None]
