//! [`NetworkOracle`]: an instance as a function with subgradients, for methods that call f instead of taking it apart.

mod enclosed;
pub(crate) mod errors;
mod hinges;
mod kernels;
mod kinks;
mod pass;
mod plan;
mod product;
mod radii;
mod rough;
mod rows;
mod runs;
pub(crate) mod sizes;
mod spare;
mod sums;
mod units;

use std::sync::Arc;

use hinges::Hinges;
use icnn_solvers::SolverError;
use icnn_solvers::kinks::Kinks;
use icnn_solvers::oracle::Oracle;
use kinks::Workbench;
use pass::{Numbers, Workspace};
use plan::Plan;

use crate::certificate::Multipliers;
use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;
use crate::ir::program::{GroupKind, Op};
use crate::ir::scalar::Scalar;
use crate::ir::unit::Unit;

/// Most points that [`NetworkOracle::values_and_gradients`] takes through the network at once, and most numbers it keeps for that.
const POINTS: usize = 256;
const ROOM: usize = 1 << 19;

/// f at one context, ready to be evaluated many times. A call allocates nothing; the layout is made once for a program and shared
/// by all its contexts.
#[derive(Debug)]
pub struct NetworkOracle<'a> {
    instance: &'a Instance,
    smooth: bool,
    /// `None` where a parameter is not known or not finite: [`Instance::forward`] says so.
    numbers: Arc<Option<Numbers>>,
    work: Workspace,
    /// The room of an earlier run, until it is asked for.
    spare: Option<Workbench>,
    /// Whether the values in it are those of one point.
    single: bool,
    /// What [`Oracle::kinks`] needs, or why there is none.
    workbench: Option<Result<Workbench, String>>,
}

impl<'a> NetworkOracle<'a> {
    /// `bounds`: the intervals over the domain, which tell whether a kink can be met there.
    pub fn new(instance: &'a Instance, bounds: &Bounds) -> NetworkOracle<'a> {
        let numbers = Numbers::of(instance);
        let (mut work, mut spare) = (Workspace::default(), None);
        if let Some(numbers) = numbers.as_ref() {
            (work, spare) = numbers.plan.spare.take();
            work.reserve(&numbers.plan, 1);
        }
        let smooth = is_smooth(instance, bounds);
        NetworkOracle { instance, smooth, numbers, work, spare, single: false, workbench: None }
    }

    /// The same with its kinks, for methods that ask for them; `bounds` decides which there are.
    pub fn with_kinks(mut self, bounds: &Bounds) -> NetworkOracle<'a> {
        let instance = self.instance;
        self.workbench = Some(self.made(|plan| Ok(Arc::new(Hinges::new(instance, bounds, plan)?))));
        self
    }

    /// The same with all kinks that there are on Rᵖ.
    pub fn with_all_kinks(mut self) -> NetworkOracle<'a> {
        let instance = self.instance;
        let made = |plan: &Plan| Ok(Arc::new(Hinges::new(instance, &Bounds::unknown(instance), plan)?));
        self.workbench = Some(self.made(|plan| match plan.units.iter().all(|(unit, _)| unit.params().is_empty()) {
            true => plan.hinges.get_or_init(|| made(plan)).clone(),
            false => made(plan),
        }));
        self
    }

    fn made(&mut self, hinges: impl FnOnce(&Plan) -> Result<Arc<Hinges>, String>) -> Result<Workbench, String> {
        match self.numbers.as_ref() {
            Some(numbers) => hinges(&numbers.plan).map(|hinges| Workbench::new(hinges, numbers, self.spare.take())),
            None => Err("a parameter is not known or not finite".into()),
        }
    }

    /// The subgradient that belongs to shares of the kinks, as slopes and weights for a certificate; `None` without kinks.
    pub fn multipliers(&self, shares: &[f64]) -> Option<Multipliers> {
        let bench = self.workbench.as_ref()?.as_ref().ok()?;
        if shares.len() != bench.hinges.count {
            return None;
        }
        Some(bench.multipliers(shares, self.instance))
    }

    /// f and subgradients at n points: `ys` and `gradients` are n×p, row by row, `values` has n entries. Many points go
    /// through the network as matrix products; the sums are added up in another order than for a single point.
    ///
    /// Errors: sizes that do not fit; those of [`Oracle::value_and_gradient`], for the first such point.
    pub fn values_and_gradients(
        &mut self,
        ys: &[f64],
        values: &mut [f64],
        gradients: &mut [f64],
    ) -> Result<(), SolverError> {
        let p = self.dimension();
        for (what, found) in [("points", ys.len()), ("gradients", gradients.len())] {
            if found != values.len() * p {
                let what = format!("the {what} of {} points", values.len());
                return Err(SolverError::Size { what, found, expected: values.len() * p });
            }
        }
        if p == 0 {
            return values.iter_mut().try_for_each(|value| {
                *value = self.value(&[])?;
                Ok(())
            });
        }
        let most = self.numbers.as_ref().as_ref().map_or(1, |n| (ROOM / n.plan.size).clamp(1, POINTS));
        let chunks = ys.chunks(most * p).zip(values.chunks_mut(most)).zip(gradients.chunks_mut(most * p));
        for ((ys, values), gradients) in chunks {
            if !self.together(ys, values, gradients) {
                for ((y, value), gradient) in ys.chunks_exact(p).zip(values).zip(gradients.chunks_exact_mut(p)) {
                    *value = self.value_and_gradient(y, gradient)?;
                }
            }
        }
        Ok(())
    }

    /// One pass for all points; false if anything is not finite.
    fn together(&mut self, ys: &[f64], values: &mut [f64], gradients: &mut [f64]) -> bool {
        let (Some(numbers), n) = (self.numbers.as_ref(), values.len()) else { return false };
        let (work, size) = (&mut self.work, numbers.plan.size);
        work.reserve(&numbers.plan, n);
        let finite = numbers.forward(work, ys, n);
        self.single = finite && n == 1;
        if !finite {
            return false;
        }
        values.copy_from_slice(&work.values[n * (size - 1)..n * size]);
        numbers.backward(work, n);
        gradients.copy_from_slice(&work.adjoints[..gradients.len()]);
        gradients.iter().all(|g| g.is_finite())
    }

    /// The same by the passes of the IR, which name the node where a number leaves f64.
    fn by_node(&self, y: &[f64], gradient: &mut [f64]) -> Result<f64, SolverError> {
        let trace = self.instance.forward(y).map_err(refusal)?;
        gradient.copy_from_slice(&self.instance.gradient(&trace));
        match gradient.iter().position(|g| !g.is_finite()) {
            Some(j) => Err(SolverError::Oracle { reason: format!("∂f/∂y[{j}] is {} at this point", gradient[j]) }),
            None => Ok(trace.value()),
        }
    }
}

