"""A model that a file holds whole: TorchScript, torch.export or ONNX. No architecture is needed.

Each becomes a module whose layers have names and whose logits have a gradient: TorchScript by way
of torch.export's converter, exported programs unflattened, ONNX by onnx2torch (an optional extra).
What comes out is held against the program itself, on batches of other sizes than it was made for.

TorchScript and exported programs are code: reading one may run what its maker put there.
"""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from distilscope import store
from distilscope.models.build import ModelError
from distilscope.models.outputs import choose
from distilscope.models.program_layers import name_layers
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run

FILE = "program"
TORCHSCRIPT, EXPORTED, ONNX = "TorchScript", "torch.export", "ONNX"
ONNX_ENDING = ".onnx"
TOLERANCE = 1e-3
"""Of the largest logit: a program and its module may differ by the order of their sums."""
TRACED = 3
"""Images that TorchScript is converted with: a number that nothing else is likely to be."""
OLDER = 17
"""Version of ONNX's operations that programs are brought to where theirs are not known."""
TRAINING = ("train", "training")
"""How operations of torch call the argument by which they train."""
SHAPING = (
    torch.ops.aten.view.default,
    torch.ops.aten.reshape.default,
    torch.ops.aten._unsafe_view.default,
    torch.ops.aten.expand.default,
)
"""Operations that an exported program gives the number of images to, as a constant."""


class ProgramError(ModelError):
    """A program that can't be read, or be made a module."""


