"""Names for the layers of a program that has no modules any more."""

from __future__ import annotations

from torch import Tensor, nn


class _Layer(nn.Identity):
    """Where the output of an operation passes by; it has the weights that the operation takes."""


def name_layers(model: nn.Module) -> None:
    """Let maps of a program without modules pass by layers, called as whose weights they are of.

    What has no weights, such as an activation, lies beside the module before it, under the name of
    its operation.
    """
    graph, beside, named = model.graph, "", set()
    for node in list(graph.nodes):
        value = node.meta.get("val")
        if node.op != "call_function" or not isinstance(value, Tensor) or value.ndim not in (3, 4):
            continue
        owners = [n.target.rpartition(".")[0] for n in node.all_input_nodes if n.op == "get_attr"]
        path = next((owner for owner in owners if owner and owner not in named), None)
        if path is not None and not list(model.get_submodule(path).children()):
            beside = path.rpartition(".")[0]
        else:
            path = f"{beside}.{node.name}" if beside else node.name
        named.add(path)
        _put(model, path)
        with graph.inserting_after(node):
            passed = graph.create_node("call_module", path, (node,))
        node.replace_all_uses_with(passed, delete_user_cb=lambda user, own=passed: user is not own)
        passed.meta = dict(node.meta)
    model.finalize()


def _put(model: nn.Module, path: str) -> None:
    """A layer at a path, with the tensors of what was there."""
    parent, _, name = path.rpartition(".")
    at, made = model.get_submodule(parent), _Layer()
    old = at._modules.get(name) or nn.Module()
    made._parameters, made._buffers = old._parameters, old._buffers
    setattr(at, name, made)
