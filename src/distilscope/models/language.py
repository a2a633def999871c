"""Language models of transformers, from small configurations of its own classes.

The classes that run here with 0.03 to 0.4 M parameters are those of Qwen2.5 and Llama 3: another
width, depth and vocabulary, and the same code.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from distilscope import optional


def library() -> ModuleType:
    """transformers itself.

    Raises:
        ValueError: it is not installed.
    """
    return optional.load(
        "transformers", "language models need transformers", "pip install 'distilscope[language]'"
    )


class LanguageModel(nn.Module):
    """A causal language model as the engine sees it: tokens in, logits out.

    Attributes:
        network: transformers' own, with its own names of modules and weights.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, tokens: Tensor, positions: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Logits (B, L, V) of the token behind each place.

        Args:
            tokens: int64 (B, L). What stands at the right of a place, such as what fills a row up,
                changes nothing at it.
            positions: int64 (B, L), of each token in its own text, where a row has several and the
                network `packs`.
            mask: float (B, 1, L, L), added to the scores of attention, with `positions`.

        Raises:
            ValueError: they are more than the network's context.
        """
        self._check_length(tokens.shape[1])
        return self.network(**_given(tokens, positions, mask)).logits

    def hidden(
        self, tokens: Tensor, positions: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Final hidden states (B, L, H), of which `head` makes the logits of `forward`.

        Args:
            tokens, positions, mask: as in `forward`.

        Raises:
            ValueError: they are more than the network's context.
        """
        self._check_length(tokens.shape[1])
        body = getattr(self.network, self.network.base_model_prefix)
        return body(**_given(tokens, positions, mask)).last_hidden_state

    @property
    def packs(self) -> bool:
        """Whether several texts may share a row: the network's tokens meet in attention alone, and
        all of it heeds a mask that is given.
        """
        config = self.network.config
        return (
            config.model_type in ("qwen2", "llama")
            and config._attn_implementation in ("eager", "sdpa")
            and not getattr(config, "use_sliding_window", False)
        )

    @property
    def head(self) -> nn.Linear:
        """From hidden states to logits; its weight may be the embedding's."""
        return self.network.get_output_embeddings()

    @property
    def vocabulary(self) -> int:
        """How many logits there are."""
        return self.head.weight.shape[0]

    @property
    def context(self) -> int | None:
        """The most tokens that it takes; None where its family has no such bound."""
        return getattr(self.network.config, "max_position_embeddings", None)

    @torch.no_grad()
    def continued(
        self, prompts: Tensor, most: int, end: int, pad: int, real: Tensor | None = None
    ) -> Tensor:
        """The likeliest token at each step, with a cache of keys and values.

        Args:
            prompts: int64 (B, P), all of one length, or filled up at the left.
            most: tokens that are added at most.
            end: the token after which a row is done. pad: what fills it up.
            real: int64 (B, P), 1 at a token of a prompt and 0 at what fills it up; all where None.

        Returns:
            int64 (B, up to `most`), without the prompts.

        Raises:
            ValueError: prompts and what is added are more than the network's context.
        """
        real = torch.ones_like(prompts) if real is None else real
        return self._generated(prompts, real, most, end, pad, do_sample=False)

    @torch.no_grad()
    def sampled(self, prompts: Tensor, real: Tensor, most: int, end: int, pad: int) -> Tensor:
        """A token of the model's own distribution at each step: of all tokens, at temperature 1.

        It is drawn from the global generator.

        Args:
            prompts: int64 (B, P), filled up at the left.
            real: int64 (B, P), 1 at a token of a prompt and 0 at what fills it up.
            most, end, pad: as in `continued`.

        Returns:
            int64 (B, up to `most`), without the prompts.

        Raises:
            ValueError: prompts and what is added are more than the network's context.
        """
        free = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
        return self._generated(prompts, real, most, end, pad, **free)

    def _generated(
        self, prompts: Tensor, real: Tensor, most: int, end: int, pad: int, **how: Any
    ) -> Tensor:
        self._check_length(prompts.shape[1] + most)
        made = self.network.generate(
            prompts,
            attention_mask=real,
            max_new_tokens=most,
            eos_token_id=end,
            pad_token_id=pad,
            **how,
        )
        return made[:, prompts.shape[1] :]

    def _check_length(self, tokens: int) -> None:
        """transformers goes on behind the context, with positions that no training has shown."""
        if self.context is not None and tokens > self.context:
            raise ValueError(
                f"a text of {tokens} tokens is longer than the network's context of {self.context}:"
                f" set `context` in the settings of its architecture to {tokens} or more; a model "
                "of a folder has no other, so leave long items out (`data.longest`)"
            )


def _given(tokens: Tensor, positions: Tensor | None, mask: Tensor | None) -> dict[str, Any]:
    """As transformers has it named."""
    shared = {} if positions is None else {"position_ids": positions, "attention_mask": mask}
    return {"input_ids": tokens, "use_cache": False, **shared}


def qwen2(classes: int, channels: int, **settings: Any) -> LanguageModel:
    """A Qwen2 (arXiv 2407.10671; Qwen2.5 has its architecture) with untrained weights.

    Args:
        classes: size of the vocabulary.
        channels: not used.
        settings: `width`, `layers`, `heads`, `mlp` (inner width of the MLP in widths), `context`
            (most tokens), `tied` (embedding and head are one matrix).
    """
    return _made("Qwen2", classes, **settings)


def llama(classes: int, channels: int, **settings: Any) -> LanguageModel:
    """A Llama (arXiv 2302.13971, 2407.21783) with untrained weights; arguments as `qwen2`."""
    return _made("Llama", classes, **settings)


def _made(
    family: str,
    vocabulary: int,
    *,
    width: int,
    layers: int,
    heads: int,
    mlp: float,
    context: int,
    tied: bool,
) -> LanguageModel:
    if width % heads or width // heads % 2:
        raise ValueError(
            f"width {width} and heads {heads}: a head has {width / heads:g} numbers, and their "
            "positions are turned in pairs; give a width that is an even multiple of heads"
        )
    transformers = library()
    configuration = getattr(transformers, f"{family}Config")(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        intermediate_size=round(width * mlp),
        max_position_embeddings=context,
        tie_word_embeddings=tied,
        attn_implementation="eager",
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    return LanguageModel(getattr(transformers, f"{family}ForCausalLM")(configuration))