def make(job: Job) -> None:
    """Keep a program of the user's beside its `run.json`, once it was opened.

    Settings: `program` {digest, onnx, size, output}, `preprocessing`. Information: `program_file`.

    Raises:
        ProgramError: it can't be used, or changed since the plan was made.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("open")
    asked, file = job.settings["program"], Path(job.information["program_file"])
    if store.digest_file(file) != asked["digest"]:
        raise ProgramError(f"{file} has changed since the plan was made; run again to use it")
    model = opened(file, asked)
    stopwatch.phase("write")
    with store.atomic(job.folder / FILE) as temporary:
        shutil.copyfile(file, temporary)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    write_run(job, stopwatch, {"parameters": parameters, "format": kind_of(file, file.suffix)})


def looked_at(file: str, size: int) -> nn.Module:
    """The module of a program of the user's, for images of that side.

    Raises:
        ProgramError: see `opened`.
    """
    asked = {"size": size, "onnx": file.endswith(ONNX_ENDING), "output": None}
    return opened(Path(file).expanduser(), asked)


def opened(file: Path, asked: Mapping[str, Any]) -> nn.Module:
    """The module of a program, in eval mode.

    Args:
        file: the program.
        asked: `size`, the side of the images that it takes; `onnx`, whether it was named as ONNX,
            which holds no code; and what `models.outputs.choose` takes.

    Raises:
        ProgramError: it is none, or another than its name says, or can't be made a module.
    """
    kind = kind_of(file, ending=ONNX_ENDING if asked["onnx"] else file.suffix)
    if (kind == ONNX) != asked["onnx"]:
        raise ProgramError(
            f"{file} is a program of {kind} by its content and not by its name: only ONNX, which "
            f"holds no code, is called {ONNX_ENDING}; rename it"
        )
    open_it = {TORCHSCRIPT: _torchscript, EXPORTED: _exported, ONNX: _onnx}[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a format is deprecated is nothing to this study
        model = open_it(file, asked["size"])
    return choose(model, asked)


def kind_of(file: Path, ending: str) -> str:
    """`TORCHSCRIPT` or `EXPORTED` by what is in the file; `ONNX`, which has no mark, by its ending.

    Raises:
        ProgramError: it is none of them.
    """
    if not file.is_file():
        raise ProgramError(f"there is no program at {file}")
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
        if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
            return TORCHSCRIPT
        if any("serialized_exported_program" in n or n.endswith("archive_format") for n in names):
            return EXPORTED
        raise ProgramError(
            f"{file} is no program: give a file of weights as `weights`, with an `architecture`"
        )
    if ending == ONNX_ENDING:
        return ONNX
    raise ProgramError(
        f"{file} is no program: expected what torch.jit.save or torch.export.save wrote, or a "
        f"file {ONNX_ENDING}"
    )


# ------------------------------------------------------------------------------- by their formats


def _torchscript(file: Path, size: int) -> nn.Module:
    try:
        script = torch.jit.load(str(file), map_location="cpu").eval().float()
        exported = _converted(script, size)
    except Exception as error:
        raise ProgramError(
            f"{file}: the TorchScript program can't be opened up for images of {size}x{size} "
            f"({_first_line(error)}); export the model by torch.export instead"
        ) from error
    model = _module(file, exported, script, size)
    for name, _ in script.named_parameters():  # the converter makes buffers of them
        place, _, key = name.rpartition(".")
        tensors = model.get_submodule(place)._buffers
        if key in tensors:
            model.get_submodule(place).register_parameter(key, nn.Parameter(tensors.pop(key)))
    name_layers(model)
    return model


def _converted(script: torch.jit.ScriptModule, size: int) -> torch.export.ExportedProgram:
    """The program by torch.export's converter: with several images, or with the one alone that it
    was traced for.
    """
    from torch._export.converter import TS2EPConverter

    before = logging.root.manager.disable
    logging.disable(logging.ERROR)  # torch logs a trace of what it raises anyway
    try:
        return TS2EPConverter(script, (_images(TRACED, size),)).convert()
    except Exception:
        if not _takes_one_alone(script, size):
            raise
        return TS2EPConverter(script, (_images(1, size),)).convert()
    finally:
        logging.disable(before)


def _takes_one_alone(script: torch.jit.ScriptModule, size: int) -> bool:
    taken = []
    for images in (1, TRACED):
        with contextlib.suppress(Exception), torch.no_grad():
            script(_images(images, size))
            taken.append(images)
    return taken == [1]


def _exported(file: Path, size: int) -> nn.Module:
    try:
        exported = torch.export.load(io.BytesIO(file.read_bytes()))
    except Exception as error:
        raise ProgramError(f"{file} can't be read: {_first_line(error)}") from error
    wanted = _input_shape(exported)
    if len(wanted) != 4 or any(isinstance(n, int) and n != size for n in wanted[2:]):
        shape = "x".join(str(n) if isinstance(n, int) else "?" for n in wanted[1:])
        raise ProgramError(
            f"{file} takes images of {shape} and gets 3x{size}x{size}: set `preprocessing.size`"
        )
    return _module(file, exported, exported.module(), size)


def _onnx(file: Path, size: int) -> nn.Module:
    try:
        import onnx.version_converter
        import onnx2torch
    except ImportError as error:
        raise ProgramError(
            f"programs of ONNX need onnx2torch ({error}): pip install 'distilscope[onnx]'"
        ) from None
    try:
        graph = onnx.load(str(file))
        onnx.checker.check_model(graph)
    except Exception as error:
        raise ProgramError(f"{file} can't be read as ONNX: {_first_line(error)}") from error
    try:
        return _tried(file, onnx2torch.convert(graph), size)
    except NotImplementedError:  # an operation of a newer version than onnx2torch knows
        pass
    try:
        older = onnx2torch.convert(onnx.version_converter.convert_version(graph, OLDER))
        return _tried(file, older, size)
    except ProgramError:
        raise
    except Exception as error:
        raise ProgramError(
            f"{file} can't be made a module by onnx2torch ({_first_line(error)}); export it with "
            f"opset_version={OLDER}, or the model by torch.export"
        ) from error


def _tried(file: Path, model: nn.Module, size: int) -> nn.Module:
    """The module of a graph of ONNX in fp32, once it took one image and several."""
    model = model.eval().float()
    for images in (1, TRACED):
        try:
            with torch.no_grad():
                model(_images(images, size))
        except NotImplementedError:
            raise
        except Exception as error:
            one = "takes one image alone" if images > 1 else f"can't take an image of {size}x{size}"
            raise ProgramError(
                f"{file} {one} ({_first_line(error)}); export it in fp32, behind model.eval(), "
                "with dynamic_axes={'x': {0: 'images'}} where its input is called x"
            ) from error
    return model


def _input_shape(exported: torch.export.ExportedProgram) -> tuple[Any, ...]:
    """(B, C, H, W) of the first input of the user's; what may vary is no int."""
    name = next(iter(exported.graph_signature.user_inputs))
    node = next(node for node in exported.graph.nodes if node.name == name)
    return tuple(node.meta["val"].shape)


