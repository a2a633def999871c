"""What a folder says of the language model in it: read while the plan is made, without torch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DESCRIPTION = "config.json"
LAYERS = "num_hidden_layers"
LAYER_TYPES = "layer_types"
"""A list with a word for each layer, which some families have."""
PASSED_OVER = {
    *("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version"),
    *("quantization_config", "use_cache", "attn_implementation", "_attn_implementation"),
    *("bos_token_id", "eos_token_id", "pad_token_id"),
}
"""Keys of a description that no logit is a function of."""


def described(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What builds the network of a folder.

    Args:
        settings: `folder`, as typed; `first` and `last`, how many
            layers are kept from either end, 0 and 0 for all.

    Returns:
        arguments of `folders.build` but for `classes` and `channels`.

    Raises:
        FileNotFoundError: there is no such folder; the sentence says what to put there.
        ValueError: it describes no causal language model, needs code of its own, or has fewer
            layers than are kept.
    """
    if not settings["folder"]:
        raise ValueError(f"give `settings.folder`, the folder with the model's {DESCRIPTION}")
    folder = Path(os.path.expandvars(settings["folder"])).expanduser()
    path = folder / DESCRIPTION
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path}: put the model there ({DESCRIPTION}, *.safetensors, "
            f"tokenizer.json, tokenizer_config.json), as `hf download NAME --local-dir {folder}` "
            "does where there is a network"
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} can't be read as JSON ({error})") from None
    if not isinstance(found, dict) or not isinstance(found.get("model_type"), str):
        raise ValueError(f"{path} has no `model_type`, which says what network it is")
    if "auto_map" in found:
        raise ValueError(
            f"{path} needs code that lies with the model (`auto_map`), and none is run: where "
            f"transformers has {found['model_type']!r} itself, take `auto_map` out of the file; "
            "else give `architecture: package.module:function` of yours with `allow_code: true`"
        )
    layers = found.get(LAYERS)
    kept = _kept(path, layers, settings["first"], settings["last"])
    configuration = {key: value for key, value in found.items() if key not in PASSED_OVER}
    if kept is not None:
        configuration[LAYERS] = len(kept)
        if isinstance(found.get(LAYER_TYPES), list):
            configuration[LAYER_TYPES] = [found[LAYER_TYPES][layer] for layer in kept]
    return {
        "configuration": configuration,
        "kept": kept,
        "context": found.get("max_position_embeddings"),
    }


def _kept(path: Path, layers: Any, first: int, last: int) -> list[int] | None:
    if not first and not last:
        return None
    if not isinstance(layers, int):
        raise ValueError(f"{path} has no `{LAYERS}`: leave out `first` and `last`")
    if first + last > layers:
        raise ValueError(f"{path} has {layers} layers: `first` {first} and `last` {last} are more")
    return [*range(first), *range(layers - last, layers)]


def parameters(settings: Mapping[str, Any]) -> int:
    """About how many parameters the network has, rather more: nothing is built.

    Counted are four square matrices of attention a layer, an MLP with a gate, and two matrices
    over the vocabulary unless the description ties them. 0 where it doesn't say what is needed, as
    in families with names of their own; of a mixture of experts one is counted.

    Args:
        settings: as `described` returns them.
    """
    own = settings["configuration"]
    width, layers = own.get("hidden_size"), own.get(LAYERS)
    if not isinstance(width, int) or not isinstance(layers, int):
        return 0
    inner = own.get("intermediate_size", 4 * width)
    tables = 1 if own.get("tie_word_embeddings") else 2
    return tables * own.get("vocab_size", 0) * width + layers * width * (4 * width + 3 * inner)
