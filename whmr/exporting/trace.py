"""A part as an ONNX file or as TorchScript, with an open batch size."""

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from whmr.exporting.parts import ExportPart

if TYPE_CHECKING:
    import onnx

OPSET = 17
LARGE = 1024  # bytes from which a constant is worth sharing


def to_onnx(
    part: ExportPart, example: Sequence[Tensor], dynamic_axes: Mapping[str, Mapping[int, str]]
) -> bytes:
    """The ONNX file of a part; constants that are equal are stored once.

    Args:
        part: In evaluation mode.
        example: Its inputs, once.
        dynamic_axes: Axes of inputs and outputs that are of any size.

    Raises:
        ImportError: If onnx is not installed.
        RuntimeError: If torch cannot export the part.
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError("ONNX files need onnx: pip install 'whmr[export]'") from error
    buffer = io.BytesIO()
    with torch.no_grad(), _quiet(), _symbolics():
        torch.onnx.export(
            part,
            tuple(example),
            buffer,
            input_names=list(part.inputs),
            output_names=list(part.outputs),
            dynamic_axes={name: dict(axes) for name, axes in dynamic_axes.items()},
            opset_version=OPSET,
            dynamo=False,  # follows sizes of any photo through padding that depends on them
        )
    model = onnx.load_model_from_string(buffer.getvalue())
    _share_constants(model.graph)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def to_torchscript(part: ExportPart, example: Sequence[Tensor]) -> bytes:
    """The TorchScript file of a part: a function of its inputs that gives its outputs.

    Args:
        part: In evaluation mode.
        example: Its inputs, once.
    """
    buffer = io.BytesIO()
    with torch.no_grad(), _quiet():
        torch.jit.save(torch.jit.trace(part, tuple(example), check_trace=False), buffer)
    return buffer.getvalue()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tracer's remarks on shape checks, which hold for every batch size.

    Nor the whole graph on the screen when an operator is unknown; the error names it.
    """
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter('ignore')
        yield


@contextmanager
def _symbolics() -> Iterator[None]:
    """Teaches the exporter `Tensor.mT`, which it does not know, and an `unflatten` of any batch."""
    taught = {'aten::mT': _transpose, 'aten::unflatten': _unflatten}
    for name, symbolic in taught.items():
        torch.onnx.register_custom_op_symbolic(name, symbolic, OPSET)
    try:
        yield
    finally:
        for name in taught:
            torch.onnx.unregister_custom_op_symbolic(name, OPSET)


def _transpose(graph: Any, matrix: Any) -> Any:
    order = list(range(matrix.type().dim()))
    return graph.op('Transpose', matrix, perm_i=[*order[:-2], order[-1], order[-2]])


def _unflatten(graph: Any, values: Any, axis: Any, sizes: Any) -> Any:
    """Torch's own hides which axes it splits, so that later sizes are those of the example."""
    rank = values.type().dim()
    split = int(axis.node().t('value')) % rank
    shape = graph.op('Shape', values)

    def kept(start: int, end: int) -> list[Any]:
        bounds = [graph.op('Constant', value_t=torch.tensor([place])) for place in (start, end)]
        return [graph.op('Slice', shape, *bounds)] if start < end else []

    new = graph.op('Concat', *kept(0, split), sizes, *kept(split + 1, rank), axis_i=0)
    return graph.op('Reshape', values, new)


def _share_constants(graph: 'onnx.GraphProto') -> None:
    """Keep one of each large constant: a body is traced once for every step that poses it."""
    first: dict[tuple, str] = {}
    renamed: dict[str, str] = {}
    for node in list(graph.node):
        tensor = node.attribute[0].t if node.op_type == 'Constant' and node.attribute else None
        if tensor is not None and len(tensor.raw_data) >= LARGE:
            kept = first.setdefault(_content(tensor), node.output[0])
            if kept != node.output[0]:
                renamed[node.output[0]] = kept
                graph.node.remove(node)
    for tensor in list(graph.initializer):
        if len(tensor.raw_data) >= LARGE:
            kept = first.setdefault(_content(tensor), tensor.name)
            if kept != tensor.name:
                renamed[tensor.name] = kept
                graph.initializer.remove(tensor)
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = renamed.get(name, name)


def _content(tensor: 'onnx.TensorProto') -> tuple:
    return tensor.data_type, tuple(tensor.dims), tensor.raw_data
