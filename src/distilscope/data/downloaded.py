"""Public data sets that torchvision knows.

Addresses, MD5 sums and the layout on disk are torchvision's, so that a folder which torchvision
filled is taken as it is. torchvision is imported where it is used: it costs seconds.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from distilscope.data.fetching import RETRIES, PublicSet, Remote, as_files, check, fetch
from distilscope.data.raw import RawSplits, in_order
from distilscope.data.readers import read_idx

_FASHION_MNIST_FOLDER = Path("FashionMNIST", "raw")


def download_cifar10(folder: Path, mirror: str | None = None, retries: int = RETRIES) -> None:
    """Fetch CIFAR-10 into `folder`; see `fetch`."""
    fetch(_cifar("cifar10", "CIFAR10"), folder, mirror, retries)


def read_cifar10(path: Path, image_size: int, fit: str = "resize") -> RawSplits:
    """Read CIFAR-10 from the folder that `download_cifar10` filled; size and fit are not used."""
    return _read_cifar(_cifar("cifar10", "CIFAR10"), "CIFAR10", path)


def download_cifar100(folder: Path, mirror: str | None = None, retries: int = RETRIES) -> None:
    """Fetch CIFAR-100 into `folder`; see `fetch`."""
    fetch(_cifar("cifar100", "CIFAR100"), folder, mirror, retries)


def read_cifar100(path: Path, image_size: int, fit: str = "resize") -> RawSplits:
    """Read CIFAR-100 (fine labels) as `download_cifar100` left it; size and fit are not used."""
    return _read_cifar(_cifar("cifar100", "CIFAR100"), "CIFAR100", path)


def download_svhn(folder: Path, mirror: str | None = None, retries: int = RETRIES) -> None:
    """Fetch SVHN (cropped digits, without `extra`) into `folder`; see `fetch`."""
    fetch(_svhn(), folder, mirror, retries)


def read_svhn(path: Path, image_size: int, fit: str = "resize") -> RawSplits:
    """Read SVHN as `download_svhn` left it; label 0 is the digit 0; size and fit are not used."""
    check(_svhn(), path)
    from torchvision import datasets

    parts = [datasets.SVHN(path, split=split) for split in ("train", "test")]
    train, test = ((part.data.transpose(0, 2, 3, 1), part.labels) for part in parts)
    return in_order(train, test, [str(digit) for digit in range(10)], f"svhn in {path}")


def download_fashion_mnist(folder: Path, mirror: str | None = None, retries: int = RETRIES) -> None:
    """Fetch Fashion-MNIST into `folder`; see `fetch`."""
    fetch(_fashion_mnist(), folder, mirror, retries)


def read_fashion_mnist(path: Path, image_size: int, fit: str = "resize") -> RawSplits:
    """Read Fashion-MNIST as `download_fashion_mnist` left it; size and fit are not used."""
    check(_fashion_mnist(), path)
    from torchvision import datasets

    raw = read_idx(Path(path) / _FASHION_MNIST_FOLDER, image_size)
    return replace(raw, classes=tuple(datasets.FashionMNIST.classes))


def _cifar(name: str, torchvision_name: str) -> PublicSet:
    from torchvision import datasets

    known = getattr(datasets, torchvision_name)
    meta = (known.meta["filename"], known.meta["md5"])
    return PublicSet(
        name,
        (Remote(known.url, Path(known.filename), known.tgz_md5),),
        tuple(
            (Path(known.base_folder, file), md5)
            for file, md5 in (*known.train_list, *known.test_list, meta)
        ),
    )


def _read_cifar(public: PublicSet, torchvision_name: str, path: Path) -> RawSplits:
    check(public, path)  # before torchvision unpickles anything
    from torchvision import datasets

    known = getattr(datasets, torchvision_name)
    train, test = (known(path, train=is_train) for is_train in (True, False))
    return in_order(
        (train.data, np.array(train.targets)),
        (test.data, np.array(test.targets)),
        train.classes,
        f"{public.name} in {path}",
    )


def _svhn() -> PublicSet:
    from torchvision import datasets

    parts = [datasets.SVHN.split_list[split] for split in ("train", "test")]
    downloads = tuple(Remote(url, Path(file), md5) for url, file, md5 in parts)
    return PublicSet("svhn", downloads, as_files(downloads))


def _fashion_mnist() -> PublicSet:
    from torchvision import datasets

    address = datasets.FashionMNIST.mirrors[0]
    downloads = tuple(
        Remote(address + file, _FASHION_MNIST_FOLDER / file, md5)
        for file, md5 in datasets.FashionMNIST.resources
    )
    return PublicSet("fashion-mnist", downloads, as_files(downloads))
