"""The FICNN, equation 2 of Amos, Xu and Kolter (2017), and its exact minimum over a box as a linear program."""
import numpy as np
import torch
from scipy.optimize import linprog
from torch import nn


class Ficnn(nn.Module):
    def __init__(self, p, hidden):
        super().__init__()
        z = [*hidden, 1]
        self.y = nn.ModuleList(nn.Linear(p, b) for b in z)
        self.z = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in zip(z, z[1:]))
        for layer in self.z:
            layer.weight.data.abs_().mul_(0.5)

    def forward(self, y):
        z = torch.relu(self.y[0](y))
        for i, layer in enumerate(self.z):
            a = layer(z) + self.y[i + 1](y)
            z = torch.relu(a) if i + 1 < len(self.z) else a
        return z

    def project(self):
        """W^z to the nearest nonnegative matrix: what makes f convex. To be called after each step."""
        for layer in self.z:
            layer.weight.data.clamp_(min=0)


def exact_minimum(model, lower, upper):
    """The LP in f64: one variable per hidden unit, z >= its pre-activation and z >= 0. Returns (value, y)."""
    W = [[layer.weight.double().numpy() for layer in part] for part in (model.y, model.z)]
    biases = [layer.bias.double().numpy() for layer in model.y]
    at = np.cumsum([len(lower)] + [len(b) for b in biases])
    rows = [np.zeros((len(b), at[-2])) for b in biases]
    for i, row in enumerate(rows):
        row[:, :at[0]] = W[0][i]
        if i:
            row[:, at[i - 1]:at[i]] = W[1][i - 1]
        if i + 1 < len(rows):
            row[:, at[i]:at[i + 1]] -= np.eye(len(row))
    bounds = [*zip(lower, upper)] + [(0, None)] * (at[-2] - at[0])
    found = linprog(rows[-1][0], np.vstack(rows[:-1]), -np.concatenate(biases[:-1]), bounds=bounds, method="highs")
    assert found.status == 0, found.message
    return float(found.fun + biases[-1][0]), found.x[:at[0]]
