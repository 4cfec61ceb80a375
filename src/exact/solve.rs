//! From a pattern to numbers: the kinks, rows and learned constraints that hold with equality are linear equations A y = b in the
//! free coordinates; their multipliers solve Aᵀ λ = −g, g the slope of f on the pattern. k equations, whatever the depth and the
//! width of the network.
//!
//! Where equations depend on each other the first ones are kept, the others get multiplier 0; where too few are left, the
//! coordinates without a pivot stay where they are.

use std::sync::Arc;

use dashu_int::{IBig, UBig};

use super::Failure;
use super::dyadic::Dyadic;
use super::lift::{self, Quotients, System};
use super::modular::Field;
use super::pattern::{Pattern, Place, Side, functions};
use super::planes::{Planes, Sum};
use super::reduce::{Reduced, reduce};
use crate::domain::Domain;
use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;

/// Most equations, and most free coordinates: their matrix is dense, and its numbers are long.
const MOST_EQUATIONS: usize = 1500;

/// An equation: row `row` of block `block`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equation {
    /// 0 for f, k + 1 for learned constraint k, one more for the rows of the domain.
    pub block: usize,
    /// Its row there.
    pub row: usize,
}

/// The solution of the equations.
#[derive(Debug)]
pub struct Vertex {
    /// f, then each learned constraint that holds with equality.
    pub reduced: Vec<Option<Reduced>>,
    /// y, over `denominator`.
    pub y: Vec<Dyadic>,
    pub denominator: UBig,
    /// For each block one multiplier a row, over `multiplier_denominator`; that of row 0 is the weight of the function.
    pub multipliers: Vec<Vec<Dyadic>>,
    pub multiplier_denominator: UBig,
    /// f at y on the pattern, over `denominator`.
    pub value: Dyadic,
}

/// Solves the equations of a pattern. `bounds`: of f, then of each learned constraint.
pub fn solve(
    instance: &Instance,
    domain: &Domain,
    bounds: &[Arc<Bounds>],
    pattern: &Pattern,
    stopped: &dyn Fn() -> bool,
) -> Result<Vertex, Failure> {
    let p = domain.dimension();
    let mut reduced: Vec<Option<Reduced>> = vec![];
    for (k, function) in functions(instance, domain).into_iter().enumerate() {
        let holds = k == 0 || pattern.levels[k - 1];
        let roles = &pattern.functions[k];
        reduced.push(holds.then(|| reduce(function, &bounds[k], roles)).transpose().map_err(Failure::Form)?);
    }
    let linear = active_rows(domain, pattern)?;
    let mut blocks: Vec<Block> = vec![];
    for (k, of) in reduced.iter().enumerate() {
        // What a learned constraint may not exceed is taken off its value.
        let at_most = if k > 0 { Dyadic::of(domain.sublevels()[k - 1].at_most) } else { Dyadic::ZERO };
        blocks.push(match of {
            Some(of) => Block { gradient: of.gradient.clone(), constant: of.constant.clone(), at_most },
            None => Block { gradient: Planes::empty(0, p), constant: Planes::empty(0, 1), at_most },
        });
    }
    blocks.push(linear);
    let equations: Vec<Equation> = (blocks.iter().enumerate())
        .flat_map(|(block, b)| (usize::from(block == 0)..b.gradient.rows).map(move |row| Equation { block, row }))
        .collect();

    let free: Vec<usize> = (0..p).filter(|j| pattern.coordinates[*j] == Place::Free).collect();
    let coefficient = |e: &Equation, j: usize| {
        let gradient = &blocks[e.block].gradient;
        gradient.entry(e.row, j, gradient.exponent())
    };
    if equations.len() > MOST_EQUATIONS || free.len() > MOST_EQUATIONS {
        let (n, k) = (equations.len(), free.len());
        return Err(Failure::Form(format!("{n} equations in {k} coordinates; {MOST_EQUATIONS} are the most")));
    }
    if stopped() {
        return Err(Failure::Stopped);
    }
    let field = Field::new(0).ok_or(Failure::Stopped)?;
    let all: Vec<Vec<IBig>> = equations.iter().map(|e| free.iter().map(|j| coefficient(e, *j)).collect()).collect();
    let (kept, pivots) = field.independent(all.iter().map(|row| row.iter().map(|v| field.of(v)).collect()));
    let solved: Vec<usize> = pivots.iter().map(|k| free[*k]).collect();
    tracing::debug!(equations = equations.len(), free = free.len(), rank = kept.len(), "exact system");

    // Each row is divided by its power of two; `scales` remembers which.
    let mut rows = vec![];
    let mut scales = vec![];
    for i in &kept {
        let row: Vec<&IBig> = pivots.iter().map(|k| &all[*i][*k]).collect();
        let zeros = row.iter().filter_map(|v| v.trailing_zeros()).min().unwrap_or(0);
        rows.push(row.into_iter().map(|v| v >> zeros).collect::<Vec<IBig>>());
        scales.push(blocks[equations[*i].block].gradient.exponent() + zeros as i64);
    }
    let system = System::new(&rows).ok_or(Failure::Singular)?;

    let mut given: Vec<f64> = pattern.y.clone();
    for (j, v) in given.iter_mut().enumerate() {
        match pattern.coordinates[j] {
            Place::Lower => *v = domain.lower()[j],
            Place::Upper => *v = domain.upper()[j],
            Place::Free | Place::Idle => {}
        }
    }
    if given.iter().any(|v| !v.is_finite()) {
        return Err(Failure::Pattern);
    }
    let at_rest: Vec<f64> = given.iter().enumerate().map(|(j, v)| if solved.contains(&j) { 0.0 } else { *v }).collect();
    let mut right = vec![];
    let constants: Vec<Planes> =
        blocks.iter().map(|b| b.at(&at_rest)).collect::<Option<_>>().ok_or(Failure::Form("too far apart".into()))?;
    for (i, scale) in kept.iter().zip(&scales) {
        let e = &equations[*i];
        let v = value_of(&blocks[e.block], &constants[e.block], e.row);
        right.push(Dyadic { n: -v.n, e: v.e - scale }.shortened());
    }
    let (x, exponent) = solved_with(&system, lift::Side::Plain, &right, stopped)?;
    let mut y: Vec<Dyadic> = vec![];
    let whole = IBig::from(x.denominator.clone());
    for v in &at_rest {
        let v = Dyadic::of(*v);
        y.push(Dyadic { n: v.n * &whole, e: v.e });
    }
    for (j, n) in solved.iter().zip(x.numerators) {
        y[*j] = Dyadic { n, e: exponent };
    }

    let f = &blocks[0].gradient;
    let slopes: Vec<Dyadic> =
        (solved.iter()).map(|j| Dyadic { n: -f.entry(0, *j, f.exponent()), e: f.exponent() }.shortened()).collect();
    let (l, exponent) = solved_with(&system, lift::Side::Transposed, &slopes, stopped)?;
    let mut multipliers: Vec<Vec<Dyadic>> = blocks.iter().map(|b| vec![Dyadic::ZERO; b.gradient.rows]).collect();
    multipliers[0][0] = Dyadic { n: l.denominator.clone().into(), e: 0 };
    for ((i, n), scale) in kept.iter().zip(l.numerators).zip(&scales) {
        let e = equations[*i];
        multipliers[e.block][e.row] = Dyadic { n, e: exponent - scale };
    }
    let mut value = value_of(&blocks[0], &constants[0], 0);
    value.n *= &whole;
    for j in &solved {
        value = value.plus(&y[*j].times(&Dyadic { n: f.entry(0, *j, f.exponent()), e: f.exponent() }));
    }
    Ok(Vertex { reduced, y, denominator: x.denominator, multipliers, multiplier_denominator: l.denominator, value })
}

