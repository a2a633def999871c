"""The ways of compressing that there are, and what stand-ins differ by."""

from __future__ import annotations

from distilscope.models.compressions.declaration import Compression, Setting

_HERE = "distilscope.models.compressions"

COMPRESSIONS: dict[str, Compression] = {
    each.name: each
    for each in (
        Compression("prune", "prune", "{:g} % pruned", times=100.0, module=f"{_HERE}.prune"),
        Compression(
            "low_rank",
            "rank",
            "{:g} % rank",
            times=100.0,
            module=f"{_HERE}.low_rank",
            rising=False,
        ),
        Compression(
            "dtype",
            "",
            "{}",
            choices={"bf16": "weights and the output of each module are rounded to bfloat16"},
            module=f"{_HERE}.number_type",
            rounds=True,
        ),
        Compression(
            "quantise",
            "",
            "{}",
            choices={
                "int8-dynamic": "linear layers in int8, ranges of activations as they come",
                "int8-static": "convolutions and linear layers in int8, ranges of activations "
                "from held-out images",
            },
            module=f"{_HERE}.int8",
            calibrated=("int8-static",),
            rounds=True,
            maps="Integers have no gradient: maps of int8 models are by the gradient of the same "
            "layers with the quantised weights in fp32, at the activations of the int8 model. So "
            "are their latencies, which say nothing of int8.",
        ),
    )
}

PERTURBATIONS: dict[str, Setting] = {
    each.name: each
    for each in (
        Setting("noise", "noise", "noise {:g}", low=0.0, high=10.0),
        Setting(
            "flip", "", "{}", choices={"mirrored": "each image is mirrored from left to right"}
        ),
    )
}
