"""What is settled once by looking at the machine: the precision and the device of a study."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

from distilscope.configuration.kinds import ConfigurationError
from distilscope.workflow import gpu

LOCAL_EXECUTORS = ("local", "dryrun", "touch")
ISA_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
ISAS_WITH_BF16 = ("BF16", "FP16", "AMX", "AVX10", "DEFAULT", "ALL")


def precision_here(device: str) -> str:
    """bf16 where the device multiplies bf16 natively, else fp32."""
    return "bf16" if device == "cuda" or bf16_units() else "fp32"


def bf16_units() -> list[str]:
    """What multiplies bf16 on this processor: `amx_bf16`, `avx512_bf16`, both or neither.

    A limit that is set to oneDNN (`ONEDNN_MAX_CPU_ISA=AVX2`) counts as the processor's own.
    """
    limit = next((os.environ[name] for name in ISA_LIMITS if os.environ.get(name)), "DEFAULT")
    if not any(word in limit.upper() for word in ISAS_WITH_BF16):
        return []
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return []
    return sorted(flags & {"amx_bf16", "avx512_bf16"})


def executor_of(arguments: Sequence[str], root: Path = Path()) -> str:
    """Snakemake's name of what runs the jobs, by its command line and profiles.

    Snakemake chooses the executor after it has read the Snakefile, and shows nothing of it before
    (docs/decisions.md): the command line is read by Snakemake's own parser, once more. What is no
    command line of snakemake runs locally; a job of a cluster is known by its environment.

    Raises:
        ConfigurationError: the workflow profile that is asked for is nowhere. Snakemake would run
            without one and say nothing.
    """
    if os.environ.get(gpu.CLUSTER_JOB):
        return "a cluster's"
    from snakemake.cli import parse_args

    try:
        with contextlib.redirect_stderr(io.StringIO()):
            _, found = parse_args(list(arguments))
    except (SystemExit, Exception):
        return LOCAL_EXECUTORS[0]
    _check_profile(found.workflow_profile, root)
    return found.executor or LOCAL_EXECUTORS[0]


def _check_profile(asked: str | None, root: Path) -> None:
    """Refuse a workflow profile that is in none of the places where Snakemake looks for it."""
    if asked in (None, "none"):
        return
    own = root / "profiles"
    if any(place.exists() for place in (Path(asked), Path("profiles") / asked, own / asked)):
        return
    known = ", ".join(f"profiles/{path.name}" for path in sorted(own.glob("*/")))
    raise ConfigurationError(f"there is no workflow profile {asked}; this workflow has {known}")


def resolve_device(asked: str, executor: str = "local", gpu_cap: int | None = None) -> str:
    """`auto` becomes cuda where this machine has a GPU, else cpu. Imports no torch.

    Under a cluster's executor the jobs run elsewhere, so that nothing can be learned here: `auto`
    is refused, and whether a job has its GPU is seen when it starts.

    Args:
        asked: `auto`, `cpu` or `cuda`.
        executor: Snakemake's name of what runs the jobs.
        gpu_cap: how many GPUs all jobs may have at once (`--resources gpu=N`); None is no cap.

    Raises:
        ConfigurationError: `cuda` without a GPU, `auto` under a cluster executor, or a cap of 0 or
            of more GPUs than there are.
    """
    if executor not in LOCAL_EXECUTORS:
        if asked == "auto":
            raise ConfigurationError(
                f"device: auto looks at this machine, and the executor {executor!r} runs "
                "the jobs on others; set `device: cuda` or `device: cpu`"
            )
        return _capped(asked, gpu_cap, None)
    present = gpu.devices()
    if asked == "cuda" and not present:
        raise ConfigurationError(
            "device: cuda is asked for and this machine shows no NVIDIA GPU; "
            "use `device: cpu` or `device: auto`, or start it where a GPU is"
        )
    return _capped("cuda" if present and asked != "cpu" else "cpu", gpu_cap, len(present))


def _capped(device: str, cap: int | None, present: int | None) -> str:
    """The device, if the cap on GPUs fits it: Snakemake itself would ignore a cap of 0."""
    if device == "cuda" and cap is not None:
        if cap < 1:
            raise ConfigurationError(
                f"--resources gpu={cap} leaves the jobs on GPUs none; give at least gpu=1, or set "
                "`device: cpu`"
            )
        if present is not None and cap > present:
            raise ConfigurationError(
                f"--resources gpu={cap} is more than the {present} that this machine shows; "
                f"give at most gpu={present}"
            )
    return device
