"""icnn next to what its users would write otherwise, end to end, in one run; one thread each.

    python compare.py BENCH ICNN [FAMILY...] [--kind R] [--json FILE]      (`make bench-peers` does all of it)

BENCH is the compiled benches/inference, ICNN the program. Every side gets the same network at the same context. Seconds are the least of a few
turns in which all sides take part; docs/performance.md says what each of them includes."""
import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time

import cvxpy
import numpy as np
import torch

from bundle import by_bundle
from methods import by_cvxpy, by_torch
from networks import Network

# Turns, and how many times faster than cvxpy with HiGHS the solve in memory has to be on trained networks.
FAMILIES = {"rl6": (7, 300), "rl17": (7, 150), "mpc24": (7, 100), "bib159": (2, 80), "wide100": (1, 80), "oli2048": (1, 80)}
# A peer is stopped after so many seconds, and a difference of values beyond this fails the run.
PATIENCE, AGREE = 100.0, 1e-6
SIDES = ["icnn", "icnn solve", "cvxpy HiGHS", "cvxpy Clarabel", "torch GD", "bundle", "icnn entropic"]


def least(runs):
    """The fastest run; the others' figures are the same up to time."""
    return min(runs, key=lambda run: run["seconds"])


def process(icnn, files, family):
    """The whole program: start, reading the model, solve, printing."""
    command = [icnn, "solve", files["model"], "--lower", str(files["low"]), "--upper", str(files["high"]), "--json"]
    command += ["--proof", "rigorous", "--gap", "1e-12"]
    command += ["--context", files["context"]] if json.load(open(files["context"])) else []
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode not in (0, 3):
        raise SystemExit(f"compare: {family}: icnn solve ended with {done.returncode}: {done.stderr.strip()}")
    answer = json.loads(done.stdout)
    return {"seconds": seconds, "value": answer["value"], "gap": answer["gap"], "status": answer["status"]}


def measured(ask, icnn, family, kind, number, turns):
    with tempfile.TemporaryDirectory() as folder:
        files = ask("write", family, kind, number, folder)
        network = Network(files["model"], files["context"], files["low"], files["high"])
        sides = {
            "icnn": lambda: ask("solve", family, kind, number),
            "icnn solve": lambda: process(icnn, files, family),
            "cvxpy HiGHS": lambda: by_cvxpy(network, "HIGHS", PATIENCE),
            "cvxpy Clarabel": lambda: by_cvxpy(network, "CLARABEL", PATIENCE),
            "torch GD": lambda: by_torch(network),
            "bundle": lambda: by_bundle(network),
            "icnn entropic": lambda: ask("entropy", family, kind, number),
        }
        runs = {name: [] for name in SIDES}
        for _ in range(turns):
            for name in SIDES:
                runs[name].append(sides[name]())
    row = {name: least(runs[name]) for name in SIDES}
    ours = row["icnn"]
    value, _ = network.value_and_gradient(np.array(ours["y"]))
    size = max(1.0, abs(ours["value"]))
    if abs(value - ours["value"]) > 1e-9 * size:
        raise SystemExit(f"compare: {family} {kind}: the two sides evaluate the network as {ours['value']} and {value}")
    return {"family": family, "kind": kind, "number": number, "size": size, "sides": row}


def line(row):
    sides, size, family = row["sides"], row["size"], row["family"]
    ours, minimum = sides["icnn"]["seconds"], sides["icnn"]["value"]
    milliseconds = lambda name: f"{1e3 * sides[name]['seconds']:.2f}"
    error = lambda name, least: "-" if sides[name]["value"] is None else f"{(sides[name]['value'] - least) / size:.0e}"
    ratio = lambda name: sides[name]["seconds"] / ours
    asked = FAMILIES[family][1] if row["kind"] == "T" else None
    row["ratios"] = {name: ratio(name) for name in SIDES[1:5]}
    row["met"] = asked is None or ratio("cvxpy HiGHS") >= asked
    row["agrees"] = all(
        sides[name]["value"] is None or sides[name]["value"] - minimum > -sides["icnn"]["gap"] - 1e-9 * size
        for name in SIDES[1:5]
    ) and all(sides[name].get("status") != "optimal" or abs(sides[name]["value"] - minimum) <= AGREE * size for name in SIDES[2:4])
    entropic = sides["icnn entropic"]["value"]
    cells = [milliseconds("icnn"), milliseconds("icnn solve"),
             milliseconds("cvxpy HiGHS"), f"{ratio('cvxpy HiGHS'):.0f}", f">={asked}" if asked else "", ("yes" if row["met"] else "NO") if asked else "",
             f"{ratio('cvxpy HiGHS') * ours / sides['icnn solve']['seconds']:.1f}", error("cvxpy HiGHS", minimum),
             milliseconds("cvxpy Clarabel"), f"{ratio('cvxpy Clarabel'):.0f}", error("cvxpy Clarabel", minimum),
             milliseconds("torch GD"), f"{ratio('torch GD'):.1f}", error("torch GD", minimum),
             milliseconds("icnn entropic"), milliseconds("bundle"), error("bundle", entropic)]
    return f"{family:8} {row['kind']:4}" + "".join(f"{cell:>10}" for cell in cells) + ("" if row["agrees"] else "  CONTRADICTION")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("bench")
    arguments.add_argument("icnn")
    arguments.add_argument("families", nargs="*")
    arguments.add_argument("--kind", default=None)
    arguments.add_argument("--json", default=None)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    ours = subprocess.Popen([given.bench, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(*words):
        print(*words, file=ours.stdin, flush=True)
        answer = ours.stdout.readline()
        if not answer:
            raise SystemExit(f"compare: our side ended at '{' '.join(map(str, words))}'")
        return json.loads(answer)

    print(f"cvxpy {cvxpy.__version__}, torch {torch.__version__}, {platform.machine()}; milliseconds; x: in units of icnn in memory")
    heads = ["icnn", "process", "HiGHS", "x", "asked", "met", "x process", "differs", "Clarabel", "x", "differs", "torch GD", "x", "error",
             "entropic", "bundle", "excess"]
    print(f"{'family':8} {'kind':4}" + "".join(f"{head:>10}" for head in heads), flush=True)
    rows = []
    for family in given.families or FAMILIES:
        # HiGHS and Clarabel take minutes on a random network with 2048 decisions.
        kinds = [given.kind] if given.kind else ["T"] if family == "oli2048" else ["T", "R"]
        for kind in kinds:
            rows.append(measured(ask, given.icnn, family, kind, 0, FAMILIES[family][0]))
            print(line(rows[-1]), flush=True)
    ours.stdin.close()
    ours.wait()
    agree, met = all(row["agrees"] for row in rows), all(row["met"] for row in rows)
    print(f"asked for: {'met' if met else 'NOT met'}; values: {'agree' if agree else 'CONTRADICT each other'}")
    if given.json:
        with open(given.json, "w") as file:
            json.dump({"cvxpy": cvxpy.__version__, "torch": torch.__version__, "met": met, "agree": agree, "rows": rows}, file, indent=1)
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