# -------------------------------------------------------------------------- any number of images


def _module(
    file: Path, exported: torch.export.ExportedProgram, program: Callable[[Tensor], Any], size: int
) -> nn.Module:
    """The layers of a program as modules that take any number of images, held against it."""
    if _is_training(exported):
        raise ProgramError(
            f"{file} was exported in training mode, which stays in it: dropout drops, and batch "
            "normalisation goes by the batch. Export it again behind model.eval()"
        )
    images = _input_shape(exported)[0]
    fixed = images if isinstance(images, int) else None
    model = torch.export.unflatten(exported)
    model.check_input_constraints = False
    if fixed is not None:
        for graph in _graphs(model):
            _take_any_number(graph, fixed)
        for part in model.modules():
            if hasattr(part, "finalize"):
                part.finalize()
    step = fixed or 2
    batch = _images(2 * step, size)
    try:
        with torch.no_grad():
            expected = [_tensors(program(part)) for part in batch.split(step)]
            found = _tensors(model(batch))
    except Exception as error:
        raise ProgramError(_of_one_size(file, fixed, _first_line(error))) from error
    for place, tensor in enumerate(found):
        whole = torch.cat([each[place] for each in expected])
        if not (tensor - whole).abs().max() <= TOLERANCE * whole.abs().max():
            raise ProgramError(_of_one_size(file, fixed, "its outputs change with their number"))
    return model


def _is_training(exported: torch.export.ExportedProgram) -> bool:
    """Whether it has an operation that is told to train."""
    return any(
        argument.name in TRAINING and value is True
        for node in exported.graph.nodes
        if hasattr(node.target, "_schema")
        for argument, value in zip(node.target._schema.arguments, node.args, strict=False)
    )


def _graphs(model: nn.Module) -> Iterator[torch.fx.Graph]:
    for part in model.modules():
        if isinstance(getattr(part, "graph", None), torch.fx.Graph):
            yield part.graph


def _take_any_number(graph: torch.fx.Graph, images: int) -> None:
    """Put the number of images of the input where a constant is that number."""
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    carrier = next((node for node in inputs if _leads(node, images)), None)
    if carrier is None:
        return
    for node in list(graph.nodes):
        if node.target in SHAPING and node.args[1][:1] == [images] and _leads(node, images):
            with graph.inserting_before(node):
                number = graph.call_function(torch.ops.aten.sym_size.int, (carrier, 0))
            node.args = (node.args[0], [number, *node.args[1][1:]], *node.args[2:])


def _leads(node: torch.fx.Node, images: int) -> bool:
    """Whether a node's first side is the number of images."""
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.ndim > 0 and value.shape[0] == images


def _of_one_size(file: Path, images: int | None, why: str) -> str:
    made = f"was made for {images} images at once" if images else "can't be opened up"
    return (
        f"{file} {made} and takes no other number ({why}); export it again with "
        "dynamic_shapes={'x': {0: torch.export.Dim('images')}}"
    )


def _images(number: int, size: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(number, 3, size, size, generator=generator)


def _tensors(output: Any) -> list[Tensor]:
    return [leaf for leaf in torch.utils._pytree.tree_leaves(output) if isinstance(leaf, Tensor)]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
