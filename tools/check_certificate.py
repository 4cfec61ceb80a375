#!/usr/bin/env python3
"""Checks a certificate of `icnn solve --certificate` without any code of icnn. Python 3.9, standard library only.

    check_certificate.py CERTIFICATE FOLDED.json [LEVEL.json ...] [ROW]

FOLDED.json (f of y alone, and the set) and LEVEL.json (learned constraints) are what `icnn convert` writes, see
docs/certificates.md; folded_program.py, beside this file, reads them. Prints PROVEN ... and exits with 0, or
NOT VERIFIED: reason, and exits with 1.

A piecewise-linear unit is the largest of its lines, so any mixture of its lines lies below it; where it enters f with a
negative weight it has to be the least of them. A backward pass turns one line per unit into r.y + c <= f(y) for all y.
Learned constraints h <= c, times mu >= 0, and rows, times nu, add what is never positive on the set; what is left of r
is bounded over the box. That is a lower bound of f. If it is f(y) for a y of the set, it is the minimum.
"""
import hashlib, json, sys
from fractions import Fraction

sys.dont_write_bytecode = True
from folded_program import N, ONE, ZERO, fields, integer, need, network, number, place, total

def value(net, y, denominator):
    """f(y) for y over the denominator."""
    one, values = N(denominator), [y]
    for _, entries in net[1:]:
        values.append([of(s * values[k][j] + b * one for k, j, s, b in terms) for of, terms in entries])
    return values[-1][0].over(denominator)

def support(kind, given, w, of, terms, exact):
    """Terms below w times a unit or maximum: [(node, entry, multiplier)], intercept, a fraction to be added to that."""
    need(len(terms) == 1 or w.n == 0 or (w.n < 0) == (of is min), "a weight of the wrong sign")
    if exact and type(given) is int:  # this term
        shares = {given: w}
    elif exact and kind == "max":
        shares = {k: integer(share) for k, share in given}
        need([k for k, _ in given] == sorted(shares) and all(s.n for s in shares.values()), "shares: order, or a 0")
    elif kind == "max":  # in f64; the largest takes what the others leave to 1
        shares, largest = list(map(number, given)), max(range(len(terms)), key=lambda k: given[k])
        shares[largest] += ONE - total(shares)
        need(len(shares) == len(terms) and all(s.n >= 0 for s in shares), "the shares of the members")
        shares = {k: s * w for k, s in enumerate(shares)}
    elif not exact and number(given) and (len(terms) == 1 or w.n == 0):
        shares = {0: w}
    else:  # a multiplier, in f64 a slope, between those of two lines, which meet at -(c1 - c0) / (s1 - s0)
        left, m = given if exact else (None, number(given) * w)
        m, ends = integer(m) if exact else m, [w * s for _, _, s, _ in terms]
        within = [k for k in range(len(terms) - 1) if not m < ends[k] and not ends[k + 1] < m]
        left = place(left, len(terms)) if exact else min(within, default=None)
        need(left in within, "no slope of the unit")
        (k, j, s0, c0), (_, _, s1, c1) = terms[left:left + 2]
        return [(k, j, m)], w * c0, (m - ends[left]).over(1) * (c1 - c0).over(1) / (s1 - s0).over(1)
    need((total(shares.values()) - w).n == 0, "the shares are not the weight together")
    need(len(terms) == 1 or of is min or all(s.n >= 0 for s in shares.values()), "a negative share")
    taken = [(share, *terms[place(k, len(terms))]) for k, share in shares.items()]
    return [(k, j, share * s) for share, k, j, s, _ in taken], total(share * b for share, _, _, _, b in taken), 0

def minorant(net, weight, given, exact):
    """r, c and a fraction with weight * f(y) >= r.y + c + fraction for all y, over the denominator of the weight."""
    adjoints, c, fraction = [[ZERO] * len(entries) for _, entries in net[:-1]] + [[weight]], ZERO, Fraction(0)
    need(len(given) == len(net), "multipliers for another number of nodes")
    for (kind, entries), adjoint, lines in reversed(list(zip(net, adjoints, given))):
        chosen = kind in ("unit", "max")
        need(len(lines) == (len(entries) if chosen else 0), f"{len(lines)} multipliers, {kind} of {len(entries)}")
        for i, ((of, terms), w) in enumerate(zip(entries, adjoint)):
            if chosen:
                parts, b, more = support(kind, lines[i], w, of, terms, exact)
            else:
                parts, b, more = [(k, j, w * s) for k, j, s, _ in terms if w.n], w * total(t[3] for t in terms), 0
            for k, j, multiplier in parts:
                adjoints[k][j] += multiplier
            c, fraction = c + b, fraction + more
    return adjoints[0], c, fraction

