"""Minimises every network of a folder that `icnn generate` wrote, by two solvers that know nothing of its structure, and writes
their points: NAME.lbfgsb.npy and NAME.torch.npy, and the
processor seconds they took: seconds.json.

    python solve.py FOLDER
"""
import glob
import json
import os
import sys
import time

import numpy as np
import scipy.optimize
import torch

from graph import Graph


def lbfgsb(f, lower, upper):
    """SciPy's L-BFGS-B with gradients from torch, its own options, from the point of the box nearest to 0."""

    def with_gradient(y):
        y = torch.tensor(y, requires_grad=True)
        value = f(y)
        value.backward()
        return value.item(), y.grad.numpy()

    start = np.clip(np.zeros_like(lower), lower, upper)
    bounds = list(zip(lower, upper))
    return scipy.optimize.minimize(with_gradient, start, jac=True, method="L-BFGS-B", bounds=bounds).x


def descent(f, lower, upper, steps=1000, rate=0.05):
    """Projected gradient descent by torch's Adam with a cosine schedule; the best point met is the answer."""
    low, high = torch.tensor(lower), torch.tensor(upper)
    y = torch.zeros_like(low).clamp(low, high).requires_grad_()
    adam = torch.optim.Adam([y], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    best, least = y.detach().clone(), float("inf")
    for _ in range(steps):
        adam.zero_grad()
        value = f(y)
        if value.item() < least:
            best, least = y.detach().clone(), value.item()
        value.backward()
        adam.step()
        schedule.step()
        with torch.no_grad():
            y.clamp_(low, high)
    return best.numpy()


SOLVERS = {"lbfgsb": lbfgsb, "torch": descent}


def main(folder):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    seconds = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
        name = path.removesuffix(".onnx")
        with open(name + ".domain.json") as file:
            domain = json.load(file)
        lower, upper = (np.array(domain[side], float) for side in ["lower", "upper"])
        x = torch.zeros(0, dtype=torch.float64)
        if os.path.exists(name + ".context.json"):
            with open(name + ".context.json") as file:
                x = torch.tensor(json.load(file), dtype=torch.float64)
        graph = Graph(path)
        for solver, solve in SOLVERS.items():
            begun = time.process_time()
            y = solve(lambda y: graph(x, y), lower, upper)
            seconds[f"{os.path.basename(name)}.{solver}"] = time.process_time() - begun
            np.save(f"{name}.{solver}.npy", y)
    with open(os.path.join(folder, "seconds.json"), "w") as file:
        json.dump(seconds, file, indent=1)


if __name__ == "__main__":
    main(sys.argv[1])
