"""Networks as numpy arrays at one context: z1 = relu(Y0 y + b0), z(k+1) = relu(Zk zk + Yk y + bk), the last one without relu."""
import json

import numpy as np
import onnx
from onnx import numpy_helper


class Network:
    """The layers (Zk, Yk, bk) in f64, Z0 missing, gates and scales of a PICNN (eq. 3) multiplied into the weights; and the box."""

    def __init__(self, model, context, low, high):
        weights = {w.name: numpy_helper.to_array(w).astype(float) for w in onnx.load(model).graph.initializer}
        for name in [name for name in weights if name.endswith("_whole")]:
            weights[name.removesuffix("_whole")] = weights[name] * weights[name.removesuffix("whole") + "step"]
        x = np.array(json.load(open(context)))
        depth = sum(name.startswith("wy") and name[2:].isdigit() for name in weights)
        if len(x):
            pieces = np.split(x, np.cumsum(weights["lengths"].astype(int))[:-1])
            gates, scales, biases = [None] + pieces[2::3], pieces[0:1] + pieces[3::3], pieces[1:2] + pieces[4::3]
        self.layers = []
        for k in range(depth):
            z, y = weights.get(f"wz{k}"), weights[f"wy{k}"]
            if len(x):
                z = z * np.maximum(gates[k], 0) if k else None
                self.layers.append((z, y * scales[k], biases[k]))
            else:
                self.layers.append((z, y, weights[f"b{k}"]))
        self.p = self.layers[0][1].shape[1]
        self.low, self.high = low, high

    def value_and_gradient(self, y):
        """f and a subgradient, one forward and one backward pass."""
        active, z = [], None
        for k, (wz, wy, b) in enumerate(self.layers):
            a = wy @ y + b if z is None else wy @ y + b + wz @ z
            active.append(a > 0)
            z = a if k + 1 == len(self.layers) else np.maximum(a, 0)
        slope, gradient = np.ones(1), np.zeros(self.p)
        for k in reversed(range(len(self.layers))):
            wz, wy, _ = self.layers[k]
            gradient += slope @ wy
            if k:
                slope = (slope @ wz) * active[k - 1]
        return z[0], gradient
