"""Folded programs as `icnn convert` writes them, read without any code of icnn: numbers as they are, and a network as a list of nodes.
Whatever is not known here, or does not fit together, is a ValueError."""
import functools, itertools, math, re
from fractions import Fraction

def need(holds, reason):
    if not holds:
        raise ValueError(reason)

class N:
    """n / 2**k, over a denominator kept apart: of y in a forward pass, of the multipliers in a backward pass."""
    def __init__(self, n, k=0): self.n, self.k = n, k
    def __add__(self, o): return N((self.n << max(o.k - self.k, 0)) + (o.n << max(self.k - o.k, 0)), max(self.k, o.k))
    def __sub__(self, o): return self + N(-o.n, o.k)
    def __mul__(self, o): return N(self.n * o.n, self.k + o.k)
    def __lt__(self, o): return (self - o).n < 0
    def over(self, denominator): return Fraction(self.n, denominator << self.k)

ZERO, ONE = N(0), N(1)

def number(v):
    """A float from a file, as the number that it is."""
    need(type(v) in (int, float) and math.isfinite(v), f"{v!r} is not a finite number")
    n, d = float(v).as_integer_ratio()
    return N(n, d.bit_length() - 1)

def integer(text):
    need(isinstance(text, str) and re.fullmatch("0|-?[1-9a-f][0-9a-f]*", text), f"{str(text)[:20]!r} is no integer")
    return N(int(text, 16))

def fields(thing, names):
    need(isinstance(thing, dict) and sorted(thing) == sorted(names.split()), f"the fields have to be: {names}")
    return [thing[name] for name in names.split()]

def place(i, n):
    need(type(i) is int and 0 <= i < n, f"place {i!r} of {n}")
    return i

