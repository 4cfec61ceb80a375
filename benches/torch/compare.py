"""Forward and backward pass in y with x fixed: ours against torch eager on the CPU, one thread each, in one run.

    python compare.py PROGRAM [FAMILY...]      (PROGRAM: the compiled benches/torch/main.rs; `make bench-torch` does all of it)

Both sides evaluate the trained network of a family at its first stored context; the x-path is evaluated beforehand. They take turns,
and a figure is the median of the turns. Torch is measured in its default f32 and in f64; ours is f64 throughout."""
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import numpy as np
import onnx
import torch
from onnx import numpy_helper

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "families")
BOX = {"rl6": (-1, 1), "rl17": (-1, 1), "mpc24": (-1, 1), "bib159": (0, 1), "wide100": (-1, 1)}
# How many times faster than torch at a batch of one; at the larger batches at least level with torch in f64.
REQUIRED = {"rl17": 20.0, "bib159": 5.0, "wide100": 2.5}
BATCHES, TURNS, SECONDS = (1, 64, 1024), 7, 0.15


class Network:
    """Eq. 3 of the paper at one context, in eager operations; biases go into the matrix products."""

    def __init__(self, family, dtype):
        model = onnx.load(os.path.join(FOLDER, f"{family}.onnx"))
        weights = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
        row = np.load(os.path.join(FOLDER, f"{family}.npy"))[0]
        pieces = np.split(row, np.cumsum(weights.pop("lengths"))[:-1])
        tensor = lambda a: torch.tensor(a, dtype=dtype)
        self.wy = [tensor(weights[f"wy{k}"]) for k in range(len(weights) // 2 + 1)]
        self.wz = [tensor(weights[f"wz{k}"]) for k in range(1, len(self.wy))]
        pieces = [tensor(piece) for piece in pieces]
        self.scales, self.biases = pieces[0:1] + pieces[3::3], pieces[1:2] + pieces[4::3]
        self.gates = [torch.relu(gate) for gate in pieces[2::3]]

    def __call__(self, y):
        linear = torch.nn.functional.linear
        z = torch.relu(linear(y * self.scales[0], self.wy[0], self.biases[0]))
        for k, (wz, gate) in enumerate(zip(self.wz, self.gates), start=1):
            a = linear(z * gate, wz) + linear(y * self.scales[k], self.wy[k], self.biases[k])
            z = torch.relu(a) if k < len(self.wz) else a
        return z

    def value_and_gradient(self, y):
        y.requires_grad_()
        value = self(y)
        return value.detach(), torch.autograd.grad(value.sum(), y)[0]


def points(family, count, dtype):
    """The golden-section sequence of main.rs."""
    (low, high), p = BOX[family], onnx_decisions(family)
    turn = 0.6180339887498948 * np.arange(1, count * p + 1, dtype=np.float64)
    return torch.tensor(low + (high - low) * (turn - np.floor(turn)), dtype=dtype).reshape(count, p)


def onnx_decisions(family):
    model = onnx.load(os.path.join(FOLDER, f"{family}.onnx"))
    return model.graph.input[0].type.tensor_type.shape.dim[1].dim_value


def timed(network, y):
    """Median seconds of a call over blocks of about a millisecond."""
    clock = time.perf_counter
    start = clock()
    network.value_and_gradient(y)
    calls, blocks, begun = max(1, int(1e-3 / (clock() - start))), [], clock()
    while len(blocks) < 3 or clock() - begun < SECONDS:
        start = clock()
        for _ in range(calls):
            network.value_and_gradient(y)
        blocks.append((clock() - start) / calls)
    return statistics.median(blocks)


def main():
    program, families = sys.argv[1], sys.argv[2:] or list(BOX)
    torch.set_num_threads(1)
    ours = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(*words):
        print(*words, file=ours.stdin, flush=True)
        answer = ours.stdout.readline()
        if not answer:
            raise SystemExit(f"compare: our side ended at '{' '.join(map(str, words))}'")
        return json.loads(answer)

    print(f"torch {torch.__version__}, one thread, {platform.machine()}; microseconds of a forward and a backward pass")
    print(f"{'family':9}{'points':>7}{'ours':>10}{'torch f32':>11}{'ratio':>7}{'torch f64':>11}{'ratio':>7}   required")
    rows, met = [], True
    for family in families:
        networks = {dtype: Network(family, dtype) for dtype in (torch.float32, torch.float64)}
        check, (value, gradient) = ask("check", family), networks[torch.float64].value_and_gradient(
            points(family, 1, torch.float64))
        size = 1 + abs(value.item())
        off = max(abs(check["value"] - value.item()), np.abs(gradient[0].numpy() - check["gradient"]).max())
        if off > 1e-10 * size:
            raise SystemExit(f"compare: {family}: the two sides differ by {off}")
        for batch in BATCHES:
            turns = []
            for _ in range(TURNS):
                turn = [ask("time", family, batch, SECONDS)["seconds"]]
                turn += [timed(network, points(family, batch, dtype)) for dtype, network in networks.items()]
                turns.append(turn)
            our, f32, f64 = (statistics.median(column) for column in zip(*turns))
            ratio32 = statistics.median(t[1] / t[0] for t in turns)
            ratio64 = statistics.median(t[2] / t[0] for t in turns)
            words = ""
            if batch == 1 and family in REQUIRED:
                met32, met64 = ratio32 >= REQUIRED[family], ratio64 >= REQUIRED[family]
                words = f"{REQUIRED[family]:g}x: f32 {'met' if met32 else 'NOT met'}, f64 {'met' if met64 else 'NOT met'}"
                met &= met32 and met64
            elif batch > 1:
                words = f"level with f64: {'met' if ratio64 >= 1 else 'NOT met'}"
                met &= ratio64 >= 1
            print(f"{family:9}{batch:7}{our * 1e6:10.1f}{f32 * 1e6:11.1f}{ratio32:7.2f}{f64 * 1e6:11.1f}{ratio64:7.2f}   {words}",
                  flush=True)
            rows.append({"family": family, "points": batch, "seconds": our, "torch_f32_seconds": f32, "torch_f64_seconds": f64,
                         "ratio_f32": ratio32, "ratio_f64": ratio64, "turns": turns})
    print(f"required: {'met' if met else 'NOT met'}")
    print("what a further context costs, microseconds: interval bounds, oracle, and the oracle over one pass")
    contexts = []
    for family in families:
        passes = [ask("context", family) | {"pass": ask("time", family, 1, SECONDS)["seconds"]} for _ in range(TURNS)]
        bounds, oracle = (statistics.median(p[what] for p in passes) for what in ("bounds", "oracle"))
        ratio = statistics.median(p["oracle"] / p["pass"] for p in passes)
        print(f"{family:9}{bounds * 1e6:10.1f}{oracle * 1e6:10.1f}{ratio:7.2f}", flush=True)
        contexts.append({"family": family, "bounds_seconds": bounds, "oracle_seconds": oracle, "ratio": ratio, "turns": passes})
    ours.stdin.close()
    ours.wait()
    target = os.environ.get("BENCH_JSON")
    if target:
        with open(target, "w") as file:
            json.dump({"torch": torch.__version__, "met": met, "rows": rows, "contexts": contexts}, file, indent=1)


if __name__ == "__main__":
    main()
