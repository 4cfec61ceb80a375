//! [`Known`]: a network whose minimiser is known, by a shift along a subgradient: g ∈ ∂f(y₀) makes y₀ a minimiser of
//! f(y) − gᵀy, and on a box with y₀ on its faces, of f(y) − (g − n)ᵀy for every n in the normal cone's negative there.
//!
//! All numbers are binary fractions with few digits. That f(y₀), g and the shift are computed without rounding is checked
//! operation by operation, so y₀ is the minimiser of the network as it is stored and not of one nearby.

use nalgebra::DVector;

use super::exactly::tangent;
use super::family::{Activation, Family, Sizes};
use super::layers::{Drawing, Layers, place};
use super::numbers::Numbers;
use super::path::Opened;
use super::problem::{Problem, context};
use crate::domain::Domain;
use crate::error::Error;

/// What the minimum is to look like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Features {
    /// Kinks through the minimiser beyond those that make it the only one: degenerate vertices of the linear program.
    /// Piecewise-linear families only.
    pub degenerate: usize,
    /// Coordinates of the minimiser on the boundary of the box.
    pub faces: usize,
    /// Dimension of the set of all minimisers; 0 for one alone. Not together with `faces`.
    pub flat: usize,
    /// k: the steepest and the flattest direction at the minimum differ by about 2ᵏ in slope (piecewise-linear families) or
    /// 4ᵏ in curvature (smooth ones).
    pub condition: u32,
}

/// A network over a box with a known minimiser.
#[derive(Debug, Clone)]
pub struct Known {
    /// The network and the box.
    pub problem: Problem,
    /// A minimiser, exactly; the only one where `flat` is 0.
    pub y: Vec<f64>,
    /// The minimum lies between these two; they are equal unless f(y) is irrational (softplus).
    pub value: [f64; 2],
    /// Units and maxima at a kink there.
    pub kinks: usize,
    /// What was asked for.
    pub features: Features,
}

/// Anchors: the units whose kinks (or curvature) at y₀ make it the only minimiser, up to the flat directions.
struct Anchors {
    /// The layer they are in.
    layer: usize,
    /// How many; behind each unit that is flat to one side there is one on the negative argument.
    count: usize,
    /// Units, with those on negative arguments.
    units: usize,
}

impl Known {
    /// A random network with these features over a random box. The layer that holds the minimum in its place gets more units
    /// where it has too few (p + `degenerate`, twice p for elu and celu).
    ///
    /// Errors: sizes out of range; features that exclude each other; numbers that do not fit into 53 bits.
    pub fn new(family: Family, sizes: &Sizes, features: &Features, numbers: &Numbers) -> Result<Known, Error> {
        sizes.check(family)?;
        let p = sizes.decisions;
        features.check(family, p)?;
        let rank = p - features.flat;
        let drawing = Drawing { numbers, coarse: true, rank };
        let units = units(family, sizes.hidden.len());
        let layer = if family.is_piecewise_linear() || family == Family::Quadratic { 0 } else { units.len() - 1 };
        let count = rank + features.degenerate;
        let anchors = Anchors { layer, count, units: if units[layer].one_sided() { 2 * count } else { count } };
        let mut sizes = sizes.clone();
        sizes.hidden[layer] = sizes.hidden[layer].max(anchors.units);
        sizes.check(family)?;
        let mut layers = Layers::draw(family, &sizes, &units, &drawing);
        let x = context(&sizes, |place| (2.0 * numbers.coarse(place)).trunc() / 2.0);
        let y: Vec<f64> = (0..p).map(|j| numbers.coarse(&[place::POINT, j])).collect();
        if let Some(path) = &mut layers.path {
            path.open(&x, |i, r| if i == layer + 1 { r < anchors.units } else { i > layer + 1 && r == 0 });
        }
        let opened = layers.path.as_ref().map(|path| path.at(&x));
        place_anchors(&mut layers, &drawing, &anchors, features.condition);
        connect(&mut layers, &anchors);
        place_kinks(&mut layers, &anchors, opened.as_deref(), &y)?;

        let share = |k: usize, i: usize| [0.25, 0.5, 0.75][numbers.below(3, &[place::SLOPE, k, i])];
        let (domain, normal) = around(&y, features.faces, numbers)?;
        let drawn = Problem::of(&layers, x.clone(), domain.clone())?;
        let slope = tangent(&drawn.instance, &y, share)?.gradient;
        layers.linear.iter_mut().zip(slope.iter().zip(&normal)).for_each(|(c, (g, n))| *c -= g - n);
        let problem = Problem::of(&layers, x, domain)?;
        let at = tangent(&problem.instance, &y, share)?;
        if at.gradient != normal {
            return Err(Error::Choice("the shift does not fit into 53 bits; smaller sizes do".into()));
        }
        let value = if at.value_is_exact {
            [at.value, at.value]
        } else {
            let enclosed = super::suboptimality::value(&problem.instance, &y)?;
            [enclosed.lower, enclosed.upper]
        };
        Ok(Known { problem, y, value, kinks: at.kinks, features: features.clone() })
    }
}

