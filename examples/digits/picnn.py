"""The network of this example, equation 3 of Amos, Xu and Kolter (2017), and its exact minimum as a linear program."""
import numpy as np
import torch
from scipy.optimize import linprog
from torch import nn


class Picnn(nn.Module):
    def __init__(self, q, p, hidden):
        super().__init__()
        u, z = [q, *hidden], [*hidden, 1]
        self.context = nn.ModuleList(nn.Linear(a, b) for a, b in zip(u, u[1:]))
        self.y = nn.ModuleList(nn.Linear(p, b, bias=False) for b in z)
        self.y_scale = nn.ModuleList(nn.Linear(a, p) for a in u)
        self.bias = nn.ModuleList(nn.Linear(a, b) for a, b in zip(u, z))
        self.z = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in zip(z, z[1:]))
        self.z_gate = nn.ModuleList(nn.Linear(a, b) for a, b in zip(u[1:], z))
        self.dropout = nn.Dropout(0.3)  # on the context path only
        for layer in self.z:
            layer.weight.data.abs_().mul_(0.5)
        for layer in [*self.y_scale, *self.z_gate]:
            nn.init.ones_(layer.bias)

    def fold(self, x):
        """All that x contributes: per layer the scale on y, the gate on z, the bias."""
        layers, u = [], x
        for i in range(len(self.y)):
            gate = torch.relu(self.z_gate[i - 1](u)) if i else None
            layers.append((self.y_scale[i](u), gate, self.bias[i](u)))
            if i < len(self.context):
                u = self.dropout(torch.relu(self.context[i](u)))
        return layers

    def energy(self, layers, y):
        z = None
        for i, (scale, gate, bias) in enumerate(layers):
            a = self.y[i](y * scale) + bias
            if i:
                a = a + self.z[i - 1](z * gate)
            z = torch.relu(a) if i + 1 < len(layers) else a
        return z

    def forward(self, x, y):
        return self.energy(self.fold(x), y)


def exact_minimum(model, x):
    """min of f(x, .) over [0,1]^p, model and x in f64, as a linear program: every hidden unit z >= a, z >= 0.
    Returns (value, y)."""
    with torch.no_grad():
        layers = model.fold(x[None])
    wide = [[None if t is None else t[0].numpy() for t in layer] for layer in layers]
    p, sizes = len(wide[0][0]), [len(layer[2]) for layer in wide]
    at = np.cumsum([p, *sizes])
    rows, rhs = [], []
    for i, (scale, gate, bias) in enumerate(wide):
        row = np.zeros((sizes[i], at[-2]))
        row[:, :p] = model.y[i].weight.numpy() * scale
        if i:
            row[:, at[i - 1]:at[i]] = model.z[i - 1].weight.numpy() * gate
        if i + 1 < len(wide):
            row[:, at[i]:at[i + 1]] -= np.eye(sizes[i])
            rows.append(row)
            rhs.append(-bias)
    bounds = [(0, 1)] * p + [(0, None)] * (at[-2] - p)
    found = linprog(row[0], np.vstack(rows), np.concatenate(rhs), bounds=bounds, method="highs")
    assert found.status == 0, found.message
    return found.fun + bias[0], found.x[:p]
