//! [`Region`]: the sets on which methods without a linear program work: a box, and simplices on some of its coordinates.
//! Projection, the minimum of a linear function and the entropic minimum (paper eqs. 10–13) are closed form there.

use crate::SolverError;
use crate::dense::vectorised;
use crate::elementwise::{LANES, block, exp, ln_1p, sum, xlogx};
use crate::logistic::sigmoid;

/// yⱼ ≥ 0 and Σ yⱼ = `total` over `members`.
#[derive(Debug, Clone, PartialEq)]
pub struct Simplex {
    /// Coordinates.
    pub members: Vec<usize>,
    /// The sum, above 0.
    pub total: f64,
}

/// A box, possibly unbounded, times simplices. Simplices share no coordinate.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    lower: Vec<f64>,
    upper: Vec<f64>,
    simplices: Vec<Simplex>,
    /// Whether a coordinate belongs to no simplex.
    boxed: Vec<bool>,
    /// Whether it is a box with two sides for every coordinate.
    is_finite: bool,
}

impl Region {
    /// Errors: ends that no number lies between, a simplex without members or total, one with a coordinate of another.
    pub fn new(lower: Vec<f64>, upper: Vec<f64>, simplices: Vec<Simplex>) -> Result<Region, SolverError> {
        let (found, expected) = (upper.len(), lower.len());
        if found != expected {
            return Err(SolverError::Size { what: "upper bounds".into(), found, expected });
        }
        for (j, (&l, &u)) in lower.iter().zip(&upper).enumerate() {
            let what = || format!("y[{j}]");
            if l.is_nan() || u.is_nan() || l == f64::INFINITY || u == f64::NEG_INFINITY {
                let (value, expected) =
                    (if u == f64::NEG_INFINITY { u } else { l }, "bounds that a number lies between");
                return Err(SolverError::Number { what: what(), value, expected });
            }
            if l > u {
                return Err(SolverError::Bounds { what: what(), lower: l, upper: u });
            }
        }
        let mut boxed = vec![true; lower.len()];
        for (k, simplex) in simplices.iter().enumerate() {
            let what = format!("simplex {k}");
            if !(simplex.total > 0.0 && simplex.total.is_finite()) {
                return Err(SolverError::Number { what, value: simplex.total, expected: "a total above 0" });
            }
            if simplex.members.is_empty() {
                return Err(SolverError::Size { what, found: 0, expected: 1 });
            }
            for j in &simplex.members {
                match boxed.get_mut(*j) {
                    Some(free) if *free => *free = false,
                    _ => {
                        let expected = "coordinates that exist and belong to one simplex only";
                        return Err(SolverError::Number { what, value: *j as f64, expected });
                    }
                }
            }
        }
        let is_finite = simplices.is_empty() && lower.iter().chain(&upper).all(|side| side.is_finite());
        Ok(Region { lower, upper, simplices, boxed, is_finite })
    }

    /// p
    pub fn dimension(&self) -> usize {
        self.lower.len()
    }

    /// Lower ends of the box; those of members of simplices mean nothing.
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// Upper ends, likewise.
    pub fn upper(&self) -> &[f64] {
        &self.upper
    }

    /// The simplices.
    pub fn simplices(&self) -> &[Simplex] {
        &self.simplices
    }

