"""The bundle entropy method of Amos, Xu and Kolter (2017), section 4.2, from equations 8 to 13 and algorithm 1: min f(y) − H(y) over a box.

The box is scaled to [0, 1]. Each iteration adds the cut f(yk) + ∇f(yk)ᵀ(y − yk), and the next point minimises the largest cut less the entropy.
Its dual has one multiplier a cut: min over the simplex of Σ log(1 + exp(−Gᵀλ)) − (G 1 + h)ᵀλ in the form that keeps exponents small, by
projected Newton steps (Bertsekas 1982) after one multiplier is eliminated; cuts whose multiplier becomes 0 are dropped."""
import time

import numpy as np

ITERATIONS, NEWTON, SMALL = 30, 60, 1e-10


def entropy(s):
    s = np.clip(s, 1e-300, 1.0)
    r = np.clip(1.0 - s, 1e-300, 1.0)
    return -float(s @ np.log(s) + (1.0 - s) @ np.log(r))


def dual(g, h, weights):
    """The dual's value (a convex function to be minimised) and y = 1/(1 + exp(Gᵀλ)) (eq. 12)."""
    slope = g.T @ weights
    y = 0.5 * (1.0 - np.tanh(0.5 * slope))
    # min over y of slope·y − H(y) is −Σ log(1 + exp(−slope)).
    return float(np.logaddexp(0.0, -slope).sum() - h @ weights), y


def multipliers(g, h, weights):
    """argmin of the dual over the simplex (eq. 13)."""
    value, y = dual(g, h, weights)
    for _ in range(NEWTON):
        gradient = -(g @ y) - h
        hessian = (g * (y * (1.0 - y))) @ g.T
        pivot = int(np.argmax(weights))
        others = np.array([k for k in range(len(h)) if k != pivot], dtype=int)
        if not len(others):
            break
        reduced = gradient[others] - gradient[pivot]
        free = ~((weights[others] <= SMALL) & (reduced > 0))
        if not free.any() or np.abs(reduced[free]).max() < 1e-10:
            break
        chosen = others[free]
        form = hessian[np.ix_(chosen, chosen)] - hessian[chosen, pivot][:, None] - hessian[pivot, chosen][None] + hessian[pivot, pivot]
        step = -np.linalg.lstsq(form + 1e-12 * np.trace(form) * np.eye(len(chosen)), reduced[free], rcond=None)[0]
        length = 1.0
        while length > 1e-12:
            trial = weights.copy()
            trial[chosen] = np.maximum(weights[chosen] + length * step, 0.0)
            trial[pivot] = 1.0 - trial[others].sum()
            if trial[pivot] >= 0.0:
                lower, at = dual(g, h, trial)
                if lower <= value + 1e-4 * reduced[free] @ (trial[chosen] - weights[chosen]):
                    break
            length *= 0.5
        else:
            break
        done = value - lower < 1e-14 * max(1.0, abs(value))
        weights, value, y = trial, lower, at
        if done:
            break
    return weights, y


def by_bundle(network):
    """Seconds, the best f − H that was met, and how many iterations were done."""
    start = time.perf_counter()
    width = network.high - network.low
    s, cuts, offsets, weights, best = np.full(network.p, 0.5), [], [], np.zeros(0), np.inf
    for k in range(ITERATIONS):
        value, gradient = network.value_and_gradient(network.low + width * s)
        gradient = width * gradient
        best = min(best, value - entropy(s))
        cuts.append(gradient)
        offsets.append(value - gradient @ s)
        weights = np.append(weights, 0.0) if k else np.ones(1)
        if k:
            weights = 0.9 * weights
            weights[-1] = 0.1
        g, h = np.array(cuts), np.array(offsets)
        before = s
        weights, s = multipliers(g, h, weights)
        kept = np.flatnonzero(weights > SMALL)
        cuts, offsets, weights = [cuts[i] for i in kept], [offsets[i] for i in kept], weights[kept] / weights[kept].sum()
        if np.abs(s - before).max() < 1e-9:
            break
    value, _ = network.value_and_gradient(network.low + width * s)
    best = min(best, value - entropy(s))
    return {"seconds": time.perf_counter() - start, "value": best, "status": f"{k + 1} iterations"}
