"""Is it a six? A score f(y), convex in the image y, that decides by its sign: f(y) <= 0 is a six. The sixes are a convex set,
so the distance of any other image to it, the exact robustness radius of the decision, is a convex program. FICNN, logistic loss."""
import os
import sys

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.nn.functional import binary_cross_entropy_with_logits

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))
import checks  # noqa: E402
from ficnn import Ficnn  # noqa: E402

DIGIT, HIDDEN, EPOCHS, BATCH, NOISE, WEIGHT_DECAY = 6, [32, 32], 100, 64, 0.15, 0.2
OTHERS, SIXES = 110, 10  # rows that are written out


def train(model, Y, other):
    """Logistic regression of "is no six" on f, sixes as heavy as all others together; noise on the images."""
    weight = torch.where(other, 0.5 / other.float().mean(), 0.5 / (1 - other.float().mean()))
    batches = -(-len(Y) // BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=EPOCHS * batches)
    for epoch in range(EPOCHS):
        total = 0.0
        for rows in torch.randperm(len(Y)).split(BATCH):
            score = model((Y[rows] + NOISE * torch.randn(len(rows), Y.shape[1])).clamp(0, 1))[:, 0]
            loss = binary_cross_entropy_with_logits(score, other[rows].float(), weight[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            model.project()
            total += loss.item()
        if epoch % 50 == 49:
            print(f"epoch {epoch + 1}  loss {total / batches:.4f}", flush=True)


def quality(name, score, other):
    """Accuracy, and both error rates: sixes that are missed, others that are taken for one."""
    said = score > 0
    print(f"{name:5} accuracy {(said == other).mean():.4f}  sixes missed {said[~other].sum()} of {(~other).sum()} "
          f"({said[~other].mean():.4f})  others taken for a six {(~said[other]).sum()} of {other.sum()} ({(~said[other]).mean():.4f})")


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    digits = load_digits()
    images, labels = (digits.data / 16).astype(np.float32), digits.target
    split = int(0.8 * len(images))  # the last fifth, by position, is never trained on
    other = labels != DIGIT
    model = Ficnn(64, HIDDEN)
    train(model, torch.tensor(images[:split]), torch.tensor(other[:split]))
    model.eval().requires_grad_(False)
    score = model(torch.tensor(images))[:, 0].numpy()
    quality("train", score[:split], other[:split])
    quality("test", score[split:], other[split:])
    if "--dry" in sys.argv:
        return

    test_y, test_labels, score = images[split:], labels[split:], score[split:]
    path = os.path.join(HERE, "detector.onnx")
    checks.export(model, {"y": torch.tensor(test_y[:3])}, path)
    checks.report(model, path, {"y": test_y}, lambda rng, n: ({}, *rng.random((2, n, 64))))
    spread = lambda rows, n: rows[np.linspace(0, len(rows) - 1, n).astype(int)]  # noqa: E731
    pick = np.concatenate([spread(np.flatnonzero((test_labels != DIGIT) & (score > 0)), OTHERS),
                           spread(np.flatnonzero((test_labels == DIGIT) & (score <= 0)), SIXES)])
    np.save(os.path.join(HERE, "test-images.npy"), test_y[pick])
    np.save(os.path.join(HERE, "test-labels.npy"), test_labels[pick])
    checks.expected(HERE, path, {"y": test_y[np.concatenate([pick[:6], pick[-2:]])]})


if __name__ == "__main__":
    main()