def lower_bound(net, limits, sides, functions, mu, nu, one, exact):
    """What multipliers over `one` prove. A side is (coefficients, lower, upper): the rows, then the coordinates."""
    r, c, fraction = minorant(net, N(one), functions[0], exact)
    for (h, at_most), m, lines in zip(limits, mu, functions[1:]):
        need(m.n >= 0, "a constraint with a negative multiplier")
        if m.n or lines:
            r_h, c_h, more = minorant(h, m, lines, exact)
            r, c, fraction = list(map(N.__add__, r, r_h)), c + c_h - m * number(at_most), fraction + more
    for k, (coefficients, low, high) in enumerate(sides):
        n = nu[k] if k < len(nu) else r[k - len(nu)]  # the box takes what is left of r
        c += n * number(low if n.n > 0 else high) if n.n else ZERO
        for j, coefficient in coefficients:
            r[j] -= n * number(coefficient)
    return c.over(one) + fraction / one

def check(tier, proof, net, levels, stated):
    """What is proven, in words."""
    need(tier in ("exact", "rigorous"), "a tier that is not known")
    exact, d, one, names = tier == "exact", 1, 1, "y multipliers value lower_bound"
    y, multipliers, *claims = fields(proof, names if exact else names + " violation")
    if exact:
        y, d = fields(y, "numerators denominator")
        d, one = integer(d).n, integer(multipliers.pop("denominator")).n
    functions, mu, nu = fields(multipliers, "functions levels rows")
    y, mu, nu = ([integer(v) if exact else number(v) for v in vector] for vector in (y, mu, nu))
    lower, upper, rows, limits = fields(stated, "lower upper rows levels")
    need(len(y) == len(net[0][1]) == len(lower) == len(upper) and d > 0 and one > 0, "coordinates or denominators")
    need(len(nu) == len(rows) and len(mu) == len(limits) == len(functions) - 1, "the number of multipliers")
    limits = [(h, fields(limit, "name network at_most")[2]) for h, limit in zip(levels, limits)]
    sides = [fields(row, "name coefficients lower upper")[1:] for row in rows]
    sides += [([(j, 1.0)], low, high) for j, (low, high) in enumerate(zip(lower, upper))]
    at = [(total(y[place(j, len(y))] * number(c) for j, c in row).over(d), low, high) for row, low, high in sides]
    at += [(value(h, y, d), "-inf", at_most) for h, at_most in limits]
    beyond = [number(low).over(1) - v for v, low, _ in at if low != "-inf"]
    beyond = max([Fraction(0)] + beyond + [v - number(high).over(1) for v, _, high in at if high != "inf"])
    f, bound = value(net, y, d), lower_bound(net, limits, sides, functions, mu, nu, one, exact)
    if exact:
        need(beyond == 0, f"y violates the set by {float(beyond)}")
        need(f == bound, f"f(y) = {float(f)}, the multipliers prove {float(bound)}")
        claims = [[integer(part).n for part in claim] for claim in claims]
        need(claims == [[f.numerator, f.denominator]] * 2, "the claimed value")
        return f"exact: the minimum is {f if f.denominator.bit_length() < 120 else 'a fraction'}, about {float(f)}"
    claimed, claimed_bound, violation = (number(claim).over(1) for claim in claims)
    need(beyond <= violation, f"y violates the set by {float(beyond)}")
    need(f <= claimed and claimed_bound <= bound, f"f(y) = {float(f)}, the multipliers prove {float(bound)}")
    return "rigorous: f(y) <= {}, f >= {} on the set, y violates it by at most {}".format(*claims)

def load(path):
    def unique(pairs):
        need(len(dict(pairs)) == len(pairs), "a field that is there twice")
        return dict(pairs)
    data = open(path, "rb").read()
    return hashlib.sha256(data).hexdigest(), json.loads(data, object_pairs_hook=unique, parse_constant=number)

def main(certificate, folded, *others):
    *others, row = others if others and others[-1].isdigit() else (*others, None)
    format_, version, rows = fields(load(certificate)[1], "format version rows")
    need((format_, type(version), version) == ("icnn-certificate", int, 1), "no certificate of version 1")
    rows = [r for r in rows if row in (None, str(r["problem"]["row"]))]
    need(len(rows) == 1, f"{len(rows)} rows to check; name one")
    problem, sha256, proof = fields(rows[0], "problem network proof")
    (tier, content), (found, program), files = *proof.items(), load(folded), dict(map(load, others))
    need(sha256 == found, f"the certificate is about the network {sha256}, {folded} is {found}")
    need(json.dumps(problem, sort_keys=True) == json.dumps(program["problem"], sort_keys=True), "another problem")
    levels = [network(files[level["network"]]) for level in problem["set"]["levels"]]
    print(f"PROVEN {check(tier, content, network(program), levels, problem['set'])}")
    print(f"  of the network {sha256} over its set: real numbers, the weights as given, x and fixed coordinates folded")

if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as reason:  # whatever goes wrong: it is not verified
        sys.exit(print(f"NOT VERIFIED: {reason or type(reason).__name__}") or 1)