/// Rows of one origin: gradient · y + constant − at_most.
struct Block {
    gradient: Planes,
    constant: Planes,
    at_most: Dyadic,
}

impl Block {
    /// The values of its rows at a point, but for `at_most`.
    fn at(&self, y: &[f64]) -> Option<Planes> {
        let rows = self.gradient.rows;
        let set: Vec<usize> = (0..y.len()).filter(|j| y[*j] != 0.0).collect();
        let point = Planes::of(set.len(), 1, |i, _| y[set[i]])?;
        let mut sum = Sum::new(rows, 1);
        sum.add_product(rows, &self.gradient, &set, &point, 0);
        sum.add_column(0, &self.constant, 0, &super::planes::Digits::of(1.0));
        sum.finish()
    }
}

fn value_of(block: &Block, constants: &Planes, row: usize) -> Dyadic {
    let v = Dyadic { n: constants.entry(row, 0, constants.exponent()), e: constants.exponent() };
    if row == 0 { v.minus(&block.at_most) } else { v }
}

/// The sides of the domain's rows that hold, as a block with a row each for all rows: 0 where none does.
fn active_rows(domain: &Domain, pattern: &Pattern) -> Result<Block, Failure> {
    let wide = || Failure::Form("the rows of the domain are too far apart".into());
    let (m, p) = (domain.rows().len(), domain.dimension());
    let mut dense = vec![0.0; m * p];
    let mut sides = vec![0.0; m];
    for (i, (row, side)) in domain.rows().iter().zip(&pattern.rows).enumerate() {
        let Some(side) = side else { continue };
        row.coefficients.iter().for_each(|(j, c)| dense[j * m + i] = *c);
        sides[i] = if *side == Side::Lower { row.lower } else { row.upper };
        if !sides[i].is_finite() {
            return Err(Failure::Pattern);
        }
    }
    Ok(Block {
        gradient: Planes::of(m, p, |i, j| dense[j * m + i]).ok_or_else(wide)?,
        constant: Planes::of(m, 1, |i, _| -sides[i]).ok_or_else(wide)?,
        at_most: Dyadic::ZERO,
    })
}

/// The solution and a power of two that it is to be multiplied by.
fn solved_with(
    system: &System,
    side: lift::Side,
    right: &[Dyadic],
    stopped: &dyn Fn() -> bool,
) -> Result<(Quotients, i64), Failure> {
    let exponent = right.iter().filter(|v| !v.is_zero()).map(|v| v.e).min().unwrap_or(0);
    let right: Vec<IBig> = right.iter().map(|v| v.over(exponent)).collect();
    let found = system.solve(side, &right, stopped);
    Ok((found.ok_or(if stopped() { Failure::Stopped } else { Failure::Singular })?, exponent))
}
