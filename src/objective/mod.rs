//! [`Objective`]: what is minimised, put together from networks and terms of the user's own into one function of y.
//!
//! Σ wₖ·fₖ(y) + cᵀy + (y − t)ᵀQ(y − t) − τH(y), wₖ ≥ 0, Q positive semidefinite, τ ≥ 0: one program, proven convex and certified like any
//! other. The distances ‖y − t‖ that a projection minimises are made here as well.
//!
//! ```
//! use std::sync::Arc;
//! use icnn::{Domain, Method, ir::program::Program, objective::Objective};
//!
//! let f: Program = "y 1\nn1 = abs n0\noutput n1".parse()?;
//! let f = Arc::new(f).at(&[])?;
//! // |y| + y/2 + (y − 2)², least at y = 5/4
//! let objective = Objective::of(&f).with_linear(&[0.5])?.with_distance(&[1.0], &[2.0])?.build()?;
//! # #[cfg(feature = "highs")] {
//! let found = objective.minimize(&Domain::everything(1), Method::Lp)?;
//! assert!((found.y.unwrap()[0] - 1.25).abs() < 1e-6);
//! # }
//! # Ok::<(), icnn::Error>(())
//! ```

mod entropy;
pub mod file;

use std::sync::Arc;

use sprs::{CsMat, TriMat};

use self::entropy::Entropy;
use crate::error::Error;
use crate::ir::builder::{Builder, Built};
use crate::ir::finish::remapped;
use crate::ir::instance::Instance;
use crate::ir::program::{GroupKind, Groups, NodeId, ParamId};
use crate::ir::unit::Unit;

/// A sum of networks at their contexts, a linear and a quadratic term, under construction.
#[derive(Debug, Clone)]
pub struct Objective {
    networks: Vec<(f64, Instance)>,
    decisions: usize,
    shape: Vec<usize>,
    linear: Vec<Vec<f64>>,
    quadratic: Vec<(CsMat<f64>, Vec<f64>)>,
    entropy: Vec<Entropy>,
}

/// How far two points are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// Σ |yⱼ − tⱼ|
    L1,
    /// (Σ (yⱼ − tⱼ)²)^½
    L2,
    /// max |yⱼ − tⱼ|
    Linf,
}

/// The norms with their names on the command line.
pub const NORMS: &[(&str, Norm)] = &[("l1", Norm::L1), ("l2", Norm::L2), ("linf", Norm::Linf)];

impl Objective {
    /// f alone.
    pub fn of(f: &Instance) -> Objective {
        let shape = f.program().decision_shape().to_vec();
        Objective { networks: vec![(1.0, f.clone())], shape, ..Objective::empty(f.decisions()) }
    }

    /// Nothing yet, of `decisions` coordinates.
    pub fn empty(decisions: usize) -> Objective {
        Objective {
            networks: vec![],
            decisions,
            shape: vec![decisions],
            linear: vec![],
            quadratic: vec![],
            entropy: vec![],
        }
    }

    fn length(&self, what: &str, found: usize) -> Result<(), Error> {
        if found == self.decisions {
            return Ok(());
        }
        Err(Error::Objective(format!("{what} has {found} entries, there are {} decisions", self.decisions)))
    }

    fn finite(what: &str, values: &[f64]) -> Result<(), Error> {
        match values.iter().position(|v| !v.is_finite()) {
            Some(j) => Err(Error::Objective(format!("{what}: entry {j} is {}", values[j]))),
            None => Ok(()),
        }
    }

    /// Adds `weight`·f.
    ///
    /// Errors: another number of decisions, a weight that is negative or not finite, a context left open.
    pub fn with_network(mut self, weight: f64, f: &Instance) -> Result<Objective, Error> {
        self.length("a network of the sum", f.decisions())?;
        if !(weight >= 0.0 && weight.is_finite()) {
            return Err(Error::Objective(format!("a network has weight {weight}; weights are at least 0")));
        }
        if !f.is_given() {
            return Err(Error::Objective("a network of the sum needs a context row".into()));
        }
        self.networks.push((weight, f.clone()));
        Ok(self)
    }

    /// Multiplies all networks added so far by `weight`. Errors as for [`with_network`](Self::with_network).
    pub fn weighted(mut self, weight: f64) -> Result<Objective, Error> {
        if !(weight >= 0.0 && weight.is_finite()) {
            return Err(Error::Objective(format!("a network has weight {weight}; weights are at least 0")));
        }
        self.networks.iter_mut().for_each(|(w, _)| *w *= weight);
        Ok(self)
    }

    /// Adds cᵀy (c of length p): a price.
    ///
    /// Errors: another length, an entry that is not finite.
    pub fn with_linear(mut self, c: &[f64]) -> Result<Objective, Error> {
        self.length("the linear term", c.len())?;
        Objective::finite("the linear term", c)?;
        self.linear.push(c.to_vec());
        Ok(self)
    }

    /// Adds Σ qⱼ·(yⱼ − tⱼ)² (q and t of length p): a proximal term, a distance to a target.
    ///
    /// Errors: another length, an entry that is not finite, a negative weight qⱼ.
    pub fn with_distance(self, q: &[f64], t: &[f64]) -> Result<Objective, Error> {
        self.length("the quadratic term", q.len())?;
        if let Some(j) = q.iter().position(|v| *v < 0.0) {
            let reason = format!("the quadratic term: weight {j} is {}; weights are at least 0", q[j]);
            return Err(Error::Objective(reason));
        }
        let mut matrix = TriMat::new((q.len(), q.len()));
        q.iter().enumerate().filter(|(_, v)| **v != 0.0).for_each(|(j, v)| matrix.add_triplet(j, j, *v));
        self.with_quadratic(matrix.to_csr(), t)
    }

