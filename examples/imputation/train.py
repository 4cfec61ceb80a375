"""Fill in the missing pixels of a handwritten digit: an energy f(y), convex in all 64 pixels, whose minimiser over the missing
ones, the given ones fixed, is the completion. One network serves every pattern of missing pixels. FICNN, trained by max margin."""
import json
import os
import sys

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))
import checks  # noqa: E402
from ficnn import Ficnn, exact_minimum  # noqa: E402

HIDDEN, EPOCHS, BATCH, INNER_STEPS, MARGIN, ROWS = [128, 128], 400, 120, 20, 3.0, 30


def missing(shape, draw):
    """A mask for each row: every pixel is missing with a probability of the row's own, 40 to 60 %."""
    rate = 0.4 + 0.2 * draw(shape[0], 1)
    return draw(*shape) < rate


def worst_rival(model, y, truth, free):
    """Projected subgradient over the missing pixels on f(y) - MARGIN |y - truth|^2: the best point met."""
    best, best_value = y, torch.full((len(y),), torch.inf)
    for step in range(INNER_STEPS):
        y = y.detach().requires_grad_()
        value = model(y)[:, 0] - MARGIN * ((y - truth) ** 2).sum(1)
        slope, = torch.autograd.grad(value.sum(), y)
        slope = slope * free
        better = value.detach() < best_value
        best = torch.where(better[:, None], y.detach(), best)
        best_value = torch.where(better, value.detach(), best_value)
        y = (y.detach() - slope / (slope.norm(dim=1, keepdim=True) + 1e-9) / (1 + step) ** 0.5).clamp(0, 1)
    return best


def train(model, Y):
    """Structured hinge: f at the truth must undercut f at any other completion y by MARGIN |y - truth|^2. The hinge bounds the
    squared error of the exact completion. Its gradient needs the worst rival only, not how that rival was found."""
    batches, mean = len(Y) // BATCH + 1, Y.mean(0)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=EPOCHS * batches)
    for epoch in range(EPOCHS):
        total = 0.0
        for rows in torch.randperm(len(Y)).split(BATCH):
            y = Y[rows]
            free = missing(y.shape, torch.rand)
            start = [mean.expand_as(y), torch.rand_like(y), y + 0.05 * torch.randn_like(y)][epoch % 3]
            model.requires_grad_(False)
            rival = worst_rival(model, torch.where(free, start, y), y, free)
            model.requires_grad_(True)
            gap = model(y) - model(rival)
            loss = torch.relu(gap[:, 0] + MARGIN * ((rival - y) ** 2).sum(1)).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            model.project()
            total += loss.item()
        if epoch % 25 == 24:
            print(f"epoch {epoch + 1}  hinge {total / batches:.3f}", flush=True)


def regression(Y, truth, free, ridge=1e-2):
    """The linear rival: the conditional mean of a Gaussian with the mean and covariance of the training images."""
    mean, cov = Y.mean(0), np.cov(Y.T) + ridge * np.eye(Y.shape[1])
    out = truth.copy()
    for row, m in zip(out, free):
        row[m] = mean[m] + cov[np.ix_(m, ~m)] @ np.linalg.solve(cov[np.ix_(~m, ~m)], row[~m] - mean[~m])
    return out.clip(0, 1)


def nearest(Y, truth, free, k):
    """The mean of the k training images that are nearest in the given pixels."""
    out = truth.copy()
    for row, m in zip(out, free):
        near = np.argsort(((Y[:, ~m] - row[~m]) ** 2).sum(1))[:k]
        row[m] = Y[near][:, m].mean(0)
    return out


def picture(path, truth, completed, free, across=6):
    """Each digit three times: as given (missing pixels blue), completed, true."""
    def tile(pixels, blank=None):
        grey = np.repeat(255 * (1 - pixels.reshape(8, 8, 1)), 3, 2)
        if blank is not None:
            grey[blank.reshape(8, 8)] = [150, 180, 230]
        return np.pad(grey, ((1, 1), (0, 1), (0, 0)), constant_values=200)
    groups = [np.hstack([tile(t, m), tile(c), tile(t)]) for t, c, m in zip(truth, completed, free)]
    groups = [np.pad(g, ((1, 1), (1, 1), (0, 0)), constant_values=255) for g in groups]
    sheet = np.vstack([np.hstack(groups[k:k + across]) for k in range(0, len(groups), across)])
    Image.fromarray(sheet.astype(np.uint8)).resize((5 * sheet.shape[1], 5 * sheet.shape[0]), 0).save(path)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    images = (load_digits().data / 16).astype(np.float32)
    split = int(0.8 * len(images))  # the last fifth, by position, is never trained on
    train_y, test_y = images[:split], images[split:]
    model = Ficnn(64, HIDDEN)
    train(model, torch.tensor(train_y))
    model.eval().requires_grad_(False)

    rng = np.random.default_rng(0)
    free = missing(test_y.shape, lambda *shape: rng.random(shape))
    found = [exact_minimum(model, np.where(m, 0, t), np.where(m, 1, t)) for t, m in zip(test_y, free)]
    minima, completed = np.array([v for v, _ in found]), np.array([y for _, y in found])
    mean = train_y.mean(0)
    guesses = {"exact minimiser": completed, "pixel mean": np.broadcast_to(mean, test_y.shape),
               "one half": np.full_like(test_y, 0.5), "Gaussian": regression(train_y, test_y, free)}
    guesses |= {f"{k} nearest": nearest(train_y, test_y, free, k) for k in (1, 5, 10)}
    print(f"{free.mean():.3f} of the pixels are missing")
    for name, guess in guesses.items():
        error = (guess - test_y)[free]
        print(f"{name:16} absolute {abs(error).mean():.4f}  squared {(error ** 2).mean():.4f}")
    inside = (completed > 1e-6) & (completed < 1 - 1e-6)
    print(f"strictly inside the box: {inside[free].mean():.2f} of the missing pixels")
    if "--dry" in sys.argv:
        return

    path = os.path.join(HERE, "imputation.onnx")
    checks.export(model, {"y": torch.tensor(test_y[:3])}, path)
    checks.report(model, path, {"y": test_y}, lambda rng, n: ({}, *rng.random((2, n, 64))))
    gap = np.abs(checks.run(path, {"y": completed})[:, 0] - minima).max()
    print(f"f at the minimiser by ONNX Runtime against the LP value, largest difference {gap:.1e}")
    pick = np.linspace(0, len(test_y) - 1, ROWS).astype(int)
    with open(os.path.join(HERE, "test-fix.json"), "w") as out:
        rows = [[None if m else float(v) for v, m in zip(test_y[k], free[k])] for k in pick]
        out.write("[" + ",\n ".join(json.dumps(row) for row in rows) + "]\n")
    with open(os.path.join(HERE, "pixel-mean.json"), "w") as out:
        json.dump(mean.tolist(), out)
        out.write("\n")
    np.save(os.path.join(HERE, "test-truth.npy"), test_y[pick])
    checks.expected(HERE, path, {"y": test_y[pick[:6]]}, minimum=minima[pick].tolist())
    picture(os.path.join(HERE, "completed.png"), test_y[pick], completed[pick].clip(0, 1), free[pick])


if __name__ == "__main__":
    main()
