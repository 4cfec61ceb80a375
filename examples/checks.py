"""What every example does once it is trained: export one ONNX file, then test that file and not the torch module.

    export    torch module -> single-file ONNX by the default exporter, notes about the machine it ran on removed
    signs     follows the graph from `y`: past the first kink, every weight, gate and batch-norm scale must be >= 0
    chords    Jensen's inequality at random points of random chords, evaluated by ONNX Runtime
    expected  a few inputs and ONNX Runtime's outputs, written as expected.json
"""
import json
import os

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper

CONTEXT, AFFINE, CONVEX = 0, 1, 2
SAME = {"Flatten", "Reshape", "Identity", "Transpose", "Squeeze", "Unsqueeze", "Cast"}
KINK = {"Relu", "LeakyRelu", "MaxPool"}


def export(model, inputs, path):
    """`inputs`: name -> example tensor; the first axis of each becomes the free dimension `batch`."""
    batch = torch.export.Dim("batch")
    torch.onnx.export(model.eval(), tuple(inputs.values()), path, input_names=list(inputs), output_names=["f"],
                      dynamic_shapes=[{0: batch} for _ in inputs], external_data=False, verbose=False)
    proto = onnx.load(path)
    for item in [proto, proto.graph, *proto.graph.node, *proto.graph.value_info, *proto.graph.input,
                 *proto.graph.output, *proto.graph.initializer]:
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    onnx.checker.check_model(proto)
    onnx.save(proto, path)


def run(path, inputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, {k: np.asarray(v, np.float32) for k, v in inputs.items()})[0]


def agreement(model, path, inputs):
    """Largest difference between torch and ONNX Runtime."""
    with torch.no_grad():
        ours = model.eval()(*[torch.as_tensor(np.asarray(v, np.float32)) for v in inputs.values()]).numpy()
    return float(np.abs(ours - run(path, inputs)).max())


def signs(path):
    """The smallest factor that multiplies a convex, non-affine value; raises on a graph these rules do not cover."""
    graph = onnx.load(path).graph
    const = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    kind = {i.name: AFFINE if i.name == "y" else CONTEXT for i in graph.input}
    kind |= {name: CONTEXT for name in const}
    producer, smallest = {}, np.inf
    for node in graph.node:
        kinds = [kind[i] for i in node.input if i]
        top = max(kinds, default=CONTEXT)
        if node.op_type == "Constant":
            const[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type in KINK:
            top = CONVEX if top else CONTEXT
        elif node.op_type in ("Gemm", "MatMul", "Conv", "BatchNormalization") and top:
            assert kinds[0] == top and max(kinds[1:3]) == CONTEXT, node
            if top == CONVEX:
                smallest = min(smallest, const[node.input[1]].min())
        elif node.op_type == "Mul" and top:
            gate = node.input[1] if kinds[0] == top else node.input[0]
            assert kind[gate] == CONTEXT, node
            if top == CONVEX and gate in const:
                smallest = min(smallest, const[gate].min())
            assert top == AFFINE or gate in const or producer[gate] == "Relu", node
        elif top:
            assert node.op_type in SAME | {"Add", "Concat"}, node
        for name in node.output:
            kind[name], producer[name] = top, node.op_type
    return float(smallest)


def chords(path, draw, trials=4000, seed=0):
    """Largest f(ta + (1-t)b) - tf(a) - (1-t)f(b), relative to max(1, |f|). `draw(rng, n)` gives (other inputs, a, b)."""
    rng = np.random.default_rng(seed)
    others, a, b = draw(rng, trials)
    t = rng.random((trials,) + (1,) * (a.ndim - 1))
    fa, fm, fb = (run(path, others | {"y": y}).astype(float) for y in (a, t * a + (1 - t) * b, b))
    t = t.reshape(trials, 1)
    return float(((fm - t * fa - (1 - t) * fb) / np.maximum(1, np.maximum(abs(fa), abs(fb)))).max())


def expected(folder, path, inputs, **more):
    values = {k: np.asarray(v, np.float32) for k, v in inputs.items()}
    record = {k: v.tolist() for k, v in values.items()} | {"f": run(path, values).tolist()} | more
    with open(os.path.join(folder, "expected.json"), "w") as out:
        json.dump(record, out)
        out.write("\n")


def report(model, path, inputs, draw):
    print(f"{os.path.basename(path)}: {os.path.getsize(path)} bytes")
    print(f"  torch against ONNX Runtime, largest difference  {agreement(model, path, inputs):.1e}")
    print(f"  smallest factor on the convex path              {signs(path)}")
    print(f"  Jensen, largest violation on random chords      {chords(path, draw):.1e}")
    assert signs(path) >= 0 and agreement(model, path, inputs) < 1e-4 and chords(path, draw) < 1e-5