impl Drop for NetworkOracle<'_> {
    fn drop(&mut self) {
        if let Some(numbers) = self.numbers.as_ref() {
            let bench = self.workbench.take().and_then(Result::ok).or_else(|| self.spare.take());
            numbers.plan.spare.leave(std::mem::take(&mut self.work), bench);
        }
    }
}

impl Oracle for NetworkOracle<'_> {
    fn dimension(&self) -> usize {
        self.instance.decisions()
    }

    fn value_and_gradient(&mut self, y: &[f64], gradient: &mut [f64]) -> Result<f64, SolverError> {
        let mut value = [0.0];
        if y.len() == self.dimension() && gradient.len() == y.len() && self.together(y, &mut value, gradient) {
            return Ok(value[0]);
        }
        self.by_node(y, gradient)
    }

    fn value(&mut self, y: &[f64]) -> Result<f64, SolverError> {
        if y.len() == self.dimension()
            && let Some(numbers) = self.numbers.as_ref()
        {
            self.single = numbers.forward(&mut self.work, y, 1);
            if self.single {
                return Ok(self.work.values[numbers.plan.size - 1]);
            }
        }
        Ok(self.instance.forward(y).map_err(refusal)?.value())
    }

    fn is_smooth(&self) -> bool {
        self.smooth
    }

    fn kinks(&mut self) -> Result<&mut dyn Kinks, String> {
        match &self.workbench {
            Some(Ok(_)) => Ok(self),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err("the kinks of the network were not asked for".into()),
        }
    }
}

fn refusal(error: crate::Error) -> SolverError {
    SolverError::Oracle { reason: error.to_string() }
}

/// Whether no node has a kink on its intervals.
pub fn is_smooth(instance: &Instance, bounds: &Bounds) -> bool {
    instance.program().nodes().iter().all(|node| match &node.op {
        Op::Unit { input, unit } => {
            let scalars = instance.scalars(unit, node.len);
            bounds.of(*input).iter().enumerate().all(|(i, on)| match scalars.get(i) {
                Scalar::Lines(lines) => lines.on(*on).len() == 1,
                Scalar::Smooth(Unit::Elu { alpha }) => *alpha == 1.0 || !on.contains(0.0),
                Scalar::Smooth(Unit::Floor | Unit::Ceil | Unit::Round | Unit::Sign) => false,
                Scalar::Smooth(Unit::Power(p)) => *p > 1.0 || !on.contains(0.0),
                Scalar::Smooth(_) => true,
                Scalar::Combination(_) | Scalar::Unknown => false,
            })
        }
        Op::Group { kind: GroupKind::LogSumExp, .. } => true,
        Op::Group { .. } | Op::Select { .. } => false,
        _ => true,
    })
}
