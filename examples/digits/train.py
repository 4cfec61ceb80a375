"""Complete the right half of a handwritten digit from its left half: an energy f(x, y), convex in y, whose minimiser
over y in [0,1]^32 is the completion. PICNN, equation 3 of Amos, Xu and Kolter (2017), trained by max margin."""
import copy
import os
import sys

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))
import checks  # noqa: E402
from picnn import Picnn, exact_minimum  # noqa: E402

EPOCHS, BATCH, INNER_STEPS, MARGIN = 400, 120, 25, 3.0


def worst_rival(model, layers, y, truth):
    """Projected subgradient on f(y) - MARGIN |y - truth|^2 over the box: the best point met."""
    best, best_value = y, torch.full((len(y),), torch.inf)
    for step in range(INNER_STEPS):
        y = y.detach().requires_grad_()
        value = model.energy(layers, y)[:, 0] - MARGIN * ((y - truth) ** 2).sum(1)
        slope, = torch.autograd.grad(value.sum(), y)
        better = value.detach() < best_value
        best = torch.where(better[:, None], y.detach(), best)
        best_value = torch.where(better, value.detach(), best_value)
        y = (y.detach() - slope / (slope.norm(dim=1, keepdim=True) + 1e-9) / (1 + step) ** 0.5).clamp(0, 1)
    return best


def train(model, X, Y):
    """Structured hinge: f at the truth must undercut f at any y by MARGIN |y - truth|^2. The hinge bounds the squared
    error of the argmin. Its gradient needs the worst rival only, not how that rival was found."""
    batches = len(X) // BATCH + 1
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=EPOCHS * batches)
    for epoch in range(EPOCHS):
        total = 0.0
        for rows in torch.randperm(len(X)).split(BATCH):
            y = Y[rows]
            layers = model.fold(X[rows] + 0.1 * torch.randn(len(rows), X.shape[1]))
            frozen = [tuple(None if t is None else t.detach() for t in layer) for layer in layers]
            start = torch.rand_like(y) if epoch % 2 else y + 0.05 * torch.randn_like(y)
            rival = worst_rival(model, frozen, start, y)
            gap = model.energy(layers, y) - model.energy(layers, rival)
            loss = torch.relu(gap[:, 0] + MARGIN * ((rival - y) ** 2).sum(1)).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            for layer in model.z:
                layer.weight.data.clamp_(min=0)
            total += loss.item()
        if epoch % 50 == 49:
            print(f"epoch {epoch + 1}  hinge {total / batches:.3f}", flush=True)


def picture(path, left, truth, completed, per_row=15):
    """Pairs of rows: the digits as written, and below them left half + completion."""
    def strip(right, rows):
        tiles = [np.hstack([a.reshape(8, 4), b.reshape(8, 4)]) for a, b in zip(left[rows], right[rows])]
        return np.hstack([np.pad(t, 1, constant_values=0.4) for t in tiles])
    groups = [slice(k, k + per_row) for k in range(0, len(left), per_row)]
    sheet = np.vstack([strip(right, rows) for rows in groups for right in (truth, completed)])
    Image.fromarray((255 * (1 - sheet)).astype(np.uint8)).resize(sheet.T.shape * np.array([6]), 0).save(path)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    images = (load_digits().images / 16).astype(np.float32)
    X, Y = images[:, :, :4].reshape(-1, 32), images[:, :, 4:].reshape(-1, 32)
    split = int(0.8 * len(X))  # the last fifth, by position, is never trained on
    model = Picnn(32, 32, [100, 100])
    train(model, torch.tensor(X[:split]), torch.tensor(Y[:split]))
    model.eval().requires_grad_(False)

    test_x, test_y = X[split:], Y[split:]
    wide = copy.deepcopy(model).double()  # the same f32 weights, evaluated in f64
    minima, completed = map(np.array, zip(*[exact_minimum(wide, x) for x in torch.tensor(test_x).double()]))
    guesses = {"exact minimiser": completed, "mean image": np.tile(Y[:split].mean(0), (len(test_y), 1)),
               "ridge": Ridge(1.0).fit(X[:split], Y[:split]).predict(test_x)}
    for k in (1, 5, 10):
        guesses[f"{k} nearest"] = KNeighborsRegressor(k).fit(X[:split], Y[:split]).predict(test_x)
    for name, guess in guesses.items():
        print(f"{name:16} absolute {abs(guess - test_y).mean():.4f}  squared {((guess - test_y) ** 2).mean():.4f}")
    print(f"strictly inside the box: {((completed > 1e-6) & (completed < 1 - 1e-6)).mean():.2f} of the coordinates")

    path = os.path.join(HERE, "digits.onnx")
    checks.export(model, {"x": torch.tensor(test_x[:3]), "y": torch.tensor(test_y[:3])}, path)
    checks.report(model, path, {"x": test_x, "y": test_y},
                  lambda rng, n: ({"x": test_x[rng.integers(len(test_x), size=n)]}, *rng.random((2, n, 32))))
    pick = np.linspace(0, len(test_x) - 1, 60).astype(int)
    gap = np.abs(checks.run(path, {"x": test_x, "y": completed})[:, 0] - minima).max()
    print(f"f at the minimiser by ONNX Runtime against the LP value, largest difference {gap:.1e}")
    np.save(os.path.join(HERE, "test-context.npy"), test_x[pick])
    np.save(os.path.join(HERE, "test-truth.npy"), test_y[pick])
    np.save(os.path.join(HERE, "test-minimiser.npy"), completed[pick])
    checks.expected(HERE, path, {"x": test_x[pick[:6]], "y": test_y[pick[:6]]}, minimum=minima[pick].tolist())
    picture(os.path.join(HERE, "completed.png"), test_x[pick], test_y[pick], completed[pick].clip(0, 1))


if __name__ == "__main__":
    main()
