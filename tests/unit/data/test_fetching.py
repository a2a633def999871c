"""A file over HTTP comes whole and right, or not at all."""

from __future__ import annotations

import functools
import hashlib
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from distilscope.data import fetching
from distilscope.data.fetching import DownloadFailed, PublicSet, Remote, as_files, fetch
from distilscope.workflow import progress

CONTENT = np.random.default_rng(1).bytes(3_000_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


@dataclass
class Address:
    """What a server does, and how often it was asked.

    Attributes:
        cuts: after how many bytes it closes the connection, a number for each request; then never.
        silence: a request is answered once this is set.
    """

    cuts: list[int] = field(default_factory=list)
    asked: int = 0
    silence: threading.Event | None = None
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    def __init__(self, *args, address, **named):
        self.address = address
        super().__init__(*args, **named)

    def do_GET(self):
        address = self.address
        address.asked += 1
        if address.silence:
            address.silence.wait()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: address.cuts.pop(0)] if address.cuts else CONTENT)

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
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    made = Address()
    with serving(made):
        yield made


@pytest.fixture
def public(address):
    downloads = (Remote(address.url, Path("deep/file"), MD5),)
    return PublicSet("made-up", downloads, as_files(downloads))


def files(folder):
    return [path for path in folder.rglob("*") if path.name != "deep"]


def test_a_file_comes_as_it_is_served(public, tmp_path):
    fetch(public, tmp_path, None, 0)
    assert (tmp_path / "deep/file").read_bytes() == CONTENT
    assert files(tmp_path) == [tmp_path / "deep/file"]


def test_a_connection_that_closes_early_is_tried_again(public, address, tmp_path):
    address.cuts = [100_000, 0]
    fetch(public, tmp_path, None, 2)
    assert (tmp_path / "deep/file").read_bytes() == CONTENT
    assert address.asked == 3


def test_half_a_file_is_never_under_its_name_nor_left(public, address, tmp_path):
    address.cuts = [100_000]
    with pytest.raises(DownloadFailed, match="'made-up' could not be fetched from http"):
        fetch(public, tmp_path, None, 0)
    assert files(tmp_path) == []


def test_what_a_killed_job_left_is_cleared_away(public, tmp_path):
    (tmp_path / fetching.INCOMPLETE).mkdir()
    (tmp_path / fetching.INCOMPLETE / "file").write_bytes(CONTENT[:1000])
    fetch(public, tmp_path, None, 0)
    assert files(tmp_path) == [tmp_path / "deep/file"]


def test_a_silent_server_is_given_up(public, address, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "TIMEOUT_SECONDS", 0.1)
    address.silence = threading.Event()
    with pytest.raises(DownloadFailed, match="timed out"):
        fetch(public, tmp_path, None, 0)


def test_an_answer_that_is_no_http_is_an_error_like_others(public, tmp_path, monkeypatch):
    monkeypatch.setattr(Handler, "do_GET", lambda self: self.wfile.write(b"nonsense\n\n"))
    with pytest.raises(DownloadFailed, match="BadStatusLine"):
        fetch(public, tmp_path, None, 0)


def test_a_download_is_a_stage_of_its_job(public, tmp_path, monkeypatch):
    stages = []
    monkeypatch.setattr(
        progress, "stage", lambda *stage: stages.append([*stage, 0.0]) or FakeStage(stages)
    )
    fetch(public, tmp_path, None, 0)
    label, total, unit, done = stages[-1]
    assert (label, total, unit) == ("download", 3, "MB")
    assert done == pytest.approx(3.0)


class FakeStage:
    def __init__(self, stages):
        self.stages = stages

    def advance(self, units):
        self.stages[-1][-1] += units


def test_two_jobs_at_once_fetch_it_once(public, address, tmp_path):
    jobs = [threading.Thread(target=fetch, args=(public, tmp_path, None, 0)) for _ in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert (tmp_path / "deep/file").read_bytes() == CONTENT
    assert address.asked == 1