def linear(name, op, n, size, param):
    """(row, input node, column, coefficient) of a linear operation with n entries; node k has size(k) entries."""
    if name in ("sum", "concat"):
        need(all(size(of) == n for of in op) if name == "sum" else sum(map(size, op)) == n, "sizes of a sum")
        return [(k % n, of, j, ONE) for k, (of, j) in enumerate((of, j) for of in op for j in range(size(of)))]
    if name == "scale":
        of, by = fields(op, "input by")
        need(size(of) == n, "sizes of a scale")
        return [(i, of, i, c) for i, c in enumerate(param(by, n))]
    if name == "gather":
        of, index = fields(op, "input index")
        need(len(index) == n, "sizes of a gather")
        return [(i, of, j, ONE) for i, j in enumerate(index)]
    if name == "dense":
        of, weight, r, c, repeat, transposed = fields(op, "input weight rows columns repeat transposed")
        need(r * repeat == n and c * repeat == size(of), "sizes of a matrix")
        w = param(weight, r * c)
        return [(b * r + i, of, b * c + j, w[j * r + i if transposed else i * c + j])
                for b in range(repeat) for i in range(r) for j in range(c)]
    if name == "sparse":
        of, matrix = fields(op, "input matrix")
        shape, starts, columns, values = fields(matrix, "size starts columns values")
        need(shape == [n, size(of)] and starts == sorted(starts) and len(starts) == n + 1 and starts[0] == 0
             and starts[n] == len(columns) == len(values), "sizes of a sparse matrix")
        return [(i, of, columns[e], number(values[e])) for i in range(n) for e in range(starts[i], starts[i + 1])]
    need(name == "conv", f"the operation {name} is not known here")
    of, weight, geometry = fields(op, "input weight geometry")
    cin, cout, groups, into, out, kernel, strides, dilations, pads = fields(
        geometry, "input_channels output_channels groups input output kernel strides dilations pads")
    per, taps, ins, outs = cin // groups, math.prod(kernel), math.prod(into), math.prod(out)
    need(cout * outs == n and cin * ins == size(of), "sizes of a convolution")
    entries, w = [], param(weight, cout * per * taps)
    places = [list(enumerate(itertools.product(*map(range, extents)))) for extents in (out, kernel)]
    for (o, where), (t, tap) in itertools.product(*places):
        at = [i * s + u * d - p for i, s, u, d, p in zip(where, strides, tap, dilations, pads)]
        if all(0 <= a < e for a, e in zip(at, into)):  # else padding
            flat = functools.reduce(lambda f, ae: f * ae[1] + ae[0], zip(at, into), 0)
            entries += [(c * outs + o, of, (c * groups // cout * per + d) * ins + flat, w[(c * per + d) * taps + t])
                        for c in range(cout) for d in range(per)]
    return entries

def units(of, function, n, param):
    """n elements that read a node: each is the largest of its lines if their slopes rise, the least if they fall."""
    (name, what), = [(function, None)] if isinstance(function, str) else function.items()
    need(name in ("relu", "abs", "leaky", "clip", "lines"), f"the unit {name} is not known here")
    if name == "clip":
        low, high = fields(what, "lower upper")
        low, high = ([] if v == end else [(ZERO, number(v))] for v, end in ((low, "-inf"), (high, "inf")))
        units = [low + [(ONE, ZERO)] + high] * n
    elif name == "lines":
        units = [[(number(s), number(c)) for s, c in fields(what, "breaks pieces")[1]]] * n
    else:
        left = param(what, n) if name == "leaky" else [ZERO - ONE if name == "abs" else ZERO] * n
        units = [[(s, ZERO), (ONE, ZERO)] if (s - ONE).n else [(ONE, ZERO)] for s in left]
    rises = [{a < b for (a, _), (b, _) in zip(lines, lines[1:])} for lines in units]
    need(all(len(r) < 2 for r in rises), "a unit that is neither convex nor concave")
    return [(min if r == {False} else max, [(of, i, s, c) for s, c in u]) for i, (u, r) in enumerate(zip(units, rises))]

def total(numbers):
    return sum(numbers, ZERO)

def network(file):
    """The nodes of a folded program, y first, f last: kind, and for each entry (total, max or min, terms). A term
    (node, entry, slope, intercept) is slope * that entry of an earlier node + intercept."""
    names, given = "format version decision context params nodes", {k: file[k] for k in file if k != "problem"}
    format_, version, _, x, params, nodes = fields(given, names)
    need((format_, version, x["inputs"], x["steps"]) == ("icnn-program", 1, [], []), "no folded program of version 1")
    params, net = [[number(v) for v in fields(p, "name values")[1]] for p in params], []
    def size(k):
        return len(net[place(k, len(net))][1])
    def param(p, n):
        values = params[place(p, len(params))]
        need(len(values) in (1, n), f"a parameter of {len(values)} entries where {n} are needed")
        return values if len(values) == n else values * n
    for k, node in enumerate(nodes):
        n, ((kind, op),) = math.prod(node["shape"]), [("y", None)] if node["op"] == "y" else node["op"].items()
        need(set(node) <= {"op", "shape", "name"} and (kind == "y") == (k == 0), f"n{k}: fields, or y")
        if kind == "unit":
            of, function = fields(op, "input function")
            need(size(of) == n, f"n{k}: sizes")
            entries = units(of, function, n, param)
        elif kind == "max":
            of, groups = fields(op, "input groups")
            entries = [(max, [(of, place(j, size(of)), ONE, ZERO) for j in group]) for group in groups]
        elif kind == "param":
            entries = [(total, [(0, 0, ZERO, b)]) for b in param(op, n)]
        else:
            entries = [(total, []) for _ in range(n)]
            for i, of, j, c in linear(kind, op, n, size, param) if k else []:
                entries[place(i, n)][1].append((of, place(j, size(of)), c, ZERO))
        need(len(entries) == n, f"n{k}: sizes")
        net.append((kind, entries))
    need(len(net[-1][1]) == 1, "the output is not one number")
    return net
