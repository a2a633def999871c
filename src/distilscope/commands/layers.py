"""`distilscope layers`: what a network consists of, and what of it is proposed to be compared."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from distilscope import catalog
from distilscope.auditing import asking
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.networks import Network, code_of
from distilscope.planning.settings import network_settings

if TYPE_CHECKING:
    from torch import nn

WORDS = "the tree of a network with the shapes of its outputs, and which layers to compare"
CLASSES, SIZE = 1000, 224
SHOWN_DEPTH = 2
"""How deep the tree is shown unless all of it is asked for."""


def add(commands: Any) -> None:
    """Add the command to a parser's commands."""
    made = commands.add_parser("layers", help=WORDS, description=WORDS)
    made.add_argument(
        "--model",
        required=True,
        metavar="NETWORK[=FILE]",
        help="torchvision/resnet50, timm/..., one of this package, or module:function, and its "
        "weights; or the file of a program alone (TorchScript, torch.export, ONNX)",
    )
    made.add_argument(
        "--classes", type=int, default=CLASSES, help=f"logits; {CLASSES} if not given"
    )
    made.add_argument("--size", type=int, help="side of the input; the network's own, or 224")
    made.add_argument("--full", action="store_true", help="the whole tree, however deep")
    made.add_argument(
        "--allow-code", action="store_true", help="run code of yours: a factory, or a program"
    )


def main(given: argparse.Namespace) -> int:
    """Print the tree and the entry of a study that the proposal makes; the exit code.

    Raises:
        ValueError: no such network, weights that don't fit, or nothing in it puts out a map.
    """
    import torch

    from distilscope.models import preprocessing
    from distilscope.models.layers import propose

    architecture, _, file = given.model.partition("=")
    program = None
    if not file and Path(architecture).expanduser().is_file():
        architecture, program = "", architecture
    architecture = architecture and asking.network(architecture)
    code = code_of(architecture, program)
    if code and not given.allow_code:
        raise ConfigurationError(f"{code} runs code of yours; add --allow-code if you trust it")
    sys.path.append(os.getcwd())
    own = preprocessing.known(architecture)
    size = given.size or (own or {}).get("size") or SIZE
    network = _program(program, size) if program else _built(architecture, file, given.classes)
    generator = torch.Generator().manual_seed(0)
    found = propose(network, torch.randn(2, 3, size, size, generator=generator))
    for line in found.tree:
        if given.full or line.path.count(".") < SHOWN_DEPTH:
            print(line.words)
    print(f"\nproposed, of an input of {size}x{size} (the last block first in `explained`):\n")
    known = catalog.ARCHITECTURES.get(architecture)
    named = {"program": program} if program else {"architecture": architecture}
    weights = {"weights": file} if file else {}
    seen = {"preprocessing": own} if own else {}
    entry = {**named, **weights, **({} if known else found.settings()), **seen}
    print(yaml.safe_dump(entry, sort_keys=False, default_flow_style=None, width=100).rstrip())
    if known:
        print(f"# its layers are known here: {', '.join(known.layers)}; give others to have others")
    if not own:
        print(
            "# preprocessing: {mean: [...], std: [...], size: ..., resize: ...}  "
            f"nothing is known of {architecture or program}; {_where(architecture)}"
        )
    return 0


def _program(file: str, size: int) -> nn.Module:
    from distilscope.models import programs

    return programs.looked_at(file, size)


def _built(architecture: str, file: str, classes: int) -> nn.Module:
    """The network, with its weights where they are given; what was done to these is printed."""
    from distilscope.models import weights
    from distilscope.models.build import build

    network = build(_settings(architecture), classes)
    if file:
        loaded = weights.load_into(network, Path(file).expanduser())
        for sentence in loaded.words:
            print(sentence)
        if loaded.left:
            print(f"weights not taken: {', '.join(loaded.left)}")
    return network


def _settings(architecture: str) -> dict[str, Any]:
    """What builds a network; of one of a library or a factory no layers are known yet."""
    named = {} if architecture in catalog.ARCHITECTURES else {"layers": {"all": ""}}
    explained = {"explained": ["all"]} if named else {}
    entry = Network.model_validate(
        {"architecture": architecture, "weights": "-", **named, **explained}
    )
    return network_settings(entry)


def _where(architecture: str) -> str:
    known = catalog.library_of(architecture) is not None
    return "its library says nothing" if known else "what was it trained with?"
