//! The operations of a [`Builder`]: sizes checked, identities gone.

use std::sync::Arc;

use sprs::CsMat;

use super::builder::{Builder, Built};
use super::linear::LinearMap;
use super::program::{GroupKind, Groups, NodeId, Op, ParamId};
use super::unit::Unit;

/// A sum of so many terms is not taken apart again: a long one, written term by term, would be copied for every term.
const LONGEST_SUM: usize = 64;

impl Builder {
    /// A linear map of `input`.
    pub fn linear(&mut self, input: NodeId, map: LinearMap) -> Built {
        if map.input_len() != self.len(input) {
            return Err(format!(
                "the map takes {} entries, its input {input} has {}",
                map.input_len(),
                self.len(input)
            ));
        }
        if let Some(p) = map.param().map(|p| &self.params[p.index()])
            && p.len != map.weight_len()
        {
            return Err(format!("the map needs {} weights, '{}' has {}", map.weight_len(), p.name, p.len));
        }
        let len = map.output_len();
        if let LinearMap::Gather { index, input_len } = &map {
            if let Some(bad) = index.iter().find(|i| *i >= input_len) {
                return Err(format!("entry {bad} is gathered from {input_len} entries"));
            }
            if index.len() == *input_len && index.iter().enumerate().all(|(i, j)| i == *j) {
                return Ok(input);
            }
        }
        Ok(self.add(Op::Linear { input, map }, len))
    }

    /// W·input with W given row-major.
    pub fn dense(&mut self, input: NodeId, weight: ParamId, rows: usize) -> Built {
        let columns = self.len(input);
        self.linear(input, LinearMap::Dense { weight, rows, columns, repeat: 1, transposed: false })
    }

    /// Entries of `input` in the order of `index`.
    pub fn gather(&mut self, input: NodeId, index: Vec<usize>) -> Built {
        let input_len = self.len(input);
        self.linear(input, LinearMap::Gather { index: index.into(), input_len })
    }

    /// A constant sparse matrix times `input`.
    pub fn sparse(&mut self, input: NodeId, matrix: CsMat<f64>) -> Built {
        self.linear(input, LinearMap::Sparse(Arc::new(matrix)))
    }

    /// Elementwise factors.
    pub fn scale(&mut self, input: NodeId, by: ParamId) -> Built {
        let (n, m) = (self.len(input), self.params[by.index()].len);
        if m != 1 && m != n {
            return Err(format!("{m} factors for {n} entries"));
        }
        if self.constant_of(by).is_some_and(|v| v.iter().all(|e| *e == 1.0)) {
            return Ok(input);
        }
        if let (Op::Scale { input: inner, by: first }, Some([c])) = (self.op(input).clone(), self.constant_of(by))
            && let Some([d]) = self.constant_of(first)
            && (*c == -1.0 || *d == -1.0)
        {
            // A change of sign folds exactly into another factor.
            let product = c * d;
            let by = self.constant("", vec![product]);
            return self.scale(inner, by);
        }
        Ok(self.add(Op::Scale { input, by }, n))
    }

    /// One factor for all entries.
    pub fn scale_by(&mut self, input: NodeId, factor: f64) -> Built {
        let by = self.constant("", vec![factor]);
        self.scale(input, by)
    }

    /// Elementwise sum.
    pub fn sum(&mut self, inputs: &[NodeId]) -> Built {
        let Some(first) = inputs.first() else { return Err("a sum of nothing".into()) };
        let len = self.len(*first);
        if let Some(odd) = inputs.iter().find(|i| self.len(**i) != len) {
            return Err(format!("a sum of {first} with {len} entries and {odd} with {}", self.len(*odd)));
        }
        // A shift stays a sum of its own, so that the function of a shifted argument can be recognised.
        let shifts = inputs.iter().any(|i| matches!(self.op(*i), Op::Param(_)));
        let mut terms = vec![];
        for input in inputs {
            match self.op(*input) {
                Op::Sum(inner) if !shifts && inner.len() < LONGEST_SUM => terms.extend(inner.iter().copied()),
                Op::Param(p) if self.constant_of(*p).is_some_and(|v| v.iter().all(|e| *e == 0.0)) => {}
                _ => terms.push(*input),
            }
        }
        match terms.as_slice() {
            [] => Ok(*first),
            [one] => Ok(*one),
            _ => Ok(self.add(Op::Sum(terms), len)),
        }
    }

