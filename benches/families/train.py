"""The trained families (kind T): PICNNs (eq. 3 of the paper), one ONNX file and a few contexts each.

    python train.py FAMILY... [--bibtex FOLDER]

A family's y is priced by a convex function whose parameters come from x, and the network is fitted to that price. bib159 is trained
on the BibTeX data instead (--bibtex: the folder with bibtex-train.arff and bibtex-test.arff of the Mulan collection): f of the true labels
must undercut f of every other labelling by a margin.

The file holds the y-path alone, with f32 weights: its input x is what the x-path makes of a context, the vectors
d0 c0 | g1 d1 c1 | g2 d2 c2 | ... one after the other, of each layer the gate on z (from the second layer on), the scale on y and the bias.
FAMILY.npy has one such row for each stored context (f32)."""
import argparse
import os

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
# p, hidden widths, box, width of the synthetic context, width of u, steps of training, contexts stored.
FAMILIES = {
    "rl6": (6, [200, 200], (-1.0, 1.0), 17, 64, 3000, 10),
    "rl17": (17, [200, 200], (-1.0, 1.0), 24, 64, 3000, 10),
    "mpc24": (24, [100, 100, 100], (-1.0, 1.0), 12, 64, 3000, 10),
    "bib159": (159, [600, 159], (0.0, 1.0), 1836, 300, 700, 6),
    "wide100": (100, [512, 512, 512], (-1.0, 1.0), 20, 64, 1200, 6),
    "oli2048": (2048, [512, 512], (0.0, 1.0), 20, 64, 1500, 6),
}
# Families whose matrices are stored with 8 bits a weight, as an integer times a power of two that its row shares. What is stored is the
# network that is measured, by every program alike.
ROUNDED = {"oli2048"}
BATCH, INNER_STEPS, MARGIN = 128, 8, 1.0


class Picnn(torch.nn.Module):
    """Eq. 3 with two layers of u; gates and scales start near 1."""

    def __init__(self, p, hidden, q, width):
        super().__init__()
        linear = torch.nn.Linear
        self.u = torch.nn.ModuleList([linear(q, width), linear(width, width)])
        sizes = [*hidden, 1]
        self.wy = torch.nn.ModuleList([linear(p, n, bias=False) for n in sizes])
        self.wz = torch.nn.ModuleList([linear(m, n, bias=False) for m, n in zip(hidden, sizes[1:])])
        self.scale = torch.nn.ModuleList([linear(width, p) for _ in sizes])
        self.gate = torch.nn.ModuleList([linear(width, m) for m in hidden])
        self.bias = torch.nn.ModuleList([linear(width, n) for n in sizes])
        for layer in [*self.scale, *self.gate]:
            torch.nn.init.ones_(layer.bias)
        for layer in self.wz:
            torch.nn.init.uniform_(layer.weight, 0.0, 2.0 / layer.in_features)

    def pieces(self, x):
        """d0 c0 g1 d1 c1 ...: what the x-path leaves behind."""
        u = torch.relu(self.u[0](x))
        u = torch.relu(self.u[1](u))
        made = [self.scale[0](u), self.bias[0](u)]
        for gate, scale, bias in zip(self.gate, self.scale[1:], self.bias[1:]):
            made += [torch.relu(gate(u)), scale(u), bias(u)]
        return made

    def of(self, pieces, y):
        z = torch.relu(self.wy[0](y * pieces[0]) + pieces[1])
        for k, (wz, wy) in enumerate(zip(self.wz, self.wy[1:])):
            gate, scale, bias = pieces[2 + 3 * k : 5 + 3 * k]
            z = wz(z * gate) + wy(y * scale) + bias
            z = torch.relu(z) if k + 1 < len(self.wz) else z
        return z[:, 0]

    def project(self):
        for layer in self.wz:
            layer.weight.data.clamp_(min=0.0)


def price(p, q, generator):
    """A convex function of y for every x: a quadratic and eight affine pieces around a target that moves with x."""
    draw = lambda *shape: torch.randn(*shape, generator=generator)
    to, form, pieces, lift = draw(q, p) / q**0.5, draw(p, p) / p**0.5, draw(8, p) / p**0.5, 0.3 * draw(8)

    def of(x, y):
        off = y - 0.8 * torch.tanh(x @ to)
        return 0.5 * (off @ form).square().sum(1) / p**0.5 + (off @ pieces.T + lift).amax(1) + 0.1 * off.abs().sum(1) / p**0.5

    return of


