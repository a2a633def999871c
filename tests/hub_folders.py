"""Folders as the Hugging Face hub has them, and tasks in JSON Lines: tiny and made on the spot."""

from __future__ import annotations

import json
import runpy
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors.torch import save_file

WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
QUESTIONS = {
    "facts": [
        {"question": f"What comes after {a}?", "answer": b, "choices": [b, c, d][: 2 + n % 2]}
        for n, (a, b, c, d) in enumerate(
            zip(*(WORDS.split()[i : i + 12] for i in range(4)), strict=True)
        )
    ],
    "sums": [
        {"question": f"{n} + 1?", "answer": n + 1, "rationale": f"{n} and 1\nis {n + 1}"}
        for n in range(12)
    ],
}
"""Items with two or three choices, and with worked solutions."""
END = "<|end|>"
LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 96,
    "rope_theta": 100000.0,
    "tie_word_embeddings": True,
    "rms_norm_eps": 1e-5,
}
"""Of SmolLM2's kind: grouped queries, another base of positions, tied embeddings."""


def write_tokenizer(folder: Path, *more: str) -> int:
    """A byte-level tokenizer with a few merges; how many tokens it has."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=290,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([f"Question: What comes after {WORDS}? Answer: is"] * 3, trainer)
    made.add_special_tokens(list(more))
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": END}}))
    return made.get_vocab_size()


def write_model(folder: Path, **changes: Any) -> Path:
    """A model with random weights, its description and tokenizer; two rows are no token's."""
    import transformers

    vocabulary = write_tokenizer(folder)
    described = {**LLAMA, "vocab_size": vocabulary + 2, **changes}
    (folder / "config.json").write_text(json.dumps(described))
    own = {k: v for k, v in described.items() if k not in ("model_type", "architectures")}
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(
        transformers.CONFIG_MAPPING[described["model_type"]](**own), attn_implementation="eager"
    )
    state = {n: t.contiguous() for n, t in model.state_dict().items() if n != "lm_head.weight"}
    if not described.get("tie_word_embeddings"):
        state["lm_head.weight"] = model.state_dict()["lm_head.weight"].contiguous()
    half = len(state) // 2
    names = list(state)
    places = {}
    for number, part in enumerate((names[:half], names[half:]), 1):
        path = folder / f"model-{number:05}-of-00002.safetensors"
        save_file({name: state[name].clone() for name in part}, path, {"format": "pt"})
        places |= dict.fromkeys(part, path.name)
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def write_tasks(folder: Path) -> Path:
    """`facts` and `sums`, each as train, held-out and test; no question twice."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, items in QUESTIONS.items():
        parts = {"train": items[:6], "held-out": items[6:8], "test": items[8:]}
        for part, own in parts.items():
            text = "".join(f"{json.dumps(item)}\n" for item in own)
            (folder / f"{name}.{part}.jsonl").write_text(text)
    return folder


class Hub:
    """In the place of `huggingface_hub`: whatever is asked for is at one commit, None for none."""

    def __init__(self, commit: str | None) -> None:
        self.commit = commit

    def HfApi(self) -> Hub:
        return self

    def dataset_info(self, repository: str, revision: str) -> SimpleNamespace:
        if self.commit is None:
            raise ConnectionError("there is no network")
        return SimpleNamespace(sha=self.commit)


def write_repository(folder: Path, rows: int = 30) -> Path:
    """AddSub and SingleEq as the repository of the published study has them."""
    for theirs in ("AddSub", "SingleEq"):
        found = [
            {
                "instruction": f"{n} birds in {theirs} and one more . How many ? ",
                "input": "",
                "output": f"\nA: There are {n} + 1. The answer is {n + 1}.",
                "answer": f"{n + 1}.0",
            }
            for n in range(1, rows + 1)
        ]
        path = folder / "generative" / "dataset" / theirs / "test.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=4))
    return folder


def write_published_tasks(folder: Path) -> Path:
    """The files of these that the published configurations name, as their script makes them."""
    script = Path(__file__).parents[1] / "resources/kd-generalization/make.py"
    with tempfile.TemporaryDirectory() as repository:
        write_repository(Path(repository))
        runpy.run_path(str(script))["main"](Path(repository), folder)
    return folder


def data(folder: Path, tokenizer: Path, **changes: Any) -> dict[str, Any]:
    """The section `data` of a study of these tasks."""
    tasks = [
        {
            "name": name,
            **{
                key: str(folder / f"{name}.{part}.jsonl")
                for key, part in (("train", "train"), ("held_out", "held-out"), ("test", "test"))
            },
        }
        for name in QUESTIONS
    ]
    return {"name": "jsonl-tasks", "tokenizer": str(tokenizer), "tasks": tasks, **changes}
