"""What others do with such a network: cvxpy with two solvers, and gradient descent in torch. Each returns seconds, value, y and notes;
seconds are from numpy arrays in memory to the answer."""
import time
import warnings

import cvxpy
import numpy as np
import torch

warnings.filterwarnings("ignore", module="cvxpy")


def by_cvxpy(network, solver, seconds):
    """The network written in cvxpy as its documentation suggests: pos for relu, constraints for the box."""
    start = time.perf_counter()
    y = cvxpy.Variable(network.p)
    z = None
    for k, (wz, wy, b) in enumerate(network.layers):
        a = wy @ y + b if z is None else wy @ y + b + wz @ z
        z = a if k + 1 == len(network.layers) else cvxpy.pos(a)
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum(z)), [y >= network.low, y <= network.high])
    options = {"threads": 1} if solver == "HIGHS" else {"max_threads": 1}
    try:
        problem.solve(solver=solver, time_limit=seconds, **options)
    except cvxpy.error.SolverError as error:
        return {"seconds": time.perf_counter() - start, "value": None, "status": str(error).splitlines()[0]}
    taken = time.perf_counter() - start
    status, at = problem.status, y.value
    if at is None:
        return {"seconds": taken, "value": None, "status": status}
    value, _ = network.value_and_gradient(np.clip(at, network.low, network.high))
    return {"seconds": taken, "value": float(value), "status": status, "inside": problem.solver_stats.solve_time}


def by_torch(network, dtype=torch.float32):
    """The paper's approximate inference: 30 iterations of projected gradient descent from the middle of the box, rate 0.1, momentum 0.3; the best
    point that was met counts. The network is in torch beforehand."""
    tensor = lambda a: None if a is None else torch.tensor(a, dtype=dtype)
    layers = [tuple(map(tensor, layer)) for layer in network.layers]
    linear = torch.nn.functional.linear
    start = time.perf_counter()
    y = torch.full((network.p,), 0.5 * (network.low + network.high), dtype=dtype)
    velocity, best, at = torch.zeros_like(y), np.inf, y
    for _ in range(30):
        y.requires_grad_()
        z = torch.relu(linear(y, layers[0][1], layers[0][2]))
        for k, (wz, wy, b) in enumerate(layers[1:], start=2):
            z = linear(z, wz) + linear(y, wy, b)
            z = torch.relu(z) if k < len(layers) else z
        gradient, = torch.autograd.grad(z[0], y)
        if z.item() < best:
            best, at = z.item(), y.detach()
        last = velocity
        velocity = 0.3 * last - 0.1 * gradient
        y = (y.detach() + 1.3 * velocity - 0.3 * last).clamp(network.low, network.high)
    taken = time.perf_counter() - start
    value, _ = network.value_and_gradient(at.double().numpy())
    return {"seconds": taken, "value": float(value), "status": "30 iterations"}
