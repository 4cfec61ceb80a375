//! The lines of a backward pass: of each unit one that supports it, of each maximum shares of its members.

use std::cmp::Ordering;

use super::backward::{Pass, Rule};
use super::dyadic::Dyadic;
use super::units::Shape;
use super::{NotVerified, Support, refused};
use crate::ir::lines::{Line, Lines};
use crate::ir::program::NodeId;

impl Pass<'_> {
    /// The multiplier of one element of a unit; the constant of its line is added.
    pub(super) fn unit(&mut self, id: NodeId, i: usize, lines: &Lines, w: &Dyadic) -> Result<Dyadic, NotVerified> {
        let shape = Shape::of(lines);
        if !w.is_zero()
            && shape != Shape::Line
            && (shape != if w.is_negative() { Shape::Concave } else { Shape::Convex })
        {
            let weight = if w.is_negative() { "negative" } else { "positive" };
            return refused(format!("its weight is {weight}, and it is {}", shape.name()));
        }
        match self.rule {
            Rule::Exact(supports) => match &supports[id.index()][i] {
                Support::Piece(k) => {
                    let line = piece(lines, *k)?;
                    self.found.constant = self.found.constant.plus(&w.times(line.intercept))?;
                    Ok(w.times(line.slope))
                }
                Support::Break { left, multiplier } => {
                    let right =
                        left.checked_add(1).map_or_else(|| refused("no piece on the right"), |k| piece(lines, k))?;
                    let multiplier = Dyadic::whole(multiplier.clone());
                    self.between(piece(lines, *left)?, right, w, multiplier)
                }
                Support::Shares(_) => refused("it has shares, which belong to a maximum"),
            },
            Rule::Slopes(slopes) => {
                let slope = slopes.of(id)[i];
                if !slope.is_finite() {
                    return refused(format!("its slope is {slope}"));
                }
                if w.is_zero() {
                    return Ok(Dyadic::zero());
                }
                if let [line] = lines.pieces() {
                    self.found.constant = self.found.constant.plus(&w.times(line.intercept))?;
                    return Ok(w.times(line.slope));
                }
                let between = |p: &&[Line]| {
                    (p[0].slope <= slope && slope <= p[1].slope) || (p[1].slope <= slope && slope <= p[0].slope)
                };
                let Some(pair) = lines.pieces().windows(2).find(between) else {
                    let (first, last) = (lines.pieces()[0].slope, lines.pieces()[lines.pieces().len() - 1].slope);
                    return refused(format!("slope {slope} is not between {first} and {last}"));
                };
                self.between(pair[0], pair[1], w, w.times(slope))
            }
        }
    }

    /// The line through the breakpoint between two pieces with the given multiplier.
    fn between(&mut self, left: Line, right: Line, w: &Dyadic, multiplier: Dyadic) -> Result<Dyadic, NotVerified> {
        let (from, to) = (w.times(left.slope), w.times(right.slope));
        let beyond = multiplier.minus(&from)?;
        if multiplier.compare(&from)? == Ordering::Less || multiplier.compare(&to)? == Ordering::Greater {
            return refused(format!(
                "its multiplier is not between the weight times slope {} and the weight times slope {}",
                left.slope, right.slope
            ));
        }
        self.found.constant = self.found.constant.plus(&w.times(left.intercept))?;
        if left.intercept != right.intercept && !beyond.is_zero() {
            let key = [left.slope, left.intercept, right.slope, right.intercept].map(f64::to_bits);
            self.found.add_break(key, &beyond)?;
        }
        Ok(multiplier)
    }

    /// (place in the group, multiplier) of the members that take part in a maximum of weight w.
    pub(super) fn shares(
        &self,
        id: NodeId,
        g: usize,
        range: std::ops::Range<usize>,
        w: &Dyadic,
    ) -> Result<Vec<(usize, Dyadic)>, NotVerified> {
        let members = range.len();
        if w.is_negative() && members > 1 {
            return refused("the weight of a maximum is negative");
        }
        match self.rule {
            Rule::Exact(supports) => match &supports[id.index()][g] {
                Support::Piece(k) if (*k as usize) < members => Ok(vec![(*k as usize, w.clone())]),
                Support::Piece(k) => refused(format!("member {k} is named, there are {members}")),
                Support::Break { .. } => refused("it has a breakpoint, which belongs to a unit"),
                Support::Shares(shares) => {
                    let (mut total, mut seen) = (Dyadic::zero(), vec![false; members]);
                    let mut out = vec![];
                    for (k, n) in shares {
                        let (k, share) = (*k as usize, Dyadic::whole(n.clone()));
                        match seen.get_mut(k) {
                            None => return refused(format!("member {k} is named, there are {members}")),
                            Some(true) => return refused(format!("member {k} is named twice")),
                            Some(first) => *first = true,
                        }
                        if share.is_negative() && !w.is_negative() {
                            return refused(format!("the share of member {k} is negative"));
                        }
                        total = total.plus(&share)?;
                        out.push((k, share));
                    }
                    match total.compare(w)? {
                        Ordering::Equal => Ok(out),
                        _ => refused("the shares of its members are not the weight together"),
                    }
                }
            },
            Rule::Slopes(slopes) => {
                let weights = &slopes.of(id)[range];
                if let Some(v) = weights.iter().find(|v| !(v.is_finite() && **v >= 0.0)) {
                    return refused(format!("the weight of a member is {v}"));
                }
                let largest =
                    (0..members).max_by(|a, b| weights[*a].total_cmp(&weights[*b]).then(b.cmp(a))).unwrap_or(0);
                let mut rest = Dyadic::of(1.0);
                for (_, v) in weights.iter().enumerate().filter(|(k, _)| *k != largest) {
                    rest = rest.minus(&Dyadic::of(*v))?;
                }
                if rest.is_negative() {
                    return refused("the weights of its members are more than 1 together");
                }
                let part = |k: usize| if k == largest { rest.clone() } else { Dyadic::of(weights[k]) };
                Ok((0..members)
                    .map(|k| {
                        (k, {
                            let p = part(k);
                            Dyadic { n: p.n * &w.n, e: p.e + w.e }
                        })
                    })
                    .collect())
            }
        }
    }
}

fn piece(lines: &Lines, k: u32) -> Result<Line, NotVerified> {
    let pieces = lines.pieces();
    pieces
        .get(k as usize)
        .copied()
        .map_or_else(|| refused(format!("piece {k} is named, there are {}", pieces.len())), Ok)
}