    /// The coordinates that belong to no simplex.
    pub fn boxed(&self) -> impl Iterator<Item = usize> + '_ {
        self.boxed.iter().enumerate().filter(|(_, b)| **b).map(|(j, _)| j)
    }

    /// Whether every coordinate is bounded on both sides.
    pub fn is_bounded(&self) -> bool {
        self.boxed().all(|j| self.lower[j].is_finite() && self.upper[j].is_finite())
    }

    /// Moves y to the nearest point of the region (in the Euclidean norm).
    pub fn project(&self, y: &mut [f64]) {
        for j in self.boxed() {
            let v = if y[j].is_nan() { 0.0 } else { y[j] };
            y[j] = v.max(self.lower[j]).min(self.upper[j]);
        }
        self.simplices.iter().for_each(|simplex| project_to_simplex(simplex, y));
    }

    /// The middle: of a bounded side the centre, of a half-bounded one the bound, of an unbounded one 0, of a simplex the
    /// barycentre.
    pub fn centre(&self) -> Vec<f64> {
        let mut y: Vec<f64> = (self.lower.iter().zip(&self.upper))
            .map(|(l, u)| match (l.is_finite(), u.is_finite()) {
                (true, true) => (l + 0.5 * (u - l)).max(*l).min(*u),
                (true, false) => *l,
                (false, true) => *u,
                (false, false) => 0.0,
            })
            .collect();
        for simplex in &self.simplices {
            simplex.members.iter().for_each(|j| y[*j] = simplex.total / simplex.members.len() as f64);
        }
        y
    }

    /// A point where rᵀy is least; an unbounded side is replaced by the nearest finite number the region has there.
    pub fn corner(&self, slope: &[f64]) -> Vec<f64> {
        let mut y = self.centre();
        for j in self.boxed().filter(|j| slope[*j] != 0.0) {
            let side = if slope[j] > 0.0 { self.lower[j] } else { self.upper[j] };
            if side.is_finite() {
                y[j] = side;
            }
        }
        for simplex in &self.simplices {
            let least = simplex.members.iter().copied().min_by(|a, b| slope[*a].total_cmp(&slope[*b]));
            simplex.members.iter().for_each(|j| y[*j] = 0.0);
            least.into_iter().for_each(|j| y[j] = simplex.total);
        }
        y
    }

    /// min rᵀy over the region; −∞ where an unbounded side lets it. A slope of at most `negligible` counts as 0 on such a
    /// side, and contributes what it does at `y`: rounding keeps it from vanishing.
    pub fn minimum(&self, slope: &[f64], y: &[f64], negligible: f64) -> f64 {
        if self.is_finite {
            // Which side counts is unpredictable: no branch for it.
            let sides = self.lower.iter().zip(&self.upper);
            return slope.iter().zip(sides).fold(0.0, |least, (r, (l, u))| least + r * if *r > 0.0 { l } else { u });
        }
        let mut least = 0.0;
        for j in self.boxed().filter(|j| slope[*j] != 0.0) {
            let side = if slope[j] > 0.0 { self.lower[j] } else { self.upper[j] };
            least += match side.is_finite() {
                true => slope[j] * side,
                false if slope[j].abs() <= negligible => slope[j] * y[j],
                false => return f64::NEG_INFINITY,
            };
        }
        for simplex in &self.simplices {
            least += simplex.total * simplex.members.iter().map(|j| slope[*j]).fold(f64::INFINITY, f64::min);
        }
        least
    }

    /// H(y) ≥ 0: over a box Σ of the binary entropies of (yⱼ − lⱼ)/(uⱼ − lⱼ), over a simplex the entropy of y/total (paper
    /// eqs. 6, 7; natural logarithms). A coordinate whose ends are equal has none. NaN on an unbounded region.
    pub fn entropy(&self, y: &[f64]) -> f64 {
        let of_box = vectorised(
            #[inline(always)]
            || {
                let mut sums = [0.0; LANES];
                let sides = self.lower.chunks(LANES).zip(self.upper.chunks(LANES)).zip(self.boxed.chunks(LANES));
                for (((lower, upper), boxed), y) in sides.zip(y.chunks(LANES)) {
                    let counts = boxed.iter().zip(lower.iter().zip(upper)).map(|(boxed, (l, u))| *boxed && l < u);
                    let mut counted = [false; LANES];
                    counted.iter_mut().zip(counts).for_each(|(to, counts)| *to = counts);
                    let (lower, upper, y) = (block(lower, 0.0), block(upper, 1.0), block(y, 0.0));
                    for l in 0..LANES {
                        let width = upper[l] - lower[l];
                        let both = xlogx((y[l] - lower[l]) / width) + xlogx((upper[l] - y[l]) / width);
                        sums[l] += if counted[l] { both } else { 0.0 };
                    }
                }
                sum(&sums)
            },
        );
        let on = |simplex: &Simplex| simplex.members.iter().map(|j| xlogx(y[*j] / simplex.total)).sum::<f64>();
        -(of_box + self.simplices.iter().map(on).sum::<f64>())
    }

    /// min rᵀy − τH(y) over a bounded region: see [`entropic_minimum`](Self::entropic_minimum).
    pub fn entropic_bound(&self, slope: &[f64], tau: f64) -> f64 {
        let of_box = vectorised(
            #[inline(always)]
            || {
                let mut sums = [0.0; LANES];
                let sides = self.lower.chunks(LANES).zip(self.upper.chunks(LANES)).zip(self.boxed.chunks(LANES));
                for (((lower, upper), boxed), slope) in sides.zip(slope.chunks(LANES)) {
                    let mut counted = [false; LANES];
                    counted.iter_mut().zip(boxed).for_each(|(to, boxed)| *to = *boxed);
                    let (lower, upper, slope) = (block(lower, 0.0), block(upper, 0.0), block(slope, 0.0));
                    for l in 0..LANES {
                        let width = upper[l] - lower[l];
                        let t = -slope[l] * width / tau;
                        let log = if t > 0.0 { t } else { 0.0 } + ln_1p(exp(-t.abs()));
                        let least = slope[l] * lower[l] - if width > 0.0 { tau * log } else { 0.0 };
                        sums[l] += if counted[l] { least } else { 0.0 };
                    }
                }
                sum(&sums)
            },
        );
        let on = |simplex: &Simplex| {
            let exponents = simplex.members.iter().map(|j| -slope[*j] * simplex.total / tau);
            let largest = exponents.clone().fold(f64::NEG_INFINITY, f64::max);
            tau * (largest + exponents.map(|t| (t - largest).exp()).sum::<f64>().ln())
        };
        of_box - self.simplices.iter().map(on).sum::<f64>()
    }

    /// min rᵀy − τH(y) over a bounded region, and where: a logistic function of −r·width/τ on each side of the box, a softmax
    /// on a simplex (paper eq. 12). `at` (length p) becomes that point.
    pub fn entropic_minimum(&self, slope: &[f64], tau: f64, at: &mut [f64]) -> f64 {
        for j in self.boxed() {
            let (l, width) = (self.lower[j], self.upper[j] - self.lower[j]);
            let t = -slope[j] * width / tau;
            // From the nearer end, so that nothing is lost close to it.
            at[j] = match width > 0.0 {
                true if t > 0.0 => self.upper[j] - width * sigmoid(-t),
                true => l + width * sigmoid(t),
                false => l,
            };
        }
        for simplex in &self.simplices {
            let exponent = |j: usize| -slope[j] * simplex.total / tau;
            let largest = simplex.members.iter().map(|j| exponent(*j)).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = simplex.members.iter().map(|j| (exponent(*j) - largest).exp()).sum();
            simplex.members.iter().for_each(|j| at[*j] = simplex.total * (exponent(*j) - largest).exp() / sum);
        }
        self.entropic_bound(slope, tau)
    }
}

/// The shift θ with Σ max(yⱼ − θ, 0) = total, by sorting.
fn project_to_simplex(simplex: &Simplex, y: &mut [f64]) {
    let mut sorted: Vec<f64> = simplex.members.iter().map(|j| if y[*j].is_finite() { y[*j] } else { 0.0 }).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let (mut sum, mut shift) = (0.0, 0.0);
    for (k, v) in sorted.iter().enumerate() {
        sum += v;
        let candidate = (sum - simplex.total) / (k + 1) as f64;
        if *v > candidate {
            shift = candidate;
        }
    }
    for j in &simplex.members {
        y[*j] = if y[*j].is_finite() { (y[*j] - shift).max(0.0) } else { (0.0 - shift).max(0.0) };
    }
}
