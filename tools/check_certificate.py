#!/usr/bin/env python3
"""Checks a certificate of `icnn solve --certificate` without any code of icnn. Python 3.9 or later, standard library only.

    check_certificate.py CERTIFICATE FOLDED.json [LEVEL.json ...] [ROW]

FOLDED.json is what `icnn convert MODEL FOLDED.json` writes with the options of the solve: f as a function of y alone, and the
set. LEVEL.json are the networks of learned constraints (--level NAME). ROW is needed if the certificate has several rows.
Prints PROVEN ... and exits with 0, or NOT VERIFIED: reason, and exits with 1. docs/certificates.md has the format.

The proof. A piecewise-linear unit is the largest of its lines, so any mixture of its lines lies below it; where it enters f with
a negative weight it has to be the smallest of them. A backward pass turns one line per unit into r.y + c <= f(y), for all y.
Learned constraints h <= c, times mu >= 0, and rows, times nu, add what is never positive on the set; what is left of r is bounded
over the box. The result is a number that f is nowhere below. If f(y) for a y of the set is that number, it is the minimum.
"""
import functools, hashlib, itertools, json, math, re, sys
from fractions import Fraction


class No(Exception):
    """Why something is not verified."""


def need(holds, reason):
    if not holds:
        raise No(reason)


class N:
    """n / 2**k, over a denominator that is kept apart: that of y in a forward pass, of the multipliers in a backward pass."""
    __slots__ = "n", "k"

    def __init__(self, n, k=0):
        self.n, self.k = n, k

    def __add__(self, o):
        k = max(self.k, o.k)
        return N((self.n << k - self.k) + (o.n << k - o.k), k)

    def __sub__(self, o):
        return self + N(-o.n, o.k)

    def __mul__(self, o):
        return N(self.n * o.n, self.k + o.k)

    def __lt__(self, o):
        return (self - o).n < 0

    def over(self, denominator):
        return Fraction(self.n, denominator << self.k)


ZERO, ONE = N(0), N(1)


def number(v):
    """A float from a file, as the number that it is."""
    need(type(v) in (int, float) and math.isfinite(v), f"{v!r} is not a finite number")
    n, d = float(v).as_integer_ratio()
    return N(n, d.bit_length() - 1)


def integer(text):
    need(isinstance(text, str) and re.fullmatch("0|-?[1-9a-f][0-9a-f]*", text), f"{str(text)[:20]!r} is no integer")
    return int(text, 16)


def fields(thing, names):
    need(isinstance(thing, dict) and sorted(thing) == sorted(names.split()), f"the fields have to be: {names}")
    return [thing[name] for name in names.split()]


def place(i, n):
    need(type(i) is int and 0 <= i < n, f"place {i!r} of {n}")
    return i


