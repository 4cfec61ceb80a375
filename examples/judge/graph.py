"""An ONNX file as a function of torch tensors, in double precision and with gradients: the operators that `icnn generate` and
`icnn convert` write, and no others."""
import numpy as np
import onnx
import torch
from onnx import numpy_helper


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def gemm(a, b, c=None, alpha=1.0, beta=1.0, transA=0, transB=0):
    product = alpha * ((a.T if transA else a) @ (b.T if transB else b))
    return product if c is None else product + beta * c


def conv(x, w, b=None, strides=None, dilations=None, pads=None, group=1, kernel_shape=None):
    axes = w.dim() - 2
    assert all(p == 0 for p in pads or []), "no padding is written here"
    f = [torch.nn.functional.conv1d, torch.nn.functional.conv2d][axes - 1]
    return f(x, w, b, stride=strides or 1, dilation=dilations or 1, groups=group)


OPERATORS = {
    "Abs": torch.abs, "Add": torch.add, "Div": torch.div, "Exp": torch.exp, "Greater": torch.gt, "Identity": lambda t: t,
    "Log": torch.log, "Mul": torch.mul, "Neg": torch.neg, "Relu": torch.relu, "Sub": torch.sub, "Where": torch.where,
    "Pow": torch.pow, "MatMul": torch.matmul, "Gemm": gemm, "Conv": conv,
    "Sum": lambda *terms: sum(terms[1:], terms[0]),
    "Concat": lambda *terms, axis: torch.cat(terms, axis),
    "Gather": lambda t, index, axis=0: torch.index_select(t, axis, index.reshape(-1)),
    "LeakyRelu": lambda t, alpha=0.01: torch.where(t > 0, t, alpha * t),
    "ReduceMax": lambda t, axes, keepdims=1: t.amax(axes, keepdim=bool(keepdims)),
    "ReduceSum": lambda t, axes, keepdims=1: t.sum(tuple(np.atleast_1d(axes.numpy()).tolist()), keepdim=bool(keepdims)),
    "Reshape": lambda t, shape: t.reshape(shape.tolist()),
}


class Graph:
    """f(x, y) of a file; x is empty where the network takes none."""

    def __init__(self, path):
        self.graph = onnx.load(path).graph
        self.constants = {i.name: torch.tensor(numpy_helper.to_array(i)) for i in self.graph.initializer}
        for node in self.graph.node:
            assert node.op_type in OPERATORS, f"{path}: {node.name} is a {node.op_type}"

    def __call__(self, x, y):
        values = dict(self.constants)
        for put in self.graph.input:
            shape = [d.dim_value or 1 for d in put.type.tensor_type.shape.dim]
            values[put.name] = (y if put.name == "y" else x).reshape(shape)
        for node in self.graph.node:
            inputs = [values[name] if name else None for name in node.input]
            values[node.output[0]] = OPERATORS[node.op_type](*inputs, **attributes(node))
        return values[self.graph.output[0].name].reshape(())
