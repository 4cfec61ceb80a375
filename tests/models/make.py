"""Tiny convex networks written by exporters other than torch's own front end, to widen what the reader is tested on.

    python make.py jax      jax2onnx 0.17, jax 0.10        (pip install jax2onnx jax onnxruntime)
    python make.py keras    Keras 3.15 on its torch backend (pip install keras torch onnx onnxscript onnxruntime)

Each NAME.onnx comes with NAME.json: the inputs under their ONNX names, the framework's own output under the output's ONNX
name. Every network is convex in `y`.
"""
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(0)


def normal(*shape):
    return rng.normal(size=shape).astype(np.float32)


def positive(*shape):
    return np.abs(normal(*shape)) * np.float32(0.5)


def finish(name, inputs, framework_output):
    """Remove notes about this machine, compare with ONNX Runtime, write the values."""
    path = os.path.join(HERE, f"{name}.onnx")
    proto = onnx.load(path)
    for item in [proto, proto.graph, *proto.graph.node, *proto.graph.value_info, *proto.graph.input,
                 *proto.graph.output, *proto.graph.initializer, *proto.functions,
                 *(n for f in proto.functions for n in f.node)]:
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    onnx.checker.check_model(proto)
    onnx.save(proto, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    theirs, = session.run(None, inputs)
    gap = np.abs(theirs - framework_output).max()
    assert theirs.shape == framework_output.shape and gap < 1e-5, (name, gap)
    record = {k: v.tolist() for k, v in inputs.items()} | {session.get_outputs()[0].name: framework_output.tolist()}
    with open(os.path.join(HERE, f"{name}.json"), "w") as out:
        json.dump(record, out)
        out.write("\n")
    nodes = [n.op_type for n in proto.graph.node]
    print(f"{name}: {os.path.getsize(path)} bytes, ONNX Runtime differs by {gap:.1e}: {' '.join(nodes)}")


def with_jax():
    import jax
    import jax.numpy as jnp
    from jax2onnx import to_onnx

    def save(name, f, **inputs):
        to_onnx(f, [("B", v.shape[1]) for v in inputs.values()], return_mode="file", input_names=list(inputs),
                output_names=["f"], output_path=os.path.join(HERE, f"{name}.onnx"))
        finish(name, inputs, np.asarray(f(*inputs.values())))

    def ficnn(g):
        """Weights stored [in, out]; softplus of the stored weight keeps W^z positive and is part of the traced function."""
        w0, b0, w1, w2 = normal(4, 8), normal(8), normal(4, 8), normal(4, 1)
        v1, v2 = normal(8, 8) - 2, normal(8, 1) - 2

        def f(y):
            z = g(y @ w0 + b0)
            z = g(z @ jax.nn.softplus(v1) + y @ w1)
            return z @ jax.nn.softplus(v2) + y @ w2
        return f

    save("jax_relu", ficnn(jax.nn.relu), y=normal(5, 4))
    save("jax_leaky", ficnn(lambda t: jax.nn.leaky_relu(t, 0.1)), y=normal(5, 4))
    save("jax_softplus", ficnn(jax.nn.softplus), y=normal(5, 4))
    save("jax_elu", ficnn(jax.nn.elu), y=normal(5, 4))

    u0, yu0, w0, b0, zu1, yu1, w1, b1 = (normal(*s) for s in
                                         [(3, 6), (3, 4), (4, 8), (3, 8), (6, 8), (6, 4), (4, 1), (6, 1)])
    v1 = positive(8, 1)

    def picnn(x, y):
        u = jnp.tanh(x @ u0)
        z = jax.nn.relu((y * (x @ yu0)) @ w0 + x @ b0)
        return (z * jax.nn.relu(u @ zu1)) @ v1 + (y * (u @ yu1)) @ w1 + u @ b1
    save("jax_picnn", picnn, x=normal(5, 3), y=normal(5, 4))

    w, c = normal(4, 12), normal(12)
    save("jax_pieces", lambda y: jnp.max(y @ w + c, axis=1, keepdims=True)
         + jnp.sum(jnp.abs(y), axis=1, keepdims=True) + jax.nn.logsumexp(2 * y, axis=1, keepdims=True), y=normal(5, 4))


def with_keras():
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    keras.utils.set_random_seed(0)
    layers = keras.layers

    def free(t, n, **more):
        return layers.Dense(n, bias_initializer="random_normal", **more)(t)

    def kept(t, n):
        """What a NonNeg constraint leaves behind: nonnegative numbers, and nothing in the graph."""
        return layers.Dense(n, use_bias=False, kernel_constraint="non_neg",
                            kernel_initializer=keras.initializers.RandomUniform(0, 0.5))(t)

    def save(name, inputs, output, **values):
        model = keras.Model(inputs, output)
        result = keras.ops.convert_to_numpy(model(list(values.values())))  # Keras exports only what has been called
        model.export(os.path.join(HERE, f"{name}.onnx"), format="onnx", verbose=False)
        theirs = [i.name for i in onnx.load(os.path.join(HERE, f"{name}.onnx")).graph.input]
        finish(name, dict(zip(theirs, values.values())), result)

    def ficnn(activation):
        y = keras.Input((4,), name="y")
        z = activation()(free(y, 8))
        z = activation()(layers.Add()([kept(z, 8), free(y, 8)]))
        return [y], layers.Add()([kept(z, 1), free(y, 1)])

    slopes = keras.initializers.RandomUniform(0, 1)
    for name, activation in [("relu", layers.ReLU), ("leaky", lambda: layers.LeakyReLU(negative_slope=0.1)),
                             ("prelu", lambda: layers.PReLU(alpha_initializer=slopes)),
                             ("softplus", lambda: layers.Activation("softplus"))]:
        save(f"keras_{name}", *ficnn(activation), y=normal(5, 4))

    x, y = keras.Input((3,), name="x"), keras.Input((4,), name="y")
    u = free(x, 6, activation="tanh")
    z = layers.ReLU()(layers.Add()([free(layers.Multiply()([y, free(x, 4)]), 8), free(x, 8)]))
    gated = layers.Multiply()([z, free(u, 8, activation="relu")])
    save("keras_picnn", [x, y], layers.Add()([kept(gated, 1), free(u, 1)]), x=normal(5, 3), y=normal(5, 4))


if __name__ == "__main__":
    {"jax": with_jax, "keras": with_keras}[sys.argv[1]]()
