//! [`Sizes`]: whether an operation fits the nodes before it and the parameters, asked of programs that come from a file.
//! A [`Builder`](super::builder::Builder) asks the same while it simplifies; here nothing is changed, so that a file is read
//! back as it was written.

use super::linear::{Convolution, LinearMap};
use super::lines::Lines;
use super::program::{NodeId, Op, Param, ParamId};
use super::unit::Unit;

/// The largest extent, stride, dilation or pad of a convolution: beyond it, sums of products could overflow.
const LARGEST: usize = 1 << 31;
/// Output positions times kernel taps may be this many times the limit.
const WORK: usize = 64;

/// What is known where an operation stands.
#[derive(Debug)]
pub(crate) struct Sizes<'a> {
    /// Number of entries of each node so far.
    pub lens: &'a [usize],
    /// All parameters.
    pub params: &'a [Param],
    /// Most entries a node may have.
    pub limit: usize,
}

type Fit<T> = Result<T, String>;

impl Sizes<'_> {
    /// How many entries the operation makes; an error says which two numbers disagree.
    pub fn of(&self, op: &Op) -> Fit<usize> {
        let len = match op {
            Op::Decision => return Err("the decision can only be node 0".into()),
            Op::Param(p) => self.param(*p)?.len,
            Op::Linear { input, map } => self.linear(self.len(*input)?, map)?,
            Op::Scale { input, by } => self.spread(*by, self.len(*input)?)?,
            Op::Sum(inputs) => self.alike(inputs)?,
            Op::Concat(inputs) => {
                let lens = inputs.iter().map(|i| self.len(*i)).collect::<Fit<Vec<usize>>>()?;
                lens.iter().try_fold(0usize, |n, l| n.checked_add(*l)).ok_or("it is too long")?
            }
            Op::Unit { input, unit } => {
                let n = self.len(*input)?;
                self.unit(unit, n)?;
                n
            }
            Op::Group { input, groups, .. } => {
                let n = self.len(*input)?;
                if let Some(bad) = groups.members().iter().find(|i| **i >= n) {
                    return Err(format!("entry {bad} is in a group, its input has {n} entries"));
                }
                if let Some(g) = (0..groups.len()).find(|g| groups.group(*g).is_empty()) {
                    return Err(format!("group {g} of {} has no member", groups.len()));
                }
                groups.len()
            }
            Op::Quadratic { input, matrix } => {
                let n = self.len(*input)?;
                if (matrix.rows(), matrix.cols()) != (n, n) {
                    return Err(format!(
                        "its matrix is {}×{}, its input has {n} entries",
                        matrix.rows(),
                        matrix.cols()
                    ));
                }
                1
            }
            Op::Product(a, b) | Op::Quotient(a, b) => self.alike(&[*a, *b])?,
            Op::Select { test, then, otherwise, .. } => self.alike(&[*test, *then, *otherwise])?,
        };
        if len == 0 || len > self.limit {
            return Err(format!("it has {len} entries; 1 to {} are permitted for what the file stores", self.limit));
        }
        Ok(len)
    }

    fn len(&self, id: NodeId) -> Fit<usize> {
        let before = self.lens.len();
        self.lens.get(id.index()).copied().ok_or_else(|| format!("it reads node {}, before it are {before}", id.0))
    }

    fn param(&self, id: ParamId) -> Fit<&Param> {
        let all = self.params.len();
        self.params.get(id.index()).ok_or_else(|| format!("it uses parameter {}, there are {all}", id.0))
    }

    /// A parameter with one entry for all elements or one for each.
    fn spread(&self, id: ParamId, n: usize) -> Fit<usize> {
        let param = self.param(id)?;
        if param.len != 1 && param.len != n {
            return Err(format!("parameter {} '{}' has {} entries for {n} elements", id.0, param.name, param.len));
        }
        Ok(n)
    }

    fn alike(&self, inputs: &[NodeId]) -> Fit<usize> {
        let first = self.len(*inputs.first().ok_or("it has no input")?)?;
        for input in inputs {
            let len = self.len(*input)?;
            if len != first {
                return Err(format!("node {} has {first} entries, node {} has {len}", inputs[0].0, input.0));
            }
        }
        Ok(first)
    }

    fn linear(&self, n: usize, map: &LinearMap) -> Fit<usize> {
        let takes = |m: usize| {
            if m == n { Ok(()) } else { Err(format!("W has {m} columns, its input has {n} entries")) }
        };
        match map {
            LinearMap::Dense { weight, rows, columns, repeat, .. } => {
                let param = self.param(*weight)?;
                if *columns == 0 || *rows == 0 || *repeat == 0 {
                    return Err(format!("{rows} rows, {columns} columns, repeated {repeat} times"));
                }
                if rows.checked_mul(*columns) != Some(param.len) {
                    return Err(format!(
                        "W is {rows}×{columns}, parameter {} '{}' has {} entries",
                        weight.0, param.name, param.len
                    ));
                }
                if *repeat == 1 {
                    takes(*columns)?;
                } else if columns.checked_mul(*repeat) != Some(n) {
                    return Err(format!("W has {columns} columns, repeated {repeat} times; its input has {n} entries"));
                }
                rows.checked_mul(*repeat).ok_or_else(|| format!("{rows} rows repeated {repeat} times"))
            }
            LinearMap::Sparse(m) => takes(m.cols()).map(|()| m.rows()),
            LinearMap::Convolution { weight, geometry } => self.convolution(n, *weight, geometry),
            LinearMap::Gather { index, input_len } => {
                takes(*input_len)?;
                match index.iter().find(|i| **i >= n) {
                    Some(bad) => Err(format!("it gathers entry {bad}, its input has {n} entries")),
                    None => Ok(index.len()),
                }
            }
        }
    }

    fn convolution(&self, n: usize, weight: ParamId, g: &Convolution) -> Fit<usize> {
        let axes = g.input.len();
        let lists = [
            ("output", &g.output, 1),
            ("kernel", &g.kernel, 1),
            ("strides", &g.strides, 1),
            ("dilations", &g.dilations, 1),
            ("input", &g.input, 1),
            ("pads", &g.pads, 0),
        ];
        for (name, list, least) in lists {
            if list.len() != axes || axes == 0 {
                return Err(format!("{name} has {} axes, input has {axes}", list.len()));
            }
            if let Some(bad) = list.iter().find(|e| !(least..=LARGEST).contains(*e)) {
                return Err(format!("{name} has an entry {bad}; {least} to {LARGEST} are permitted"));
            }
        }
        let (from, to) = (g.input_channels, g.output_channels);
        let divides = g.groups > 0 && from.is_multiple_of(g.groups) && to.is_multiple_of(g.groups);
        if from == 0 || to == 0 || !divides {
            return Err(format!("{} groups of {from} input and {to} output channels", g.groups));
        }
        let count = |first: usize, list: &[usize]| list.iter().try_fold(first, |n, e| n.checked_mul(*e));
        if count(from, &g.input) != Some(n) {
            return Err(format!("{from} channels of extents {:?}, its input has {n} entries", g.input));
        }
        let weights = to.checked_mul(from / g.groups).and_then(|c| count(c, &g.kernel));
        let param = self.param(weight)?;
        if weights != Some(param.len) {
            return Err(format!(
                "{to} kernels of {} channels and extents {:?}, parameter {} '{}' has {} entries",
                from / g.groups,
                g.kernel,
                weight.0,
                param.name,
                param.len
            ));
        }
        let len = count(to, &g.output).filter(|n| *n <= self.limit);
        let len =
            len.ok_or_else(|| format!("{to} channels of extents {:?}, {} entries at most", g.output, self.limit))?;
        let work = count(1, &g.output).and_then(|n| count(n, &g.kernel));
        if work.is_none_or(|w| w > self.limit.saturating_mul(WORK)) {
            return Err(format!("kernels of extents {:?} at {:?} places", g.kernel, g.output));
        }
        Ok(len)
    }

    fn unit(&self, unit: &Unit, n: usize) -> Fit<()> {
        let finite = |name: &str, v: f64| {
            if v.is_finite() { Ok(()) } else { Err(format!("{} with {name} = {v}", unit.name())) }
        };
        let positive = |name: &str, v: f64| {
            finite(name, v)?;
            if v > 0.0 { Ok(()) } else { Err(format!("{} with {name} = {v}, it must be positive", unit.name())) }
        };
        match unit {
            Unit::Leaky(p) => self.spread(*p, n).map(|_| ()),
            Unit::Clip { lower, upper } => {
                let between = lower <= upper && *lower < f64::INFINITY && *upper > f64::NEG_INFINITY;
                if between { Ok(()) } else { Err(format!("clip to [{lower}, {upper}]")) }
            }
            Unit::Lines(lines) => fits(lines),
            Unit::Combination(terms) => {
                if terms.is_empty() {
                    return Err("a combination of no terms".into());
                }
                terms.iter().try_for_each(|t| {
                    finite("inner", t.inner)?;
                    self.spread(t.weight, n)?;
                    self.unit(&t.unit, n)
                })
            }
            Unit::Softplus { beta, switch } => {
                positive("beta", *beta)?;
                match switch {
                    // Below it the file's function is too far from softplus to be called one.
                    Some(c) if !(c.is_finite() && *c >= 9.99) => {
                        Err(format!("softplus with an overflow guard at {c}, 10 is the least"))
                    }
                    _ => Ok(()),
                }
            }
            Unit::Elu { alpha } => finite("alpha", *alpha),
            Unit::Celu { alpha } => positive("alpha", *alpha),
            Unit::Power(p) => finite("exponent", *p),
            _ => Ok(()),
        }
    }
}

/// Whether the pieces are finite and meet: a jump would make nonsense of every proof.
fn fits(lines: &Lines) -> Fit<()> {
    let numbers = lines.pieces().iter().flat_map(|p| [p.slope, p.intercept]);
    match numbers.chain(lines.breaks().iter().copied()).find(|v| !v.is_finite()) {
        Some(v) => Err(format!("a piecewise-linear function with the number {v}")),
        None => Ok(()),
    }
}
