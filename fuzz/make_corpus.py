"""The corpus that fuzzing starts from: one small file for each thing that a reader can meet.

    python make_corpus.py FOLDER    needs onnx, numpy, safetensors and target/release/icnn; FOLDER holds exported *.ts.onnx

Files of tests/ are copied, networks are stripped of notes, and the rest is written here. Inputs stay below 4 kB.
"""
import glob
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
rng = np.random.default_rng(0)


def put(target, name, data):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    data = data.encode() if isinstance(data, str) else data
    assert len(data) <= 4096, (target, name, len(data))
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def normal(*shape):
    return rng.normal(size=shape).astype(np.float32).round(2)


def stripped(path):
    """A model without notes about the machine it was written on."""
    model = onnx.load(path)
    clean = helper.make_model(model.graph, opset_imports=model.opset_import, functions=model.functions)
    clean.ir_version = 8
    for part in [clean.graph, *clean.graph.node, *clean.graph.input, *clean.graph.output]:
        part.ClearField("doc_string")
        if hasattr(part, "metadata_props"):
            part.ClearField("metadata_props")
    clean.graph.ClearField("value_info")
    clean.ClearField("producer_name")
    return clean.SerializeToString()


def model(nodes, weights, inputs, opset=17, functions=()):
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        nodes,
        "g",
        [value(*i) for i in inputs],
        [value("f", None)],
        [numpy_helper.from_array(w, n) for n, w in weights.items()],
    )
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid("own", 1) for _ in functions]
    return helper.make_model(graph, opset_imports=imports, functions=list(functions)).SerializeToString()


