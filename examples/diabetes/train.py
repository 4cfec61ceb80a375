"""Predict disease progression from ten measurements by a function that is convex in them: the FICNN, equation 2 of Amos,
Xu and Kolter (2017), fitted by least squares. Its exact minimum over the observed ranges is the network's healthiest patient."""
import json
import os
import sys

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))
import checks  # noqa: E402
from ficnn import Ficnn, exact_minimum  # noqa: E402

HIDDEN, EPOCHS, FOLDS, WEIGHT_DECAY = [24, 24], 150, 5, 4.0


def fit(Y, target):
    """Adam with decoupled weight decay on all rows at once; W^z is projected to >= 0 after each step. Deterministic."""
    torch.manual_seed(0)
    model = Ficnn(Y.shape[1], HIDDEN)
    Y, target = torch.tensor(Y), torch.tensor(target)[:, None]
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        loss = ((model(Y) - target) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        model.project()
    return model.eval().requires_grad_(False)


def predict(model, Y):
    return model(torch.tensor(Y)).numpy()[:, 0]


def r2(guess, truth):
    return 1 - ((guess - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()


def main():
    torch.set_num_threads(1)
    raw, progression = load_diabetes(return_X_y=True, scaled=False)
    feature_names = load_diabetes().feature_names
    mean, spread = raw.mean(0), raw.std(0)
    Y = ((raw - mean) / spread).astype(np.float32)  # each feature: standard deviations from its mean
    target = (progression / 100).astype(np.float32)  # f is the progression index in hundreds

    order = np.random.default_rng(0).permutation(len(Y))
    scores = []
    for test in np.array_split(order, FOLDS):
        train = np.setdiff1d(order, test)
        line = LinearRegression().fit(Y[train], target[train])
        net = fit(Y[train], target[train])
        scores.append([r2(predict(net, Y[test]), target[test]), r2(line.predict(Y[test]), target[test])])
    for name, column in zip(("FICNN", "linear"), np.array(scores).T):
        print(f"held-out R2, {FOLDS} folds, {name:7} mean {column.mean():.3f}  folds {np.round(column, 3)}")

    test = np.array_split(order, FOLDS)[0]  # the exported network never saw this fold
    train = np.setdiff1d(order, test)
    model = fit(Y[train], target[train])
    line = LinearRegression().fit(Y[train], target[train])
    print(f"exported network: R2 train {r2(predict(model, Y[train]), target[train]):.3f}, test "
          f"{r2(predict(model, Y[test]), target[test]):.3f}; linear {r2(line.predict(Y[test]), target[test]):.3f}")

    path = os.path.join(HERE, "diabetes.onnx")
    checks.export(model, {"y": torch.tensor(Y[test[:3]])}, path)
    lower, upper = Y.min(0), Y.max(0)
    checks.report(model, path, {"y": Y}, lambda rng, n: ({}, *(lower + (upper - lower) * rng.random((2, n, Y.shape[1])))))
    for name, bound in (("lower", lower), ("upper", upper)):
        with open(os.path.join(HERE, f"{name}.json"), "w") as out:
            json.dump([float(v) for v in bound], out)
            out.write("\n")
    with open(os.path.join(HERE, "features.json"), "w") as out:
        json.dump({"name": feature_names, "mean": mean.tolist(), "spread": spread.tolist()}, out, indent=1)
        out.write("\n")
    np.save(os.path.join(HERE, "test-at.npy"), Y[test])
    np.save(os.path.join(HERE, "test-truth.npy"), target[test])
    value, minimiser = exact_minimum(model, lower, upper)
    print(f"minimum {value:.6f} over the observed ranges; smallest prediction on a row {predict(model, Y).min():.4f}")
    for name, y, low, high, m, s in zip(feature_names, minimiser, lower, upper, mean, spread):
        print(f"  {name:4} {m + s * y:8.2f}   {'at its minimum' if y <= low else 'at its maximum' if y >= high else 'inside'}")
    checks.expected(HERE, path, {"y": Y[test[:8]]}, minimum=value, minimiser=minimiser.tolist())


if __name__ == "__main__":
    main()
