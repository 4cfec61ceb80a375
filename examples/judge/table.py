"""Has `icnn judge` score the points that solve.py wrote, and prints two tables in Markdown, by family and by kind of minimum. For
each solver: the share of networks whose point is proven optimal within 1e-6, the median and the worst certified suboptimality
(upper ends of the intervals), and the median of the processor seconds.

    python table.py ICNN FOLDER...
"""
import collections
import glob
import json
import os
import statistics
import subprocess
import sys

SOLVERS = {"lbfgsb": "L-BFGS-B", "torch": "Adam"}


def judge(icnn, name, answers):
    command = [icnn, "judge", name + ".onnx", "--domain", name + ".domain.json", "--answers", answers, "--json"]
    if os.path.exists(name + ".context.json"):
        command += ["--context", name + ".context.json"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode in (0, 1), ran.stderr
    return json.loads(ran.stdout)


def scores(icnn, folder):
    """(family, kind, solver, verdict, suboptimality, seconds) of every point."""
    with open(os.path.join(folder, "seconds.json")) as file:
        seconds = json.load(file)
    for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
        name = path.removesuffix(".onnx")
        family, kind = os.path.basename(name).rsplit("-", 1)[0].split("-", 1)
        for solver in SOLVERS:
            line = judge(icnn, name, f"{name}.{solver}.npy")
            assert line["verdict"] in ("optimal", "suboptimal", "undecided"), line
            took = seconds[f"{os.path.basename(name)}.{solver}"]
            yield family, kind, solver, line["verdict"], line["suboptimality"][1], took


def table(title, groups):
    heads = [f"{solver}: optimal | median | worst | s" for solver in SOLVERS.values()]
    print(f"| {title} |", " | ".join(heads), "|")
    print("|" + "---|" * (1 + 4 * len(SOLVERS)))
    for group, of in groups.items():
        cells = []
        for solver in SOLVERS:
            verdicts, losses, times = zip(*of[solver])
            optimal = sum(v == "optimal" for v in verdicts)
            cells += [f"{optimal}/{len(verdicts)}", f"{statistics.median(losses):.0e}", f"{max(losses):.0e}"]
            cells += [f"{statistics.median(times):.2f}"]
        print("|", " | ".join([group, *cells]), "|")
    print()


def main(icnn, *folders):
    order = "ficnn picnn convolution skips max leaky softplus elu celu quadratic".split()
    order += "random known degenerate flat ill-conditioned".split()
    by = [collections.defaultdict(lambda: collections.defaultdict(list)) for _ in range(2)]
    for folder in folders:
        for family, kind, solver, *score in scores(icnn, folder):
            by[0][family][solver].append(score)
            by[1][kind][solver].append(score)
    for title, groups in zip(["family", "kind"], by):
        table(title, dict(sorted(groups.items(), key=lambda item: order.index(item[0]))))


if __name__ == "__main__":
    main(*sys.argv[1:])
