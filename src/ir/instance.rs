//! [`Instance`]: a program at one context. The weights stay shared; only what the x-path computes is new.

use std::sync::Arc;

use super::derived::Derived;
use super::entries::Entries;
use super::interval::Interval;
use super::program::{ParamId, ParamSource, Program};
use crate::error::Error;

/// What is known of a parameter.
#[derive(Debug, Clone)]
pub enum ParamValue {
    /// Its entries.
    Known(Entries),
    /// Only an interval that holds every entry, for every context.
    Range(Interval),
}

/// A program with its context given, or deliberately left open.
#[derive(Debug, Clone)]
pub struct Instance {
    program: Arc<Program>,
    values: Vec<ParamValue>,
    /// What a later stage makes of the numbers.
    pub(crate) derived: Derived,
}

impl Instance {
    pub(crate) fn given(program: Arc<Program>, x: &[f64]) -> Result<Instance, Error> {
        let computed = program.context.evaluate(x)?;
        let values = program
            .params
            .iter()
            .map(|p| match &p.source {
                ParamSource::Constant(v) => Ok(ParamValue::Known(v.clone())),
                ParamSource::Context { value, .. } => {
                    let v = computed.get(*value, &p.name, p.len)?;
                    match v.iter().position(|e| !e.is_finite()) {
                        Some(i) => Err(Error::Context(format!(
                            "the x-path gives {} for entry {i} of '{}'; is the context row in range?",
                            v[i], p.name
                        ))),
                        None => Ok(ParamValue::Known(v)),
                    }
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Instance { program, values, derived: Derived::default() })
    }

    pub(crate) fn open(program: Arc<Program>) -> Instance {
        let values = program
            .params
            .iter()
            .map(|p| match &p.source {
                ParamSource::Constant(v) => ParamValue::Known(v.clone()),
                ParamSource::Context { range, .. } => ParamValue::Range(*range),
            })
            .collect();
        Instance { program, values, derived: Derived::default() }
    }

    /// The same with its context left open.
    pub(crate) fn opened(&self) -> Instance {
        Instance::open(self.program.clone())
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Number of decisions p.
    pub fn decisions(&self) -> usize {
        self.program.decisions()
    }

    /// The entries of a parameter, where they are known.
    pub fn known(&self, id: ParamId) -> Option<&[f64]> {
        match &self.values[id.index()] {
            ParamValue::Known(v) => Some(v),
            ParamValue::Range(_) => None,
        }
    }

    /// The same, to be shared.
    pub fn shared(&self, id: ParamId) -> Option<Entries> {
        match &self.values[id.index()] {
            ParamValue::Known(v) => Some(v.clone()),
            ParamValue::Range(_) => None,
        }
    }

    /// An interval that holds entry `i` of a parameter; a parameter of length 1 stands for any length.
    pub fn interval(&self, id: ParamId, i: usize) -> Interval {
        match &self.values[id.index()] {
            ParamValue::Known(v) => Interval::point(if v.len() == 1 { v[0] } else { v[i] }),
            ParamValue::Range(r) => *r,
        }
    }

    /// Entry `i` of a parameter, where it is known; a parameter of length 1 stands for any length.
    pub fn entry(&self, id: ParamId, i: usize) -> Option<f64> {
        self.known(id).map(|v| if v.len() == 1 { v[0] } else { v[i] })
    }

    /// The weights a linear map refers to.
    pub fn weights(&self, map: &super::linear::LinearMap) -> Option<&[f64]> {
        map.param().and_then(|p| self.known(p))
    }

    /// Whether every parameter is known, so that the function can be evaluated.
    pub fn is_given(&self) -> bool {
        self.values.iter().all(|v| matches!(v, ParamValue::Known(_)))
    }
}