impl Features {
    fn check(&self, family: Family, p: usize) -> Result<(), Error> {
        let wrong = |reason: String| Err(Error::Choice(reason));
        if self.degenerate > 0 && !family.is_piecewise_linear() {
            let name = family.name();
            return wrong(format!(
                "{} degenerate kinks: {name} networks have no kinks at the minimum",
                self.degenerate
            ));
        }
        if self.faces > p {
            return wrong(format!("{} faces, there are {p} decisions", self.faces));
        }
        if self.flat >= p {
            return wrong(format!("a flat of dimension {}, there are {p} decisions", self.flat));
        }
        if self.flat > 0 && self.faces > 0 {
            return wrong(format!("{} faces and a flat of dimension {}: one of them", self.faces, self.flat));
        }
        if self.condition > 40 {
            return wrong(format!("condition number 2^{}, 2^40 is the largest", self.condition));
        }
        Ok(())
    }
}

/// The units of the layers. Slopes and values of the layers before the anchors have to be binary fractions: relu.
fn units(family: Family, depth: usize) -> Vec<Activation> {
    (0..depth)
        .map(|i| match family {
            Family::Softplus | Family::Elu | Family::Celu if i + 1 < depth => Activation::Relu,
            Family::Quadratic if i > 0 => Activation::Relu,
            _ => family.activation(),
        })
        .collect()
}

/// Rows of W^y for the anchors: the first ones a triangular matrix with ones on the diagonal, so they are independent, each
/// times a power of two; the others any. They read y alone.
fn place_anchors(layers: &mut Layers, d: &Drawing, anchors: &Anchors, condition: u32) {
    let p = layers.decisions;
    let layer = &mut layers.layers[anchors.layer];
    let steps = (d.rank - 1).max(1);
    for i in 0..anchors.count {
        let entry = |c: usize| {
            let drawn = d.numbers.coarse(&[place::ANCHOR, i, c]).clamp(-0.25, 0.25);
            let near = d.numbers.below(d.rank.min(512), &[place::ANCHOR, i, c, place::KEEP]) < 2;
            if c == i % d.rank {
                1.0
            } else if near && (c < i || i >= d.rank) {
                drawn
            } else {
                0.0
            }
        };
        let size = 0.5f64.powi((condition as usize * (i % d.rank) / steps) as i32);
        let row: Vec<f64> = (0..p).map(|j| d.column(j)).map(|(c, sign)| sign * size * entry(c)).collect();
        let outputs = layer.b.len() / layer.unit.rows(1);
        for (j, v) in row.iter().enumerate() {
            match layer.unit {
                Activation::Max => layer.wy[(i, j)] = layer.wy[(i + outputs, j)] + v,
                unit => {
                    layer.wy[(i, j)] = *v;
                    if unit.one_sided() {
                        layer.wy[(i + anchors.count, j)] = -v;
                    }
                }
            }
        }
        if let Some(wz) = &mut layer.wz {
            wz.row_mut(i).fill(0.0);
            if layer.unit == Activation::Max {
                wz.row_mut(i + outputs).fill(0.0);
            }
            if layer.unit.one_sided() {
                wz.row_mut(i + anchors.count).fill(0.0);
            }
        }
    }
}