    /// Adds (y − t)ᵀQ(y − t), Q p × p. That it is convex is proven with the whole.
    ///
    /// Errors: other sizes, an entry that is not finite.
    pub fn with_quadratic(mut self, q: CsMat<f64>, t: &[f64]) -> Result<Objective, Error> {
        self.length("the quadratic term", q.rows())?;
        self.length("a row of the quadratic term", q.cols())?;
        self.length("the target", t.len())?;
        Objective::finite("the quadratic term", q.data())?;
        Objective::finite("the target", t)?;
        self.quadratic.push((q, t.to_vec()));
        Ok(self)
    }

    /// The whole as one function of y.
    ///
    /// Errors: nothing was added; a program that cannot be put together.
    pub fn build(&self) -> Result<Instance, Error> {
        let alone = self.linear.is_empty() && self.quadratic.is_empty() && self.entropy.is_empty();
        if let ([(1.0, only)], true) = (self.networks.as_slice(), alone) {
            return Ok(only.clone());
        }
        self.program().map_err(Error::Objective).and_then(|p| Arc::new(p).at(&[]))
    }

    fn program(&self) -> Built<crate::ir::program::Program> {
        let mut b = Builder::new("y", &self.shape);
        let mut terms = vec![];
        for (weight, f) in self.networks.iter().filter(|(w, _)| *w != 0.0) {
            let value = copied(&mut b, f)?;
            let by = b.constant("weight", vec![*weight]);
            terms.push(b.scale(value, by)?);
        }
        for c in &self.linear {
            b.origin = "the linear term".into();
            let weight = b.constant("linear", c.clone());
            let y = b.decision();
            terms.push(b.dense(y, weight, 1)?);
        }
        for (q, t) in &self.quadratic {
            if q.nnz() == 0 {
                continue;
            }
            // (y − t)ᵀQ(y − t) = yᵀQy − ((Q + Qᵀ)t)ᵀy + tᵀQt: the form is of y itself.
            let y = b.decision();
            let (mut slope, mut constant) = (vec![0.0; t.len()], 0.0);
            for (v, (i, j)) in q.iter() {
                slope[i] -= v * t[j];
                slope[j] -= v * t[i];
                constant += v * t[i] * t[j];
            }
            if !slope.iter().all(|v| v.is_finite()) || !constant.is_finite() {
                return Err("the quadratic term: with its target it leaves the range of 64-bit numbers".into());
            }
            b.origin = "the quadratic term".into();
            terms.push(b.quadratic(y, q.clone())?);
            if slope.iter().any(|v| *v != 0.0) {
                let weight = b.constant("target", slope);
                terms.push(b.dense(y, weight, 1)?);
                terms.push(b.constant_vector("", vec![constant]));
            }
        }
        for entropy in &self.entropy {
            b.origin = "the entropy".into();
            terms.extend(entropy.term(&mut b)?);
        }
        b.origin = "the sum of all terms".into();
        let value = match terms.as_slice() {
            [] => b.constant_vector("", vec![0.0]),
            [only] => *only,
            terms => b.sum(terms)?,
        };
        // The output has to be the last node.
        let place = b.gather(value, vec![0])?;
        b.finish(place)
    }
}

/// Copies the nodes of a function into a builder with the same decisions; returns the node of its value.
fn copied(b: &mut Builder, f: &Instance) -> Built {
    let program = f.program();
    let params: Vec<ParamId> = (0..program.params().len())
        .map(|k| {
            let values = f.shared(ParamId(k as u32)).unwrap_or_default();
            b.constant(&program.params()[k].name, values)
        })
        .collect();
    let mut place = vec![b.decision()];
    for node in program.nodes().iter().skip(1) {
        b.origin = node.name.clone();
        let op = remapped(&node.op, &|id: NodeId| place[id.index()], &mut |p| params[p.index()]);
        let id = b.push(op, node.len);
        b.set_shape(id, &node.shape);
        place.push(id);
    }
    b.origin = String::new();
    Ok(place[program.output().index()])
}

/// ‖y − t‖ as a function of y; for [`Norm::L2`] its square, which has the same minimisers.
///
/// Errors: an entry of t that is not finite.
pub fn distance(norm: Norm, t: &[f64]) -> Result<Instance, Error> {
    Objective::finite("the point", t)?;
    if norm == Norm::L2 {
        return Objective::empty(t.len()).with_distance(&vec![1.0; t.len()], t)?.build();
    }
    let build = || {
        let mut b = Builder::new("y", &[t.len()]);
        let minus = b.constant_vector("point", t.iter().map(|v| -v).collect::<Vec<f64>>());
        let difference = b.sum(&[b.decision(), minus])?;
        let sizes = b.unit(difference, Unit::Abs)?;
        let value = if norm == Norm::L1 {
            let ones = b.constant("", vec![1.0; t.len()]);
            b.dense(sizes, ones, 1)?
        } else {
            b.group(sizes, GroupKind::Max, Groups::new([(0..t.len()).collect()]))?
        };
        b.finish(value)
    };
    build().map_err(Error::Objective).and_then(|p| Arc::new(p).at(&[]))
}
