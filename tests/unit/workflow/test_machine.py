"""What is learned of the processor, and what follows for `precision: auto` and the benchmark."""

from pathlib import Path

import pytest

from distilscope.workflow import machine

FLAGS = {
    "avx2-alone": ("fma avx2", []),
    "avx512-bf16": ("avx2 avx512f avx512_bf16", ["avx512_bf16"]),
    "amx": ("avx512_bf16 amx_bf16 amx_tile", ["amx_bf16", "avx512_bf16"]),
}


@pytest.fixture
def processor(monkeypatch):
    """Let the processor have these flags and oneDNN no limit."""
    for name in machine.ISA_LIMITS:
        monkeypatch.delenv(name, raising=False)

    def has(flags: str) -> None:
        monkeypatch.setattr(Path, "read_text", lambda path: f"flags\t\t: {flags}\n")

    return has


@pytest.mark.parametrize(("flags", "units"), FLAGS.values(), ids=list(FLAGS))
def test_bf16_units_are_read_from_the_processors_flags(processor, flags, units):
    processor(flags)
    assert machine.bf16_units() == units


@pytest.mark.parametrize(
    ("limit", "usable"),
    [
        ("AVX2", False),
        ("avx512_core", False),
        ("AVX512_CORE_BF16", True),
        ("AVX10_1_512_AMX", True),
        ("DEFAULT", True),
    ],
)
def test_a_limit_that_is_set_to_onednn_counts_as_the_processors_own(
    processor, monkeypatch, limit, usable
):
    processor("avx2 avx512f avx512_bf16")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert bool(machine.bf16_units()) == usable


@pytest.mark.parametrize(
    ("units", "precision", "goal"),
    [
        ([], "fp32", "≥ 8"),
        (["avx512_bf16"], "bf16", "≥ 8"),
        (["amx_bf16", "avx512_bf16"], "fp32", "≥ 8"),
        (["amx_bf16", "avx512_bf16"], "bf16", "≥ 20"),
    ],
)
def test_the_benchmark_of_a_grid_says_which_goal_applies(monkeypatch, units, precision, goal):
    from benchmarks.speed import grid

    monkeypatch.setattr(grid, "bf16_units", lambda: units)
    row = grid._grid_row([1.0], [9.0], "a peer", precision)
    assert row.goal == goal
    assert row.met == (goal == "≥ 8")
    assert (", ".join(units) or "no bf16 units") in row.note
