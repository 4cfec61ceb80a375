"""A digit classifier whose ten scores are convex in the image: the input-output convex networks of Sivaprasad et al.,
"The Curious Case of Convex Neural Networks" (2021), with the layers people use: convolution, max pooling, batch norm,
concatenation, a skip from the image."""
import os
import sys

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))
import checks  # noqa: E402

EPOCHS, BATCH, EPSILON = 60, 64, 5.0


class ConvexClassifier(nn.Module):
    """Affine first convolution, free weights. From the first kink on, weights and batch-norm scales are >= 0."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 12, 3, padding=1)
        self.score = nn.Linear(20 * 4 * 4, 10)
        self.skip = nn.Linear(64, 10, bias=False)
        self.nonnegative = [self.norm.weight, self.second.weight, self.score.weight]
        for weight in self.nonnegative[1:]:
            weight.data.abs_().mul_(0.3)

    def forward(self, y):
        low = self.norm(nn.functional.max_pool2d(nn.functional.leaky_relu(self.first(y), 0.1), 2))  # 8 x 4 x 4
        high = torch.relu(self.second(low))  # 12 x 4 x 4
        return self.score(torch.cat([low, high], 1).flatten(1)) + self.skip(y.flatten(1))

    def project(self):
        """The paper's step: a weight that went negative comes back as exp(w - EPSILON), small and positive."""
        for weight in self.nonnegative:
            w = weight.data
            weight.data = torch.where(w < 0, torch.exp(w - EPSILON), w)


def train(model, Y, label):
    steps = len(Y) // BATCH + 1
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=EPOCHS * steps)
    for epoch in range(EPOCHS):
        total = 0.0
        for rows in torch.randperm(len(Y)).split(BATCH):
            noisy = Y[rows] + 0.05 * torch.randn_like(Y[rows])
            loss = nn.functional.cross_entropy(model(noisy), label[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            model.project()
            total += loss.item()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}  cross entropy {total / steps:.4f}", flush=True)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    digits = load_digits()
    Y, label = (digits.images / 16).astype(np.float32)[:, None], digits.target
    split = int(0.8 * len(Y))  # the last fifth, by position, is never trained on
    model = ConvexClassifier()
    train(model, torch.tensor(Y[:split]), torch.tensor(label[:split]))
    model.eval().requires_grad_(False)

    test, truth = Y[split:], label[split:]
    path = os.path.join(HERE, "classifier.onnx")
    checks.export(model, {"y": torch.tensor(test[:3])}, path)
    checks.report(model, path, {"y": test}, lambda rng, n: ({}, *rng.random((2, n, 1, 8, 8))))
    for name, images, labels in (("train", Y[:split], label[:split]), ("test", test, truth)):
        print(f"accuracy, {name:5} {(checks.run(path, {'y': images}).argmax(1) == labels).mean():.4f} of {len(labels)}")
    np.save(os.path.join(HERE, "test-images.npy"), test[:100])
    np.save(os.path.join(HERE, "test-labels.npy"), truth[:100].astype(np.int64))
    checks.expected(HERE, path, {"y": test[:6]})


if __name__ == "__main__":
    main()