class Network:
    """The nodes of a folded program, children before parents; the first is y, the last f."""

    def __init__(self, file):
        fields({k: v for k, v in file.items() if k != "problem"}, "format version decision context params nodes")
        need(file["format"] == "icnn-program" and file["version"] == 1, "no program of a known version")
        need(file["context"]["inputs"] == file["context"]["steps"] == [], "the program is not folded")
        self.params = [[number(v) for v in fields(p, "name values")[1]] for p in file["params"]]
        self.nodes = [({"y": {}} if n["op"] == "y" else n["op"], math.prod(n["shape"])) for n in file["nodes"]]
        need(all(set(n) <= {"op", "shape", "name"} for n in file["nodes"]), "a node has unknown fields")
        need(all(len(op) == 1 and ("y" in op) == (k == 0) for k, (op, _) in enumerate(self.nodes)), "an operation")
        need(self.nodes[-1][1] == 1, "the output is not one number")

    def node(self, k):
        """Operation, its fields, number of entries."""
        return (*next(iter(self.nodes[k][0].items())), self.nodes[k][1])

    def param(self, p, i, n):
        values = self.params[place(p, len(self.params))]
        need(len(values) in (1, n), f"a parameter of {len(values)} entries where {n} are needed")
        return values[0] if len(values) == 1 else values[i]

    def linear(self, k):
        """(row, input node, column, coefficient) of a node that is linear in its inputs."""
        name, op, n = self.node(k)
        if name == "scale":
            fields(op, "input by")
            yield from ((i, op["input"], i, self.param(op["by"], i, n)) for i in range(n))
        elif name == "sum":
            yield from ((i, of, i, ONE) for of in op for i in range(n))
        elif name == "concat":
            start = 0
            for of in op:
                yield from ((start + i, of, i, ONE) for i in range(self.nodes[of][1]))
                start += self.nodes[of][1]
            need(start == n, "sizes of a concatenation")
        elif name == "gather":
            fields(op, "input index")
            need(len(op["index"]) == n, "sizes of a gather")
            yield from ((i, op["input"], j, ONE) for i, j in enumerate(op["index"]))
        elif name == "dense":
            of, w, r, c, repeat, transposed = fields(op, "input weight rows columns repeat transposed")
            need(r * repeat == n and c * repeat == self.nodes[of][1], "sizes of a matrix")
            yield from ((b * r + i, of, b * c + j, self.param(w, j * r + i if transposed else i * c + j, r * c))
                        for b in range(repeat) for i in range(r) for j in range(c))
        elif name == "sparse":
            of, matrix = fields(op, "input matrix")
            size, starts, columns, values = fields(matrix, "size starts columns values")
            need(size == [n, self.nodes[of][1]] and len(starts) == n + 1 and starts == sorted(starts) and starts[0] == 0
                 and starts[n] == len(columns) == len(values), "sizes of a sparse matrix")
            yield from ((i, of, columns[e], number(values[e])) for i in range(n) for e in range(starts[i], starts[i + 1]))
        elif name == "conv":
            of, weight, geometry = fields(op, "input weight geometry")
            cin, cout, groups, into, out, kernel, strides, dilations, pads = fields(
                geometry, "input_channels output_channels groups input output kernel strides dilations pads")
            per, taps, ins, outs = cin // groups, math.prod(kernel), math.prod(into), math.prod(out)
            need(cout * outs == n and cin * ins == self.nodes[of][1], "sizes of a convolution")
            tuples = lambda extents: enumerate(itertools.product(*map(range, extents)))
            for (o, where), (t, tap) in itertools.product(tuples(out), list(tuples(kernel))):
                at = [w * s + u * d - p for w, s, u, d, p in zip(where, strides, tap, dilations, pads)]
                if all(0 <= a < e for a, e in zip(at, into)):  # else padding
                    flat = functools.reduce(lambda f, ae: f * ae[1] + ae[0], zip(at, into), 0)
                    yield from ((c * outs + o, of, (c // (cout // groups) * per + d) * ins + flat,
                                 self.param(weight, (c * per + d) * taps + t, cout * per * taps))
                                for c in range(cout) for d in range(per))
        else:
            raise No(f"{name} is not known here")

    def lines(self, function, i, n):
        """(slope, intercept) of the pieces of element i of a unit, left to right, and whether it is their minimum."""
        name, what = (function, None) if isinstance(function, str) else next(iter(function.items()))
        if name in ("relu", "abs", "leaky"):
            left = self.param(what, i, n) if name == "leaky" else ZERO - ONE if name == "abs" else ZERO
            lines = [(left, ZERO), (ONE, ZERO)] if (left - ONE).n else [(ONE, ZERO)]
        elif name == "clip":
            low, high = fields(what, "lower upper")
            lines = [] if low == "-inf" else [(ZERO, number(low))]
            lines += [(ONE, ZERO)] + ([] if high == "inf" else [(ZERO, number(high))])
        else:
            need(name == "lines", f"the unit {name} is not known here")
            lines = [(number(s), number(c)) for s, c in fields(what, "breaks pieces")[1]]
        rises = [a < b for (a, _), (b, _) in zip(lines, lines[1:])]
        need(len(set(rises)) <= 1, "a unit that is neither convex nor concave")
        return lines, rises[:1] == [False]


def value(net, y, denominator):
    """f(y) for y over the denominator."""
    one, values = N(denominator), []
    for k in range(len(net.nodes)):
        name, op, n = net.node(k)
        if name == "y":
            out = y
        elif name == "param":
            out = [net.param(op, i, n) * one for i in range(n)]
        elif name == "unit":
            out = []
            for i, t in enumerate(values[place(fields(op, "input function")[0], k)]):
                lines, concave = net.lines(op["function"], i, n)
                out.append((min if concave else max)(s * t + c * one for s, c in lines))
        elif name == "max":
            of, groups = fields(op, "input groups")
            out = [max(values[place(of, k)][place(i, net.nodes[of][1])] for i in group) for group in groups]
        else:
            out = [ZERO] * n
            for i, of, j, c in net.linear(k):
                out[i] += c * values[place(of, k)][place(j, net.nodes[of][1])]
        need(len(out) == n, f"n{k} has {len(out)} entries, its shape {n}")
        values.append(out)
    return values[-1][0].over(denominator)


def shares_of(given, w, members):
    """{member: its part of the weight w} from what a certificate gives for a maximum: a member, shares, or weights in f64."""
    if type(given) is int:
        return {given: w}
    if given and isinstance(given[0], float):  # the largest takes what the others leave to 1
        parts, largest = [number(v) for v in given], max(range(members), key=lambda k: given[k])
        parts[largest] = ONE - sum(parts[:largest] + parts[largest + 1:], ZERO)
        return {k: part * w for k, part in enumerate(parts)}
    shares = {k: N(integer(share)) for k, share in given}
    need([k for k, _ in given] == sorted(shares) and all(s.n for s in shares.values()), "shares out of order, or one that is 0")
    return shares


def multiplier_of(given, w, lines):
    """(left piece, slope times w) from what a certificate gives for a unit: a piece, a multiplier at a break, or a slope."""
    if type(given) is int:
        return given, w * lines[place(given, len(lines))][0]
    if isinstance(given, float):
        slope, ends = number(given), [s for s, _ in lines]
        left = [k for k in range(len(lines) - 1) if not slope < min(ends[k:k + 2]) and not max(ends[k:k + 2]) < slope]
        need(left or len(lines) == 1 or w.n == 0, "a slope that the unit does not have")
        return (left[0], slope * w) if left and w.n else (0, ends[0] * w)
    left, multiplier = given
    return place(left, len(lines) - 1), N(integer(multiplier))


def minorant(net, weight, given):
    """r, c and a fraction with weight * f(y) >= r.y + c + fraction for all y, over the denominator of the weight."""
    adjoints, c, rest = [[ZERO] * n for _, n in net.nodes[:-1]] + [[weight]], ZERO, Fraction(0)
    need(len(given) == len(adjoints), "multipliers for another number of nodes")
    for k in reversed(range(len(adjoints))):
        (name, op, n), a = net.node(k), adjoints[k]
        need(len(given[k]) == (n if name in ("unit", "max") else 0), f"n{k}: {len(given[k])} multipliers for {n} entries")
        if name == "param":
            c = sum((w * net.param(op, i, n) for i, w in enumerate(a)), c)
        elif name == "unit":
            for i, w in enumerate(a):
                lines, concave = net.lines(op["function"], i, n)
                need(len(lines) == 1 or w.n == 0 or (w.n < 0) == concave, f"n{k}[{i}]: a weight of the wrong sign")
                left, s = multiplier_of(given[k][i], w, lines)
                beyond = s - w * lines[left][0]
                c += w * lines[left][1]
                if beyond.n:  # between two lines, which meet at -(c1 - c0) / (s1 - s0)
                    (s0, c0), (s1, c1) = lines[left:left + 2]
                    need(beyond.n > 0 and not w * s1 < s, f"n{k}[{i}]: a multiplier beyond the slopes of the unit")
                    rest += beyond.over(1) * (c1 - c0).over(1) / (s1 - s0).over(1)
                adjoints[op["input"]][i] += s
        elif name == "max":
            for g, (group, w) in enumerate(zip(op["groups"], a)):
                shares = shares_of(given[k][g], w, len(group))
                need((sum(shares.values(), ZERO) - w).n == 0, f"n{k}[{g}]: the shares are not the weight together")
                need(len(group) == 1 or all(share.n >= 0 for share in shares.values()), f"n{k}[{g}]: a negative share")
                for member, share in shares.items():
                    adjoints[op["input"]][group[place(member, len(group))]] += share
        elif name != "y":
            for i, of, j, coefficient in net.linear(k):
                if a[i].n:
                    adjoints[of][j] += coefficient * a[i]
    return adjoints[0], c, rest


def sides(net, levels, problem_set, y, denominator):
    """(value at y, lower end, upper end) of each coordinate, each row, each learned constraint."""
    for v, low, high in zip(y, problem_set["lower"], problem_set["upper"]):
        yield v.over(denominator), low, high
    for row in problem_set["rows"]:
        activity = sum((y[place(j, len(y))] * number(c) for j, c in row["coefficients"]), ZERO)
        yield activity.over(denominator), row["lower"], row["upper"]
    for level, h in zip(problem_set["levels"], levels):
        yield value(h, y, denominator), "-inf", level["at_most"]


def lower_bound(net, levels, problem_set, functions, mu, nu, one):
    """What the multipliers prove; numbers over `one`."""
    need(len(mu) == len(levels) == len(functions) - 1 and len(nu) == len(problem_set["rows"]), "the number of multipliers")
    r, c, rest = minorant(net, N(one), functions[0])
    for level, h, m, given in zip(problem_set["levels"], levels, mu, functions[1:]):
        need(m.n >= 0, "a constraint with a negative multiplier")
        if m.n or given:
            r_h, c_h, rest_h = minorant(h, m, given)
            r, c, rest = [a + b for a, b in zip(r, r_h)], c + c_h - m * number(level["at_most"]), rest + rest_h
    for row, n in zip(problem_set["rows"], nu):
        if n.n:
            c += n * number(row["lower" if n.n > 0 else "upper"])
            for j, coefficient in row["coefficients"]:
                r[j] -= n * number(coefficient)
    for reduced, low, high in zip(r, problem_set["lower"], problem_set["upper"]):
        if reduced.n:
            c += reduced * number(low if reduced.n > 0 else high)
    return c.over(one) + rest / one


def typed(given, exact):
    """In the exact tier no floats, in the other one nothing else."""
    if isinstance(given, list):
        return [typed(g, exact) for g in given]
    need(given is None or isinstance(given, (int, str) if exact else (int, float)), "a multiplier of another tier")
    return given if exact or given is None else float(given)


def check(row, net, levels, problem):
    """What is proven, in words."""
    tier, = row["proof"]
    exact = tier == "exact"
    need(exact or tier == "rigorous", "a tier that is not known")
    names = "y multipliers value lower_bound" if exact else "y multipliers value lower_bound violation"
    y, multipliers, claimed, claimed_bound, *violation = fields(row["proof"][tier], names)
    numbers = (lambda texts: [N(integer(t)) for t in texts]) if exact else (lambda floats: [number(v) for v in floats])
    names, one = "functions levels rows", 1
    d, y = (integer(y["denominator"]), fields(y, "numerators denominator")[0]) if exact else (1, y)
    if exact:
        names, one = names + " denominator", integer(multipliers["denominator"])
    functions, mu, nu, *_ = fields(multipliers, names)
    functions = typed(functions, exact)
    need(d > 0 and one > 0, "a denominator that is not above 0")
    y = numbers(y)
    need(len(y) == net.nodes[0][1] == len(problem["set"]["lower"]) == len(problem["set"]["upper"]), "the number of coordinates")
    beyond = max([Fraction(0)] + [e for v, low, high in sides(net, levels, problem["set"], y, d) for e in
                                  ([number(low).over(1) - v] if low != "-inf" else []) +
                                  ([v - number(high).over(1)] if high != "inf" else [])])
    f, bound = value(net, y, d), lower_bound(net, levels, problem["set"], functions, numbers(mu), numbers(nu), one)
    if exact:
        need(beyond == 0, f"y violates the set by {float(beyond)}")
        need(f == bound, f"f(y) = {float(f)}, the multipliers prove {float(bound)}")
        need(all([integer(t) for t in v] == [f.numerator, f.denominator] for v in (claimed, claimed_bound)), "the claimed value")
        return f"exact: the minimum is {str(f) if len(str(f)) < 80 else 'a fraction'}, about {float(f)}"
    need(beyond <= number(violation[0]).over(1), f"y violates the set by {float(beyond)}")
    need(f <= number(claimed).over(1) and number(claimed_bound).over(1) <= bound, f"f(y) = {float(f)}, bound {float(bound)}")
    return f"rigorous: f(y) <= {claimed}, f >= {claimed_bound} on the set, y violates it by at most {violation[0]}"


def load(path):
    def unique(pairs):
        need(len(dict(pairs)) == len(pairs), "a field that is there twice")
        return dict(pairs)
    data = open(path, "rb").read()
    return hashlib.sha256(data).hexdigest(), json.loads(data, object_pairs_hook=unique, parse_constant=number)


def main(certificate, folded, *others):
    row_number = int(others[-1]) if others and others[-1].isdigit() else None
    format_, version, rows = fields(load(certificate)[1], "format version rows")
    need(format_ == "icnn-certificate" and type(version) is int and version == 1, "no certificate of a known version")
    rows = [r for r in rows if row_number in (None, r["problem"]["row"])]
    need(len(rows) == 1, f"{len(rows)} rows to check; name one")
    problem, sha256, _ = fields(rows[0], "problem network proof")
    found, program = load(folded)
    need(sha256 == found, f"the certificate is about the network {sha256}, {folded} is {found}")
    need(json.dumps(problem, sort_keys=True) == json.dumps(program["problem"], sort_keys=True), "the problem is another one")
    files = dict(load(path) for path in others if not path.isdigit())
    need(all(level["network"] in files for level in problem["set"]["levels"]), "the network of a constraint is missing")
    levels = [Network(files[level["network"]]) for level in problem["set"]["levels"]]
    print(f"PROVEN {check(rows[0], Network(program), levels, problem)}")
    print(f"  of the network {sha256} over its set: real numbers, the weights as given, x and fixed coordinates folded")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (No, Exception) as reason:  # whatever goes wrong: it is not verified
        sys.exit(print(f"NOT VERIFIED: {reason or type(reason).__name__}") or 1)
