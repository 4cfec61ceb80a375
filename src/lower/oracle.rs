//! [`NetworkOracle`]: an instance as a function with subgradients, for methods that call f instead of taking it apart.

use icnn_solvers::SolverError;
use icnn_solvers::oracle::Oracle;

use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;
use crate::ir::program::{GroupKind, Op};
use crate::ir::scalar::Scalar;
use crate::ir::unit::Unit;

/// f at one context, ready to be evaluated many times.
#[derive(Debug)]
pub struct NetworkOracle<'a> {
    instance: &'a Instance,
    smooth: bool,
}

impl<'a> NetworkOracle<'a> {
    /// `bounds`: the intervals over the domain, which tell whether a kink can be met there.
    pub fn new(instance: &'a Instance, bounds: &Bounds) -> NetworkOracle<'a> {
        NetworkOracle { instance, smooth: is_smooth(instance, bounds) }
    }
}

impl Oracle for NetworkOracle<'_> {
    fn dimension(&self) -> usize {
        self.instance.decisions()
    }

    fn value_and_gradient(&mut self, y: &[f64], gradient: &mut [f64]) -> Result<f64, SolverError> {
        let trace = self.instance.forward(y).map_err(refusal)?;
        gradient.copy_from_slice(&self.instance.gradient(&trace));
        match gradient.iter().position(|g| !g.is_finite()) {
            Some(j) => Err(SolverError::Oracle { reason: format!("∂f/∂y[{j}] is {} at this point", gradient[j]) }),
            None => Ok(trace.value()),
        }
    }

    fn value(&mut self, y: &[f64]) -> Result<f64, SolverError> {
        Ok(self.instance.forward(y).map_err(refusal)?.value())
    }

    fn is_smooth(&self) -> bool {
        self.smooth
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
