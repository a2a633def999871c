"""Tensors out of the weights files that people have. Nothing that lies in a file is run.

Read are safetensors, and what `torch.load` accepts with `weights_only=True`, where NumPy numbers,
paths and argparse's namespaces that lie beside the weights are passed over unmade. Any other file
is refused with what it is.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from distilscope import store

NESTED_UNDER = ("state_dict", "model_state_dict", "model", "module")
AVERAGED = re.compile(r"ema|averag|swa|shadow", re.IGNORECASE)
"""What keys and prefixes of averaged weights have in their names."""
NAMED_IN_MESSAGES = 5
START_BYTES = 512
BOMB_BYTES, BOMB_RATIO = 2**26, 20
"""An archive that unpacks to more than both is refused: `torch.save` does not compress."""

SAVE = "save the weights with torch.save(model.state_dict(), path) or as safetensors"
STARTS = {
    b"version https://git-lfs": "a git-lfs pointer and not the file: fetch it with `git lfs pull`",
    b"\x89HDF": f"an HDF5 file, as Keras writes; {SAVE}",
    b"GGUF": f"a GGUF file; {SAVE}",
    b"\x93NUMPY": f"a NumPy array; {SAVE}",
    b"\x1f\x8b": "compressed with gzip; unpack it first",
    b"BZh": "compressed with bzip2; unpack it first",
    b"\xfd7zXZ": "compressed with xz; unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
}
"""How files begin, and what they are."""
HTML = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")


class WeightsError(ValueError):
    """A weights file that can't be read or doesn't fit; the message names the tensors."""


@dataclass(frozen=True)
class Contents:
    """The tensors of a file by name.

    Attributes:
        state: as the file names them.
        under: the keys that they lay under.
        beside: keys of other state dicts of the file, which were not taken.
    """

    state: Mapping[str, Tensor]
    under: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def read(path: Path) -> Contents:
    """The tensors of a weights file.

    Raises:
        WeightsError: it can't be read, is another kind of file, or holds no or several state dicts.
        DamagedFile: a file of this program's own whose digest differs.
    """
    if path.is_dir():
        return _of_folder(path)
    if not path.is_file():
        raise WeightsError(f"there is no weights file at {path}")
    if store.artefact_of(path) or path.with_name(path.name + store.DIGEST_SUFFIX).is_file():
        store.verify(path)
    with open(path, "rb") as handle:
        start = handle.read(START_BYTES)
    other = _other_kind(path, start)
    if other:
        raise WeightsError(f"{path} is {other}")
    if start[8:9] == b"{":
        return Contents(_safetensors(path))
    return _unnested(path, _pickled(path))


def _of_folder(path: Path) -> Contents:
    """All safetensors of a folder, as large models are cut into several."""
    files = sorted(path.glob("*.safetensors"))
    if not files:
        raise WeightsError(
            f"{path} is a folder; name the weights file in it, or put safetensors there"
        )
    found: dict[str, Tensor] = {}
    for file in files:
        part = read(file).state
        twice = [name for name in part if name in found]
        if twice:
            raise WeightsError(f"{path}: {listed(twice)} stand in two of its files")
        found |= part
    return Contents(found)


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - NAMED_IN_MESSAGES
    return ", ".join(names[:NAMED_IN_MESSAGES]) + (f" and {more} more" if more > 0 else "")


# ------------------------------------------------------------------------------ kinds of files


def _other_kind(path: Path, start: bytes) -> str | None:
    """What a file is that is no weights file; None where it may be one."""
    if not start:
        return "empty"
    for magic, kind in STARTS.items():
        if start.startswith(magic):
            return kind
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(HTML):
        return "an HTML or XML page, such as a host sends in place of a file; download it again"
    if text.startswith(b"{"):
        return "a text in JSON, such as the index of several weights files; name a weights file"
    return _other_archive(path) if zipfile.is_zipfile(path) else None


def _other_archive(path: Path) -> str | None:
    """The same of a zip file; `torch.save` writes one that holds data.pkl."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile:
        return None
    names = [entry.filename for entry in entries]
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        return f"a TorchScript program, which is code and not opened; {SAVE}"
    if any("serialized_exported_program" in n or n.endswith("archive_format") for n in names):
        return f"a program of torch.export, which is code and not opened; {SAVE}"
    if any(name.endswith(".npy") for name in names):
        return f"an .npz file of NumPy; {SAVE}"
    if not any(name.endswith("data.pkl") for name in names):
        return f"a zip archive of {listed(names) or 'nothing'}; unpack it first"
    total = sum(entry.file_size for entry in entries)
    if total > max(BOMB_BYTES, BOMB_RATIO * path.stat().st_size):
        return f"an archive that unpacks to {total / 2**30:.1f} GiB and is not opened; {SAVE}"
    return None