/// A path of positive weights from every anchor to the output, through the first unit of each layer behind them.
fn connect(layers: &mut Layers, anchors: &Anchors) {
    let open = |w: &mut f64| *w = if *w == 0.0 { 0.25 } else { *w };
    if layers.family == Family::Skips {
        // The output reads every layer.
        let first: usize = layers.layers[..anchors.layer].iter().map(|l| l.b.len()).sum();
        (first..first + anchors.units).for_each(|k| open(&mut layers.head[k]));
        return;
    }
    let mut from = anchors.units;
    for layer in &mut layers.layers[anchors.layer + 1..] {
        if let Some(wz) = &mut layer.wz {
            (0..from).for_each(|k| open(&mut wz[(0, k)]));
        }
        from = 1;
    }
    (0..from).for_each(|k| open(&mut layers.head[k]));
}

/// Moves biases: the anchors to their kinks, what lies behind them on the path to the output to where it passes, smooth units
/// to where their slopes are binary fractions.
fn place_kinks(layers: &mut Layers, anchors: &Anchors, opened: Option<&[Opened]>, y: &[f64]) -> Result<(), Error> {
    let front = layers.front.as_ref().map_or(Ok(vec![]), |front| front.at(y))?;
    let mut values: Vec<Vec<f64>> = vec![];
    for k in 0..layers.layers.len() {
        let mut h = layers.reads(&front, &values);
        let mut y = DVector::from_column_slice(y);
        let opened = opened.map(|o| &o[k]);
        if let Some(opened) = opened {
            y.iter_mut().zip(&opened.y).for_each(|(y, by)| *y *= by);
            h.iter_mut().zip(opened.z.iter().flatten()).for_each(|(h, by)| *h *= by);
        }
        let layer = &mut layers.layers[k];
        let mut a: Vec<f64> = (&layer.wy * y).as_slice().to_vec();
        if let Some(wz) = &layer.wz {
            let from_h = wz * DVector::from_vec(h);
            a.iter_mut().zip(from_h.iter()).for_each(|(a, v)| *a += v);
        }
        let shifts = opened.map(|o| &o.shift[..]).into_iter().flatten();
        a.iter_mut().zip(shifts).for_each(|(a, v)| *a += v);
        a.iter_mut().zip(&layer.b).for_each(|(a, b)| *a += b);
        let max = layer.unit == Activation::Max;
        let outputs = if max { a.len() / 2 } else { a.len() };
        for r in 0..outputs {
            let (anchor, carrier) = (k == anchors.layer && r < anchors.units, k > anchors.layer && r == 0);
            let wanted = match layer.unit {
                Activation::Max if anchor => a[r + outputs],
                Activation::Max if carrier => a[r + outputs] + 1.0,
                Activation::Square => a[r],
                Activation::Softplus => 0.0,
                _ if anchor => 0.0,
                _ if carrier => 1.0,
                Activation::Elu | Activation::Celu => a[r].abs(),
                _ => a[r],
            };
            layer.b[r] += wanted - a[r];
            a[r] = wanted;
        }
        values.push(layer.unit.apply(&a));
    }
    Ok(())
}

/// A box around y with so many coordinates of y on its boundary, and there the slope that f is to have.
fn around(y: &[f64], faces: usize, numbers: &Numbers) -> Result<(Domain, Vec<f64>), Error> {
    let p = y.len();
    let side = |s: usize, j: usize| 0.5 + numbers.coarse(&[place::BOX, s, j]).abs();
    let mut lower: Vec<f64> = (0..p).map(|j| y[j] - side(0, j)).collect();
    let mut upper: Vec<f64> = (0..p).map(|j| y[j] + side(1, j)).collect();
    let mut normal = vec![0.0; p];
    let first = numbers.below(p, &[place::FACE]);
    for k in 0..faces {
        let j = (first + k) % p;
        let slope = (1 + numbers.below(4, &[place::FACE, 0, j])) as f64 / 4.0;
        if numbers.below(2, &[place::FACE, 1, j]) == 0 {
            (lower[j], normal[j]) = (y[j], slope);
        } else {
            (upper[j], normal[j]) = (y[j], -slope);
        }
    }
    Ok((Domain::new_box(lower, upper)?, normal))
}