def onnx_files(folder):
    chosen = "a_ficnn_parametrize b_picnn_bn e_concat f_leaky_sq f_softplus_beta5 g_amax g_lse g_maxout i_matmul_einsum"
    for name in chosen.split():
        put("onnx", f"{name}.onnx", stripped(os.path.join(folder, f"{name}.ts.onnx")))
    for name in ["jax_leaky", "jax_picnn", "jax_pieces", "keras_softplus"]:
        put("onnx", f"{name}.onnx", stripped(f"{ROOT}/tests/models/{name}.onnx"))
    n = helper.make_node
    y = ("y", [1, 1, 4, 4])
    put("onnx", "convolution.onnx", model(
        [
            n("Conv", ["y", "k", "c"], ["a"], pads=[1, 1, 1, 1]),
            n("Relu", ["a"], ["r"]),
            n("BatchNormalization", ["r", "s", "c", "c", "s"], ["b"]),
            n("MaxPool", ["b"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
            n("AveragePool", ["m"], ["v"], kernel_shape=[2, 2]),
            n("Pad", ["v", "pads"], ["q"]),
            n("GlobalAveragePool", ["q"], ["o"]),
            n("ReduceSum", ["o"], ["f"], keepdims=0),
        ],
        {"k": normal(2, 1, 3, 3), "c": normal(2), "s": np.ones(2, np.float32), "pads": np.array([0, 0, 1, 0, 0, 0, 0, 1])},
        [y],
    ))
    put("onnx", "shapes.onnx", model(
        [
            n("Split", ["y"], ["a", "b"], axis=1, num_outputs=2),
            n("Transpose", ["a"], ["t"], perm=[1, 0]),
            n("Reshape", ["t", "shape"], ["u"]),
            n("Expand", ["b", "wide"], ["e"]),
            n("Gather", ["e", "index"], ["h"], axis=1),
            n("Slice", ["h", "zero", "two", "one"], ["s"]),
            n("Concat", ["u", "s"], ["j"], axis=1),
            n("Tile", ["j", "wide"], ["k"]),
            n("Unsqueeze", ["k", "zero"], ["q"]),
            n("ReduceMax", ["q", "two"], ["m"]),
            n("CumSum", ["m", "one0"], ["d"]),
            n("ReduceLogSumExp", ["d"], ["f"], keepdims=0),
        ],
        {
            "shape": np.array([1, -1]), "wide": np.array([1, 2]), "index": np.array([1, 0]), "zero": np.array([0]),
            "two": np.array([2]), "one": np.array([1]), "one0": np.array(1),
        },
        [("y", [1, 4])],
        opset=18,
    ))
    put("onnx", "context.onnx", model(
        [
            n("Softmax", ["x"], ["p"]),
            n("TopK", ["x", "two"], ["top", "at"]),
            n("Cast", ["at"], ["c"], to=1),
            n("Where", ["positive", "p", "x"], ["g"]),
            n("Greater", ["x", "p"], ["positive"]),
            n("LayerNormalization", ["g", "scale"], ["l"]),
            n("Exp", ["l"], ["gate"]),
            n("Mul", ["y", "gate"], ["z"]),
            n("Abs", ["z"], ["r"]),
            n("ReduceSum", ["r"], ["s"], keepdims=0),
            n("ReduceMean", ["c"], ["t"], keepdims=0),
            n("Add", ["s", "t"], ["f"]),
        ],
        {"two": np.array([2]), "scale": np.ones(3, np.float32)},
        [("x", [1, 3]), ("y", [1, 3])],
    ))
    body = [n("Mul", ["a", "a"], ["b"]), n("Sqrt", ["b"], ["c"]), n("Constant", [], ["k"], value_float=0.5), n("Mul", ["c", "k"], ["d"])]
    own = helper.make_function("own", "Half", ["a"], ["d"], body, [helper.make_opsetid("", 17)])
    put("onnx", "function.onnx", model(
        [
            n("Half", ["y"], ["h"], domain="own"), n("Gemm", ["h", "w", "b"], ["g"], transB=1, alpha=0.5),
            n("PRelu", ["g", "s"], ["r"]), n("Einsum", ["r", "v"], ["e"], equation="bi,i->b"),
            n("Pow", ["e", "two"], ["q"]), n("Clip", ["q", "", "two"], ["i"]), n("ReduceL2", ["q"], ["f"], keepdims=0),
        ],
        {
            "w": np.abs(normal(2, 3)), "b": normal(2), "s": np.float32([0.1, 0.2]), "v": np.abs(normal(2)), "two": np.float32(2),
        },
        [("y", [1, 3])],
        functions=[own],
    ))


def described(description, tensors):
    return json.dumps(description).encode() + b"\0" + save(tensors)


def safetensors_files():
    put("safetensors", "ficnn", described(
        {
            "format": "icnn-layers", "version": 1, "kind": "ficnn", "layout": "out,in",
            "roles": {"wy": "Wy.{i}.weight", "b": "Wy.{i}.bias", "wz": {"first": None, "then": "Wz.{i-1}.weight"}},
            "positivity": "softplus", "gain": "1/width", "activation": {"then": {"leaky_relu": 0.1}}, "quadratic": 0.5,
            "ignore": ["extra*"],
        },
        {
            "Wy.0.weight": normal(3, 2), "Wy.0.bias": normal(3), "Wy.1.weight": normal(1, 2).astype(np.float16),
            "Wz.0.weight": normal(1, 3).astype(np.float64), "extra1": normal(1),
        },
    ))
    put("safetensors", "picnn", described(
        {
            "format": "icnn-layers", "version": 1, "preset": "picnn", "positivity": ["relu"], "activation": "softplus",
            "u_activation": "tanh", "gate_activation": "relu",
        },
        {
            "fc_u.0.weight": normal(2, 2), "fc_u.0.bias": normal(2), "fc_yu.0.weight": normal(2, 2), "fc_yu.0.bias": normal(2),
            "fc_y.0.weight": normal(2, 2), "fc_uz.0.weight": normal(2, 2), "fc_uz.0.bias": normal(2),
            "fc_zu.1.weight": normal(2, 2), "fc_zu.1.bias": normal(2), "fc_z.1.weight": normal(1, 2), "fc_yu.1.weight": normal(2, 2),
            "fc_yu.1.bias": normal(2), "fc_y.1.weight": normal(1, 2), "fc_uz.1.weight": normal(1, 2), "fc_uz.1.bias": normal(1),
        },
    ))
    put("safetensors", "quadratic", described(
        {
            "format": "icnn-layers", "version": 1, "kind": "ficnn", "layout": "in,out", "layers": 2,
            "roles": {"wy": ["a", None], "b": ["b", "c"], "wz": [None, "w"], "q": ["q", None]},
            "activation": "elu", "y_activation": ["abs", "square"],
        },
        {"a": normal(2, 3), "b": normal(3), "q": normal(2, 1, 3), "w": normal(3, 1), "c": normal(1)},
    ))


def program_files():
    """The networks as programs of this crate, and one by hand with units that no exporter writes."""
    icnn, folder = f"{ROOT}/target/release/icnn", tempfile.mkdtemp()
    for path in sorted(glob.glob(f"{HERE}/corpus/onnx/*.onnx")):
        to = os.path.join(folder, "program.json")
        done = subprocess.run([icnn, "convert", path, to, "--force"], capture_output=True, text=True)
        if done.returncode == 0 and os.path.getsize(to) <= 4096:
            put("program", os.path.basename(path).replace(".onnx", ".json"), open(to).read())
        else:
            print(path, done.stderr.strip()[:200])
    units = [
        "relu", {"leaky": 1}, "abs", {"clip": {"lower": -1.0, "upper": "inf"}},
        {"lines": {"breaks": [0.0, 1.0], "pieces": [[-1.0, 0.0], [0.0, 0.0], [2.0, -2.0]]}},
        {"softplus": {"beta": 2.0}}, {"elu": 1.0}, {"celu": 0.5}, {"power": 2.0}, "exp", "sigmoid", "floor",
        {"combination": [{"weight": 1, "inner": -1.0, "function": "relu"}, {"weight": 1, "inner": 2.0, "function": "abs"}]},
    ]
    nodes = [{"op": "y", "shape": [1, 2]}, {"op": {"dense": {
        "input": 0, "weight": 0, "rows": 2, "columns": 2, "repeat": 1, "transposed": False}}, "shape": [1, 2], "name": "fc"}]
    nodes += [{"op": {"unit": {"input": 1, "function": u}}, "shape": [1, 2]} for u in units]
    k = len(nodes)
    nodes += [
        {"op": {"sum": list(range(2, k))}, "shape": [2]},
        {"op": {"scale": {"input": k, "by": 1}}, "shape": [2]},
        {"op": {"sparse": {"input": k + 1, "matrix": {"size": [2, 2], "starts": [0, 1, 2], "columns": [1, 0], "values": [1.0, 0.5]}}},
         "shape": [2]},
        {"op": {"max": {"input": k + 2, "groups": [[0, 1]]}}, "shape": [1]},
        {"op": {"logsumexp": {"input": k + 2, "groups": [[0], [1, 0]]}}, "shape": [2]},
        {"op": {"quadratic": {"input": 1, "matrix": {"size": [2, 2], "starts": [0, 1, 2], "columns": [0, 1], "values": [1.0, 2.0]}}},
         "shape": [1]},
        {"op": {"norm": {"input": 0, "groups": [[0, 1]]}}, "shape": [1]},
        {"op": {"gather": {"input": k + 4, "index": [1]}}, "shape": [1]},
        {"op": {"concat": [k + 3, k + 5, k + 6, k + 7]}, "shape": [4]},
        {"op": {"max": {"input": k + 8, "groups": [[0, 1, 2, 3]]}}, "shape": [1]},
    ]
    put("program", "units.json", json.dumps({
        "format": "icnn-program", "version": 1, "decision": {"name": "y", "shape": [1, 2]},
        "context": {"opset": 17, "inputs": [], "steps": []},
        "params": [{"name": "W", "values": [1.0, -2.0, 0.5, 0.25]}, {"name": "v", "values": [0.25]}],
        "nodes": nodes,
    }))
    branches = [
        {"op": "y", "shape": [2]},
        {"op": {"select": {"test": 0, "strict": True, "then": 0, "otherwise": 0}}, "shape": [2]},
        {"op": {"product": [0, 1]}, "shape": [2]},
        {"op": {"param": 0}, "shape": [2]},
        {"op": {"quotient": [2, 3]}, "shape": [2]},
        {"op": {"conv": {"input": 4, "weight": 0, "geometry": {
            "input_channels": 1, "output_channels": 1, "groups": 1, "input": [2], "output": [1], "kernel": [2], "strides": [1],
            "dilations": [1], "pads": [0]}}}, "shape": [1]},
    ]
    put("program", "branches.json", json.dumps({
        "format": "icnn-program", "version": 1, "decision": {"name": "y", "shape": [2]},
        "context": {"opset": 17, "inputs": [], "steps": []}, "params": [{"name": "d", "values": [1.0, 2.0]}], "nodes": branches,
    }))


def npy_bytes(descr, fortran, shape, data, version=1):
    header = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


def tables():
    f8 = np.arange(6.0).astype("<f8").tobytes()
    put("npy", "rows", npy_bytes("<f8", False, (3, 2), f8))
    put("npy", "fortran", npy_bytes(">f4", True, (1, 3, 2), np.arange(6).astype(">f4").tobytes(), 2))
    put("npy", "scalar", npy_bytes("<f2", False, (), b"\x00\x3c", 3))
    put("npy", "flags", npy_bytes("|b1", True, (4,), b"\0\1\1\0"))
    put("csv", "named", '\ufeffage,"height, in m",y[0]\r\n1,2.5e-3,-inf\r\n , ,nan\r\n')
    put("csv", "plain", "1,2\n3,-4e-1\n")
    put("csv", "quoted", '"1","2""3"\n')
    put("json", "rows", "[[1, [2, 3]], [4, 5.5, -6e-3]]")
    put("json", "list", '[1, null, "inf", "-inf"]')
    put("json", "number", "2.5")
    names = """pandas-embedding polars-array polars-list polars-uncompressed pyarrow-delta-and-split pyarrow-dictionary
        pyarrow-half-2-rows pyarrow-list-of-lists pyarrow-mixed-none pyarrow-mixed-v2-pages pyarrow-mixed-zstd pyarrow-mixed-snappy
        pyarrow-number-list-number pyarrow-plain-groups-of-2 pyarrow-small-integers bad-null bad-structure bad-no-rows"""
    for name in names.split():
        folder = os.path.join(HERE, "corpus", "parquet")
        os.makedirs(folder, exist_ok=True)
        shutil.copy(f"{ROOT}/tests/tables/{name}.parquet", folder)


def sets_and_objectives():
    """Over the three decisions and the context entry of models/pieces.json."""
    put("domain", "parts", json.dumps({
        "version": 1, "lower": 0, "upper": [1, 1, None], "fixed": {"2": 0.5},
        "rows": [{"name": "budget", "coefficients": {"0": 2, "1": 3.5}, "upper": 4}, {"coefficients": [1, None, -1], "equals": 0}],
        "sums": [{"name": "total", "of": [0, 1], "lower": 0.2}],
    }))
    put("domain", "simplex", json.dumps({"version": 1, "lower": {"0": "-inf"}, "simplices": [{"name": "shares", "of": "all", "total": 1}]}))
    put("domain", "learned", json.dumps({
        "version": 1, "lower": [-1, -1, -1], "upper": 2,
        "networks": [
            {"name": "risk", "model": "smooth.json", "at_most": 9},
            {"model": "pieces.json", "context": "row", "y": "y", "output": "0", "at_most": 30},
            {"model": "pieces.json", "context": [0.5], "at_most": 25.5},
        ],
    }))
    put("objective", "terms", json.dumps({
        "version": 1, "weight": 0.5, "linear": {"0": 3.5, "2": -1}, "quadratic": [1, 1, 0], "target": [0.5, 0.5, 0],
    }))
    put("objective", "matrix", json.dumps({"version": 1, "quadratic": [[2, 1, 0], [1, 2, 0], [0, 0, 0]], "linear": [1, 2, 3]}))
    put("objective", "networks", json.dumps({
        "version": 1, "networks": [
            {"name": "wear", "model": "smooth.json", "weight": 0.2},
            {"model": "pieces.json", "context": "row", "y": "y", "output": "0"},
            {"model": "pieces.json", "context": [0.5], "weight": 2},
        ], "target": [1, 1, 1],
    }))


def certificates():
    """Proofs of the minima that src/certificate.rs knows, and two of the folded networks."""
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)
        with open(at("x.json"), "w") as f:
            f.write("[0.5]")
        cases = {"budget": ("pieces", True), "learned": ("pieces", True), "corner": ("flat", False)}
        for name, (network, context) in cases.items():
            model, domain = f"{HERE}/models/{network}.json", f"{HERE}/models/{name}.domain.json"
            given = [*(["--context", at("x.json")] if context else []), "--domain", domain]
            run = lambda *words: subprocess.run([f"{ROOT}/target/release/icnn", *words, *given], check=True, capture_output=True)
            for tier in ["exact", "rigorous"]:
                run("solve", model, "--proof", tier, "--certificate", at("proof.json"))
                put("certificate", f"{name}-{tier}", open(at("proof.json"), "rb").read())
            if name != "learned":
                run("convert", model, at("folded.json"))
                put("program", f"folded-{name}", open(at("folded.json"), "rb").read())


if __name__ == "__main__":
    onnx_files(sys.argv[1])
    safetensors_files()
    program_files()
    tables()
    sets_and_objectives()
    certificates()