    /// One vector after the other.
    pub fn concat(&mut self, inputs: &[NodeId]) -> Built {
        match inputs {
            [] => Err("a concatenation of nothing".into()),
            [one] => Ok(*one),
            _ => {
                let len = inputs.iter().map(|i| self.len(*i)).sum();
                Ok(self.add(Op::Concat(inputs.to_vec()), len))
            }
        }
    }

    /// An elementwise function.
    pub fn unit(&mut self, input: NodeId, unit: Unit) -> Built {
        let len = self.len(input);
        for p in unit.params() {
            let param = &self.params[p.index()];
            if param.len != 1 && param.len != len {
                return Err(format!("'{}' has {} entries for {len} elements", param.name, param.len));
            }
        }
        Ok(self.add(Op::Unit { input, unit }, len))
    }

    /// A function of groups of entries.
    pub fn group(&mut self, input: NodeId, kind: GroupKind, groups: Groups) -> Built {
        let n = self.len(input);
        if let Some(bad) = groups.members().iter().find(|i| **i >= n) {
            return Err(format!("entry {bad} of {n} entries is in a group"));
        }
        if (0..groups.len()).any(|g| groups.group(g).is_empty()) {
            return Err("a group without members".into());
        }
        if kind == GroupKind::Max && (0..groups.len()).all(|g| groups.group(g).len() == 1) {
            return self.gather(input, groups.members().to_vec());
        }
        let len = groups.len();
        Ok(self.add(Op::Group { input, kind, groups: Arc::new(groups) }, len))
    }

    /// The elementwise maximum of several nodes.
    pub fn max(&mut self, inputs: &[NodeId]) -> Built {
        let Some(first) = inputs.first() else { return Err("a maximum of nothing".into()) };
        let len = self.len(*first);
        if let Some(odd) = inputs.iter().find(|i| self.len(**i) != len) {
            return Err(format!("a maximum of {first} with {len} entries and {odd} with {}", self.len(*odd)));
        }
        let all = self.concat(inputs)?;
        self.group(all, GroupKind::Max, Groups::new((0..len).map(|i| (0..inputs.len()).map(|k| k * len + i).collect())))
    }

    /// tᵀMt
    pub fn quadratic(&mut self, input: NodeId, matrix: CsMat<f64>) -> Built {
        let n = self.len(input);
        if matrix.rows() != n || matrix.cols() != n {
            return Err(format!("a quadratic form of {n} entries with a {}×{} matrix", matrix.rows(), matrix.cols()));
        }
        Ok(self.add(Op::Quadratic { input, matrix: Arc::new(matrix) }, 1))
    }

    /// Elementwise product of two nodes that both depend on y; a product with itself is a square.
    pub fn product(&mut self, a: NodeId, b: NodeId) -> Built {
        self.same_len("product", a, b)?;
        if a == b {
            return self.unit(a, Unit::Power(2.0));
        }
        for (t, log) in [(a, b), (b, a)] {
            if matches!(self.op(log), Op::Unit { input, unit: Unit::Log } if *input == t) {
                return self.unit(t, Unit::Entropy);
            }
        }
        let len = self.len(a);
        Ok(self.add(Op::Product(a.min(b), a.max(b)), len))
    }

    /// Elementwise quotient of two nodes.
    pub fn quotient(&mut self, a: NodeId, b: NodeId) -> Built {
        self.same_len("quotient", a, b)?;
        let len = self.len(a);
        Ok(self.add(Op::Quotient(a, b), len))
    }

    /// Elementwise choice by the sign of `test`.
    pub fn select(&mut self, test: NodeId, strict: bool, then: NodeId, otherwise: NodeId) -> Built {
        self.same_len("choice", test, then)?;
        self.same_len("choice", then, otherwise)?;
        let len = self.len(test);
        Ok(self.add(Op::Select { test, strict, then, otherwise }, len))
    }

    fn same_len(&self, what: &str, a: NodeId, b: NodeId) -> Built<()> {
        let (n, m) = (self.len(a), self.len(b));
        if n == m { Ok(()) } else { Err(format!("a {what} of {a} with {n} entries and {b} with {m}")) }
    }
}