def fit(model, family, generator):
    p, _, (low, high), q, _, steps, stored = FAMILIES[family]
    target = price(p, q, generator)
    optimiser = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for step in range(steps):
        x = torch.randn(BATCH, q, generator=generator)
        y = low + (high - low) * torch.rand(BATCH, p, generator=generator)
        loss = (model.of(model.pieces(x), y) - target(x, y)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        model.project()
        if step % 500 == 0 or step + 1 == steps:
            print(f"{family}: step {step}, squared error {loss.item():.4f}", flush=True)
    return torch.randn(stored, q, generator=generator)


def arff(path, features=1836, labels=159):
    rows, data = [], False
    for line in open(path):
        if data and line.strip():
            row = np.zeros(features + labels, np.float32)
            row[[int(entry.split()[0]) for entry in line.strip(" \n{}").split(",") if entry.strip()]] = 1
            rows.append(row)
        data = data or line.lower().startswith("@data")
    rows = torch.from_numpy(np.array(rows))
    return rows[:, :features], rows[:, features:]


def max_margin(model, family, folder, generator):
    *_, steps, stored = FAMILIES[family]
    x, truth = arff(os.path.join(folder, "bibtex-train.arff"))
    optimiser = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for step in range(steps):
        rows = torch.randint(len(x), (BATCH,), generator=generator)
        labels, pieces = truth[rows], model.pieces(x[rows])
        fixed = [piece.detach() for piece in pieces]
        model.requires_grad_(False)
        rival = torch.full_like(labels, 0.5)
        for k in range(INNER_STEPS):
            rival.requires_grad_()
            worst = model.of(fixed, rival) - MARGIN * (rival - labels).abs().sum(1)
            slope, = torch.autograd.grad(worst.sum(), rival)
            rival = (rival.detach() - 3.0 / (1 + k) ** 0.5 * slope / (slope.norm(dim=1, keepdim=True) + 1e-9)).clamp(0, 1)
        model.requires_grad_(True)
        hinge = model.of(pieces, labels) - model.of(pieces, rival) + MARGIN * (rival - labels).abs().sum(1)
        loss = torch.relu(hinge).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        model.project()
        if step % 100 == 0 or step + 1 == steps:
            print(f"{family}: step {step}, hinge {loss.item():.4f}", flush=True)
    return arff(os.path.join(folder, "bibtex-test.arff"))[0][:stored]


def store(model, family, contexts):
    p, hidden, *_ = FAMILIES[family]
    pieces = [piece.detach().numpy() for piece in model.pieces(contexts)]
    np.save(os.path.join(HERE, f"{family}.npy"), np.concatenate(pieces, axis=1).astype(np.float32))
    names = ["d0", "c0"] + [f"{kind}{k}" for k in range(1, len(hidden) + 1) for kind in "gdc"]
    lengths = [piece.shape[1] for piece in pieces]
    weights = [numpy_helper.from_array(np.array(lengths, np.int64), "lengths")]
    nodes = [helper.make_node("Split", ["x", "lengths"], names, axis=1)]

    def dense(layer, name, argument):
        w = layer.weight.detach().numpy()
        if family in ROUNDED:
            steps = 2.0 ** np.ceil(np.log2(np.maximum(np.abs(w).max(1, keepdims=True), 1e-30) / 127)).astype(np.float32)
            weights.append(numpy_helper.from_array(np.rint(w / steps).astype(np.int8), f"{name}_whole"))
            weights.append(numpy_helper.from_array(steps, f"{name}_step"))
            nodes.append(helper.make_node("Cast", [f"{name}_whole"], [f"{name}_float"], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Mul", [f"{name}_float", f"{name}_step"], [name]))
        else:
            weights.append(numpy_helper.from_array(w, name))
        nodes.append(helper.make_node("Gemm", [argument, name], [f"{name}_out"], transB=1))
        return f"{name}_out"

    z = None
    for k, layer in enumerate(model.wy):
        nodes.append(helper.make_node("Mul", ["y", f"d{k}"], [f"y{k}"]))
        terms = [dense(layer, f"wy{k}", f"y{k}"), f"c{k}"]
        if k > 0:
            nodes.append(helper.make_node("Relu", [f"g{k}"], [f"open{k}"]))
            nodes.append(helper.make_node("Mul", [z, f"open{k}"], [f"gated{k}"]))
            terms.insert(0, dense(model.wz[k - 1], f"wz{k}", f"gated{k}"))
        while len(terms) > 1:
            total = f"a{k}_{len(terms)}"
            nodes.append(helper.make_node("Add", terms[:2], [total]))
            terms = [total, *terms[2:]]
        last = k == len(hidden)
        z = "f" if last else f"z{k + 1}"
        nodes.append(helper.make_node("Identity" if last else "Relu", terms, [z]))
    value = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width])
    graph = helper.make_graph(nodes, family, [value("y", p), value("x", sum(lengths))], [value("f", 1)], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, os.path.join(HERE, f"{family}.onnx"))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("families", nargs="*", default=list(FAMILIES))
    arguments.add_argument("--bibtex", default=None)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    for family in given.families:
        torch.manual_seed(0)
        generator = torch.Generator().manual_seed(1)
        p, hidden, _, q, width, *_ = FAMILIES[family]
        model = Picnn(p, hidden, q, width)
        if family == "bib159":
            if given.bibtex is None:
                raise SystemExit("bib159 is trained on the BibTeX data: --bibtex FOLDER")
            contexts = max_margin(model, family, given.bibtex, generator)
        else:
            contexts = fit(model, family, generator)
        store(model, family, contexts)


if __name__ == "__main__":
    main()