# ------------------------------------------------------------------------------------- reading


def _safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors; those that `save_model` left out as tied to another are that other."""
    try:
        with safe_open(path, framework="pt") as file:
            # The open file is no mapping: it has `keys` and can't be iterated over.
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            tied = file.metadata() or {}
    except Exception as error:
        raise WeightsError(f"{path} is a damaged safetensors file: {error}") from error
    for name, kept in tied.items():
        if name not in state and kept in state:
            state[name] = state[kept]
    return state


class _Beside:
    """Stands for an object beside the weights, which is not made. It keeps and does nothing."""

    def __init__(self, *_arguments: Any) -> None:
        """Take what the object would be made from."""

    def __setstate__(self, _state: Any) -> None:
        """Take its state."""


_MULTIARRAY = ("numpy._core.multiarray", "numpy.core.multiarray")
PASSED_OVER = (
    *(f"{module}.{name}" for module in _MULTIARRAY for name in ("scalar", "_reconstruct")),
    *("numpy.dtype", "numpy.ndarray", "argparse.Namespace"),
    *("pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath"),
    *("pathlib._local.PosixPath", "pathlib._local.WindowsPath"),
)


def _pickled(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals([(_Beside, name) for name in PASSED_OVER]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} is not a file of tensors: it is a pickle that would run code, or no weights "
            f"file at all, and is not opened. {SAVE[0].upper()}{SAVE[1:]}"
        ) from error
    except Exception as error:
        raise WeightsError(
            f"{path} can't be read as weights ({type(error).__name__}); accepted are safetensors "
            "and state dicts saved by torch.save: the file may be truncated"
        ) from error


def _unnested(path: Path, content: Any) -> Contents:
    under: list[str] = []
    beside: list[str] = []
    while isinstance(content, Mapping):
        key = _chosen(path, content)
        if key is None:
            break
        beside += [other for other in _states(content) if other != key]
        under.append(key)
        content = content[key]
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{path} holds no state dict (a mapping of names to tensors)")
    other = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if other:
        raise WeightsError(f"{path}: {listed(other)} in its state dict are not tensors")
    return Contents(content, tuple(under), tuple(beside))


def _chosen(path: Path, content: Mapping[Any, Any]) -> str | None:
    """The key of the weights: a usual one, or the only one; plain ones go before averaged ones."""
    for key in NESTED_UNDER:
        if isinstance(content.get(key), Mapping):
            return key
    found = _states(content)
    among = [key for key in found if not AVERAGED.search(key)] or found
    if len(among) > 1:
        raise WeightsError(
            f"{path} holds several state dicts, {listed(among)}; save the one that is meant in a "
            "file of its own"
        )
    return among[0] if among else None


def _states(content: Mapping[Any, Any]) -> list[str]:
    """The keys under which a state dict lies."""
    return [key for key, value in content.items() if isinstance(key, str) and _holds_state(value)]


def _holds_state(value: Any) -> bool:
    if not isinstance(value, Mapping) or not value:
        return False
    if any(isinstance(value.get(key), Mapping) for key in NESTED_UNDER):
        return True
    return all(isinstance(k, str) and isinstance(v, Tensor) for k, v in value.items())
