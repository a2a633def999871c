"""Row 12, the Python face: two networks compared, beside their two forward passes; an import.

Each side runs in a process of its own, so that its peak of memory is its own:

    python -m benchmarks.speed.face forward|compare IMAGES
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .memory import peak_of
from .timing import Goal, Row, compared, single

BATCH, SIDE, REPEATS = 50, 224, 3
COARSE = 8  # noise of so many pixels a side, enlarged: networks tell such images apart
HEAD = 30.0  # how much larger a fresh head is made, so that predictions differ as trained ones do


def networks() -> tuple[nn.Module, nn.Module]:
    """ResNet-50 and MobileNetV2 with 1,000 classes and fresh weights."""
    from torchvision.models import mobilenet_v2, resnet50

    torch.manual_seed(0)
    made = resnet50().eval(), mobilenet_v2().eval()
    with torch.no_grad():
        for head in (made[0].fc, made[1].classifier[1]):
            head.weight.mul_(HEAD)
            head.bias.zero_()
    return made


def batches(images: int) -> Iterator[Tensor]:
    """(B, 3, 224, 224), made as they are asked for: what a loader would read."""
    random = torch.Generator().manual_seed(1)
    for start in range(0, images, BATCH):
        noise = torch.randn(min(BATCH, images - start), 3, COARSE, COARSE, generator=random)
        yield F.interpolate(noise, size=(SIDE, SIDE), mode="bicubic")


def forward(images: int) -> None:
    """What cannot be saved: both networks' logits. Their GradCAM has a closed form."""
    teacher, student = networks()
    with torch.inference_mode():
        for batch in batches(images):
            teacher(batch)
            student(batch)


def compare(images: int) -> None:
    """All of `distilscope.compare`, to its last number."""
    import distilscope as ds

    teacher, student = networks()
    layers = {
        "teacher": ["layer1", "layer2", "layer3", "layer4"],
        "student": ["features.3", "features.6", "features.13", "features.18"],
    }
    found = ds.compare(teacher, student, batches(images), layers=layers)
    print(found.summary(), file=sys.stderr)


def face(images: int) -> tuple[list[Row], str]:
    """The rows of the face, with so many images."""
    found: dict[str, list[dict]] = {"compare": [], "forward": []}
    for _ in range(REPEATS if images <= 200 else 1):
        for what, runs in found.items():
            runs.append(_run(what, images))
    seconds = {what: [run["seconds"] / images for run in runs] for what, runs in found.items()}
    work = {what: [run["work"] / images for run in runs] for what, runs in found.items()}
    peaks = {what: max(run["peak"] for run in runs) / 2**20 for what, runs in found.items()}
    shared = {"goal": Goal(1.3, at_most=True), "times_slower": True, "precision": "fp32"}
    what = f"ds.compare, ResNet-50 and MobileNetV2, {images:,} images of {SIDE} px"
    against = "the two forward passes alone"
    note = f"batches of {BATCH}; peaks {peaks['compare']:.0f} and {peaks['forward']:.0f} MB"
    wall = seconds["compare"], seconds["forward"]
    return [
        compared(12, what, *wall, against=against, note=note, **shared),
        compared(
            12,
            f"{what}, processor time",
            *(work["compare"], work["forward"]),
            against=against,
            note="other programs count for nothing here",
            **shared,
        ),
        single(12, "import distilscope", _import(), "s", Goal(0.3, at_most=True)),
    ], ""


def _run(what: str, images: int) -> dict:
    command = [sys.executable, "-m", "benchmarks.speed.face", what, str(images)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def _import() -> float:
    """Seconds, measured within fresh processes; the median."""
    code = "import time as t; b = t.perf_counter(); import distilscope; print(t.perf_counter() - b)"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(5)
    ]
    return statistics.median(float(run.stdout) for run in runs)


def main() -> None:
    """Do one side's work in this process, and print what it took."""
    what, images = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(1)
    began, worked = time.perf_counter(), time.process_time()
    {"forward": forward, "compare": compare}[what](images)
    taken = {
        "seconds": time.perf_counter() - began,
        "work": time.process_time() - worked,
        "peak": peak_of("self"),
    }
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
