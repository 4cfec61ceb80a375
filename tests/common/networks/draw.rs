//! [`Draw`] turns a list of random integers into weights, sizes and choices, so that a case shrinks by shrinking integers;
//! [`Points`] draws points of a domain.

use icnn::domain::Domain;
use nalgebra::{DMatrix, DVector};

use super::Sides;

/// How weights look.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Style {
    /// Multiples of 1/4: sums and products are exact, ties are frequent.
    Dyadic,
    /// −2 … 2: ties everywhere.
    Integer,
    /// Normally distributed.
    Normal,
}

/// Random integers in −1000 ..= 1000, read one after the other and from the start again; 0 is the simplest one.
#[derive(Debug)]
pub struct Draw {
    raw: Vec<i32>,
    at: usize,
    style: Style,
    /// All biases are 0.
    without_biases: bool,
    /// The last row of each matrix repeats the first: duplicated units.
    duplicated: bool,
    /// The first column of each nonnegative matrix is 0: units that nobody uses.
    dead: bool,
}

impl Draw {
    pub fn new(raw: Vec<i32>) -> Draw {
        let mut d = Draw { raw, at: 0, style: Style::Dyadic, without_biases: false, duplicated: false, dead: false };
        d.style = [Style::Dyadic, Style::Integer, Style::Normal, Style::Normal][d.below(4)];
        d.without_biases = d.chance(20);
        d.duplicated = d.chance(20);
        d.dead = d.chance(20);
        d
    }

    fn next(&mut self) -> i32 {
        self.at += 1;
        self.raw[(self.at - 1) % self.raw.len()]
    }

    /// 0 … n − 1
    pub fn below(&mut self, n: usize) -> usize {
        self.next().unsigned_abs() as usize % n
    }

    /// True in about `percent` of 100 cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    /// A number of any sign.
    pub fn number(&mut self) -> f64 {
        match self.style {
            Style::Dyadic => f64::from(self.next() / 112) / 4.0,
            Style::Integer => f64::from(self.next() / 400),
            Style::Normal => {
                let (radius, turn) = (f64::from(1001 - self.next().abs()) / 1001.0, f64::from(self.next()) / 1000.0);
                (-2.0 * radius.ln()).sqrt() * (std::f64::consts::PI * turn).cos()
            }
        }
    }

    pub fn numbers(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.number()).collect()
    }

    /// A bias or a vector of them.
    pub fn biases(&mut self, n: usize) -> DVector<f64> {
        let mut b = DVector::from_vec(self.numbers(n));
        if self.duplicated && n > 1 {
            b[n - 1] = b[0];
        }
        if self.without_biases { DVector::zeros(n) } else { b }
    }

    /// Weights of any sign.
    pub fn matrix(&mut self, rows: usize, columns: usize) -> DMatrix<f64> {
        let mut m = DMatrix::from_vec(rows, columns, self.numbers(rows * columns));
        if self.duplicated && rows > 1 {
            let first = m.row(0).clone_owned();
            m.set_row(rows - 1, &first);
        }
        m
    }

    /// Weights ≥ 0.
    pub fn nonnegative(&mut self, rows: usize, columns: usize) -> DMatrix<f64> {
        let mut m = self.matrix(rows, columns).abs();
        if self.dead {
            m.column_mut(0).fill(0.0);
        }
        m
    }

    /// A domain in R^p and a point of it.
    pub fn domain(&mut self, p: usize, sides: Sides) -> (Domain, Vec<f64>) {
        let (mut lower, mut upper, mut anchor) = (vec![], vec![], vec![]);
        for _ in 0..p {
            let at = self.number();
            let (below, above) =
                if self.chance(15) { (0.0, 0.0) } else { (self.number().abs(), 1.0 + self.number().abs()) };
            let open = |d: &mut Draw| sides == Sides::Any && d.chance(15);
            lower.push(if open(self) { f64::NEG_INFINITY } else { at - below });
            upper.push(if open(self) { f64::INFINITY } else { at + above });
            anchor.push(at);
        }
        let mut domain = Domain::new_box(lower, upper).expect("a box");
        for k in 0..self.below(6).saturating_sub(3) {
            let coefficients: Vec<(usize, f64)> = (0..p).map(|j| (j, self.number())).collect();
            let activity: f64 = coefficients.iter().map(|(j, c)| c * anchor[*j]).sum();
            let (mut low, mut high) = (activity - self.number().abs(), activity + self.number().abs());
            match self.below(4) {
                0 => low = f64::NEG_INFINITY,
                1 => high = f64::INFINITY,
                2 => (low, high) = (activity, activity),
                _ => {}
            }
            domain = domain.with_row(&format!("r{k}"), &coefficients, low, high).expect("a row");
        }
        (domain, anchor)
    }
}

/// Random points of a domain, in the box and on the rows up to rounding: spread out, at corners, and close to a point.
#[derive(Debug)]
pub struct Points<'a> {
    domain: &'a Domain,
    anchor: &'a [f64],
    state: u64,
}

impl<'a> Points<'a> {
    pub fn new(domain: &'a Domain, anchor: &'a [f64], seed: u64) -> Points<'a> {
        Points { domain, anchor, state: seed }
    }

    /// Splitmix64.
    pub fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.random() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A point anywhere; infinite sides are cut off at distances 2, 20 and 200.
    pub fn anywhere(&mut self) -> Vec<f64> {
        let reach = [2.0, 20.0, 200.0][self.random() as usize % 3];
        let corner = self.random().is_multiple_of(2);
        let to: Vec<f64> = (0..self.anchor.len())
            .map(|j| {
                let (l, u) = (self.domain.lower()[j], self.domain.upper()[j]);
                let (l, u) = (l.max(u.min(self.anchor[j]) - reach), u.min(l.max(self.anchor[j]) + reach));
                let share = if corner { f64::from(self.random().is_multiple_of(2)) } else { self.unit() };
                (l + share * (u - l)).max(l).min(u)
            })
            .collect();
        self.towards(&to)
    }

    /// A point within `radius` of `y`, or as close to that as the domain lets it be.
    pub fn near(&mut self, y: &[f64], radius: f64) -> Vec<f64> {
        let to: Vec<f64> = y.iter().map(|v| v + radius * (2.0 * self.unit() - 1.0)).collect();
        self.towards(&self.domain.clip(&to))
    }

    /// The point farthest from the anchor, in steps of a half, on the way to `to` as far as equations let it go that way.
    fn towards(&self, to: &[f64]) -> Vec<f64> {
        let mut d: Vec<f64> = to.iter().zip(self.anchor).map(|(t, a)| t - a).collect();
        for row in self.domain.rows().iter().filter(|r| r.lower == r.upper) {
            let free: Vec<(usize, f64)> = row
                .coefficients
                .iter()
                .copied()
                .filter(|(j, _)| self.domain.lower()[*j] < self.domain.upper()[*j])
                .collect();
            let (along, norm) = free.iter().fold((0.0, 0.0), |(a, n), (j, c)| (a + c * d[*j], n + c * c));
            if norm > 0.0 {
                free.iter().for_each(|(j, c)| d[*j] -= along / norm * c);
            }
        }
        let mut step = 1.0;
        for _ in 0..60 {
            let y: Vec<f64> = self.anchor.iter().zip(&d).map(|(a, d)| a + step * d).collect();
            // Equations hold up to rounding only.
            if self.domain.violation(&y) <= 1e-13 && self.domain.clip(&y) == y {
                return y;
            }
            step /= 2.0;
        }
        self.anchor.to_vec()
    }
}
