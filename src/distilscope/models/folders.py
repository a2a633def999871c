"""Language models of folders that people have, as the Hugging Face hub has them.

A folder holds `config.json`, weights in safetensors and a tokenizer. The network is built by the
class of transformers that the description names; no code of the folder is ever run, and nothing
is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from distilscope.models.language import LanguageModel, library

A_LAYER = re.compile(r"^(.*\blayers\.)(\d+)(\..*)$")


class FolderModel(LanguageModel):
    """A network of transformers that takes the weights of a folder.

    Attributes:
        kept: numbers of the layers of the folder that the network has; None for all.
    """

    def __init__(self, network: nn.Module, kept: Sequence[int] | None) -> None:
        super().__init__(network)
        self.kept = kept

    def own_names(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The tensors of a folder's files as this network has them.

        Layers that it has not are left out and the others counted anew. Of the matrices over the
        vocabulary the rows behind the tokenizer's tokens are cut: they are no token's. Weights in
        the network's own names, as `weights.save` writes them, stay as they are.
        """
        if any(name.startswith("network.") for name in state):
            return state
        found = {}
        place = None if self.kept is None else {layer: at for at, layer in enumerate(self.kept)}
        for name, tensor in state.items():
            layer = A_LAYER.match(name)
            if layer and place is not None:
                if int(layer[2]) not in place:
                    continue
                name = f"{layer[1]}{place[int(layer[2])]}{layer[3]}"
            found[f"network.{name}"] = self._cut(name, tensor)
        return found

    def _cut(self, name: str, tensor: Tensor) -> Tensor:
        vocabulary = self.network.config.vocab_size
        over = (self.network.get_input_embeddings(), self.network.get_output_embeddings())
        owner = dict(self.network.named_modules()).get(name.rpartition(".")[0])
        return tensor[:vocabulary] if owner in over else tensor


def build(
    classes: int,
    channels: int,
    configuration: Mapping[str, Any],
    kept: Sequence[int] | None = None,
    context: int | None = None,
) -> FolderModel:
    """The network of a folder's description, with untrained weights.

    Its vocabulary is that of the tokenizer: what a folder has behind it (rows that fill up to a
    round number) is no token's, and is cut.

    Args:
        classes: size of the tokenizer's vocabulary.
        channels: not used here. context: nor this, which `configuration` holds too; it stands in
            the settings of trainings that are stored.
        configuration: that of transformers. kept: numbers of the layers of the folder that the
            network has; None for all.

    Raises:
        ValueError: transformers knows no causal language model of that kind, or the vocabulary is
            smaller than the tokenizer's.
    """
    transformers = library()
    own = dict(configuration)
    kind, vocabulary = own.pop("model_type"), own.pop("vocab_size", classes)
    if vocabulary < classes:
        raise ValueError(
            f"the model has {vocabulary} tokens and the tokenizer {classes}: they don't belong "
            "together; set `data.tokenizer` to the folder of the model's own"
        )
    if kind not in transformers.CONFIG_MAPPING:
        raise ValueError(
            f"transformers {transformers.__version__} knows no model of kind {kind!r}, and code of "
            "a folder is not run: install a later one"
        )
    made = transformers.CONFIG_MAPPING[kind](**own, vocab_size=classes)
    for token in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(made, token, None)
    if type(made) not in transformers.AutoModelForCausalLM._model_mapping:
        raise ValueError(f"a model of kind {kind!r} is no causal language model: it gives no text")
    network = transformers.AutoModelForCausalLM.from_config(
        made, trust_remote_code=False, attn_implementation="eager"
    )
    return FolderModel(network.float(), kept)
