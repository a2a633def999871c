import functools
import hashlib
import io
import pickle
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import scipy.io
from torchvision import datasets

from distilscope import catalog
from distilscope.data import downloaded
from distilscope.data.fetching import DownloadFailed
from distilscope.data.raw import BadData

from .data_sources import made_up, write_idx

NAMES = ["cifar10", "cifar100", "svhn", "fashion_mnist"]
SHAPE = {"fashion_mnist": (28, 28)}


def md5(content):
    return hashlib.md5(content).hexdigest()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder, counts the GETs, and answers the first `failures` of them with 503."""

    requests: list
    failures: list

    def __init__(self, *args, served, failures, **kwargs):
        self.requests, self.failures = served, failures
        super().__init__(*args, **kwargs)

    def do_GET(self):
        self.requests.append(self.path)
        if self.failures:
            self.failures.pop()
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror on this machine: .folder to put files in, .url, .requests, .failures."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    folder = tmp_path / "mirror"
    folder.mkdir()
    requests, failures = [], []
    handler = functools.partial(
        QuietHandler, served=requests, failures=failures, directory=str(folder)
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.folder, server.requests, server.failures = folder, requests, failures
    server.url = f"http://127.0.0.1:{server.server_port}/"
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def publish(name, folder, monkeypatch):
    """Put a made-up data set of that name into `folder`, and its MD5 sums into torchvision."""
    raw = made_up((4, 4, 4), (2, 2, 2), shape=SHAPE.get(name, (32, 32, 3)))
    {
        "cifar10": functools.partial(publish_cifar, datasets.CIFAR10, "labels"),
        "cifar100": functools.partial(publish_cifar, datasets.CIFAR100, "fine_labels"),
        "svhn": publish_svhn,
        "fashion_mnist": publish_fashion_mnist,
    }[name](raw, folder, monkeypatch)
    return raw


def publish_cifar(known, label_key, raw, folder, monkeypatch):
    def batch(part, rows):
        flat = part.images[rows].transpose(0, 3, 1, 2).reshape(len(part.images[rows]), -1)
        return pickle.dumps({"data": flat, label_key: part.labels[rows].tolist()})

    parts = len(known.train_list)
    shares = np.array_split(np.arange(len(raw.train.images)), parts)
    members = {
        **{
            file: batch(raw.train, rows)
            for (file, _), rows in zip(known.train_list, shares, strict=True)
        },
        known.test_list[0][0]: batch(raw.test, np.arange(len(raw.test.images))),
        known.meta["filename"]: pickle.dumps({known.meta["key"]: list(raw.classes)}),
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for file, content in members.items():
            entry = tarfile.TarInfo(f"{known.base_folder}/{file}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    (folder / known.filename).write_bytes(archive.getvalue())
    for attribute in ("train_list", "test_list"):
        listed = [[file, md5(members[file])] for file, _ in getattr(known, attribute)]
        monkeypatch.setattr(known, attribute, listed)
    meta = {**known.meta, "md5": md5(members[known.meta["filename"]])}
    monkeypatch.setattr(known, "meta", meta)
    monkeypatch.setattr(known, "tgz_md5", md5(archive.getvalue()))


def publish_svhn(raw, folder, monkeypatch):
    split_list = dict(datasets.SVHN.split_list)
    for split, part in (("train", raw.train), ("test", raw.test)):
        labels = np.where(part.labels == 0, 10, part.labels)  # SVHN calls the digit 0 class 10
        url, file, _ = split_list[split]
        matrices = {"X": part.images.transpose(1, 2, 3, 0), "y": labels[:, None].astype(np.uint8)}
        scipy.io.savemat(folder / file, matrices)
        split_list[split] = [url, file, md5((folder / file).read_bytes())]
    monkeypatch.setattr(datasets.SVHN, "split_list", split_list)


def publish_fashion_mnist(raw, folder, monkeypatch):
    write_idx(folder, raw)
    resources = [
        (file, md5((folder / file).read_bytes())) for file, _ in datasets.FashionMNIST.resources
    ]
    monkeypatch.setattr(datasets.FashionMNIST, "resources", resources)
    monkeypatch.setattr(datasets.FashionMNIST, "classes", list(raw.classes))


def download(name, folder, server, retries=0):
    getattr(downloaded, f"download_{name}")(folder, server.url, retries)


def read(name, folder):
    return getattr(downloaded, f"read_{name}")(folder, 32)


@pytest.fixture
def ten_digits(monkeypatch):
    """SVHN has ten classes whatever is in the files; the made-up one has three."""
    original = downloaded.in_order
    monkeypatch.setattr(downloaded, "in_order", lambda a, b, c, d: original(a, b, c[:3], d))


@pytest.mark.parametrize("name", NAMES)
def test_a_downloaded_set_is_read_as_it_was_published(
    name, tmp_path, mirror, monkeypatch, ten_digits
):
    raw = publish(name, mirror.folder, monkeypatch)
    download(name, tmp_path / "data", mirror)
    found = read(name, tmp_path / "data")
    for part in ("train", "test"):
        ours, published = getattr(found, part), getattr(raw, part)
        assert np.array_equal(ours.images, published.images)
        assert np.array_equal(ours.labels, published.labels)
        assert np.array_equal(ours.indices, published.indices)
    assert found.classes == (("0", "1", "2") if name == "svhn" else raw.classes)
    assert not list((tmp_path / "data").glob(".incomplete*"))


@pytest.mark.parametrize("name", NAMES)
def test_a_second_call_checks_the_disk_and_fetches_nothing(name, tmp_path, mirror, monkeypatch):
    publish(name, mirror.folder, monkeypatch)
    download(name, tmp_path / "data", mirror)
    mirror.requests.clear()
    download(name, tmp_path / "data", mirror)
    assert mirror.requests == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["truncated", "altered"])
def test_every_damaged_file_on_disk_is_refused_by_name(name, damage, tmp_path, mirror, monkeypatch):
    publish(name, mirror.folder, monkeypatch)
    download(name, tmp_path / "data", mirror)
    mirror.requests.clear()
    # An archive is not read again once its files are there.
    files = [f for f in (tmp_path / "data").rglob("*") if f.is_file()]
    for file in (f for f in files if not f.name.endswith("python.tar.gz")):
        whole = file.read_bytes()
        broken = whole[:-1] if damage == "truncated" else whole[:-1] + bytes([whole[-1] ^ 1])
        file.write_bytes(broken)
        with pytest.raises(BadData, match=f"{file.name}: it is truncated or altered"):
            download(name, tmp_path / "data", mirror)
        with pytest.raises(BadData, match=f"{file.name}: it is truncated or altered"):
            read(name, tmp_path / "data")
        assert file.read_bytes() == broken
        file.write_bytes(whole)
    assert mirror.requests == []


@pytest.mark.parametrize("name", NAMES)
def test_a_mirror_with_wrong_bytes_is_refused_and_nothing_is_kept(
    name, tmp_path, mirror, monkeypatch
):
    publish(name, mirror.folder, monkeypatch)
    for file in mirror.folder.iterdir():
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(DownloadFailed, match=r"MD5 hash of downloaded file \(.*\) does not match"):
        download(name, tmp_path / "data", mirror)
    assert [f for f in (tmp_path / "data").rglob("*") if f.is_file()] == []


def test_a_fetch_is_tried_again_after_a_failure(tmp_path, mirror, monkeypatch):
    publish("svhn", mirror.folder, monkeypatch)
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    mirror.failures += [None] * 2
    download("svhn", tmp_path / "data", mirror, retries=2)
    assert (tmp_path / "data" / "train_32x32.mat").is_file()


def test_a_server_that_fails_is_left_alone_between_the_attempts(tmp_path, mirror, monkeypatch):
    waited = []
    monkeypatch.setattr("pooch.core.time.sleep", waited.append)
    with pytest.raises(DownloadFailed):
        download("svhn", tmp_path / "data", mirror, retries=3)
    assert waited == [1, 2, 3]


def test_without_a_network_the_bundled_set_and_the_files_are_named(tmp_path, monkeypatch):
    def unreachable(*args, **kwargs):
        raise OSError("Network is unreachable")

    monkeypatch.setattr("requests.get", unreachable)
    with pytest.raises(DownloadFailed) as failure:
        downloaded.download_cifar10(tmp_path / "data", retries=0)
    message = str(failure.value)
    for part in (
        "'cifar10'",
        "Network is unreachable",
        "'fashion-mnist-subset'",
        "cifar-10-python.tar.gz (MD5 c58f30108f718f92721af3b95e74349a)",
        str(tmp_path / "data"),
    ):
        assert part in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_an_archive_put_there_by_hand_is_unpacked_without_a_network(
    name, tmp_path, mirror, monkeypatch
):
    publish(name, mirror.folder, monkeypatch)
    download(name, mirror.folder, mirror)
    assert mirror.requests == []
    read(name, mirror.folder)


def test_an_altered_archive_on_disk_is_refused_before_it_is_unpacked(tmp_path, mirror, monkeypatch):
    publish("cifar10", mirror.folder, monkeypatch)
    archive = mirror.folder / "cifar-10-python.tar.gz"
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(BadData, match=r"cifar-10-python\.tar\.gz: it is truncated or altered"):
        download("cifar10", mirror.folder, mirror)


@pytest.mark.parametrize("name", NAMES)
def test_reading_before_downloading_says_what_is_missing(name, tmp_path):
    with pytest.raises(BadData, match="is missing; download it again or put"):
        read(name, tmp_path)


def test_every_downloaded_set_of_the_catalogue_has_its_functions():
    found = {entry.downloader for entry in catalog.DATASETS.values() if entry.downloader}
    assert found == {f"distilscope.data.downloaded:download_{name}" for name in NAMES}
    for entry in catalog.DATASETS.values():
        module, function = entry.reader.split(":")
        assert callable(getattr(__import__(module, fromlist=[function]), function))
