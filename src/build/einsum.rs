//! Einstein sums on the y-path: operands are laid out over all labels, multiplied, and summed over the labels that the
//! result does not have. A quadratic form in one value keeps its matrix.

use std::collections::BTreeMap;

use sprs::TriMat;

use super::lowering::{Arguments, Lowered, Lowering, Value};
use super::reduce::summing;
use crate::ir::program::Groups;
use crate::load::graph::{Attribute, Node};
use crate::tensor::Tensor;

/// A parsed equation with the extent of each label.
struct Equation {
    inputs: Vec<Vec<char>>,
    output: Vec<char>,
    /// All labels, those of the result first.
    labels: Vec<char>,
    extents: BTreeMap<char, usize>,
}

impl Equation {
    fn parse(text: &str, shapes: &[&[usize]]) -> Lowered<Equation> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (left, right) = match text.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (text.as_str(), None),
        };
        if !text.chars().all(|c| c.is_ascii_alphabetic() || ",->".contains(c)) {
            return Err(format!("equation '{text}' has an ellipsis or a sign that the y-path does not support"));
        }
        let inputs: Vec<Vec<char>> = left.split(',').map(|s| s.chars().collect()).collect();
        if inputs.len() != shapes.len() {
            return Err(format!("equation '{text}' names {} operands, there are {}", inputs.len(), shapes.len()));
        }
        let mut extents = BTreeMap::new();
        for (labels, shape) in inputs.iter().zip(shapes) {
            if labels.len() != shape.len() {
                return Err(format!("equation '{text}': {} labels for extents {shape:?}", labels.len()));
            }
            for (label, d) in labels.iter().zip(*shape) {
                let known = extents.entry(*label).or_insert(*d);
                if *known != *d {
                    return Err(format!("equation '{text}': label {label} has extents {known} and {d}"));
                }
            }
        }
        let output: Vec<char> = match right {
            Some(right) => right.chars().collect(),
            None => {
                let all: Vec<char> = inputs.iter().flatten().copied().collect();
                extents.keys().copied().filter(|c| all.iter().filter(|d| *d == c).count() == 1).collect()
            }
        };
        if let Some(label) = output.iter().find(|c| !extents.contains_key(c)) {
            return Err(format!("equation '{text}': label {label} of the result is in no operand"));
        }
        let mut labels = output.clone();
        labels.extend(extents.keys().copied().filter(|c| !output.contains(c)));
        Ok(Equation { inputs, output, labels, extents })
    }

    fn size(&self, labels: &[char]) -> Option<usize> {
        labels.iter().try_fold(1usize, |n, c| n.checked_mul(self.extents[c]))
    }

    /// For every point of the full index space the entry of an operand with the given labels.
    fn index(&self, operand: &[char]) -> Vec<usize> {
        let total = self.size(&self.labels).unwrap_or(0);
        (0..total)
            .map(|point| {
                let mut at = BTreeMap::new();
                let mut rest = point;
                for label in self.labels.iter().rev() {
                    at.insert(*label, rest % self.extents[label]);
                    rest /= self.extents[label];
                }
                operand.iter().fold(0, |i, c| i * self.extents[c] + at[c])
            })
            .collect()
    }
}

pub(super) fn einsum(l: &mut Lowering, node: &Node, a: Arguments) -> Lowered {
    let operands: Vec<&Value> = a.iter().flatten().collect();
    let shapes: Vec<&[usize]> = operands.iter().map(|v| v.shape()).collect();
    let text = node.string("equation").ok_or("it has no equation")?;
    let e = Equation::parse(text, &shapes)?;
    let total = e.size(&e.labels).filter(|n| *n <= l.limit && *n > 0);
    let total = total.ok_or_else(|| format!("equation '{text}' runs over more than {} index points", l.limit))?;
    let rows = e.size(&e.output).unwrap_or(1);
    let moving: Vec<usize> = (0..operands.len()).filter(|k| operands[*k].is_decision()).collect();
    let factor = factors(l, &e, &operands)?;
    let shape: Vec<usize> = e.output.iter().map(|c| e.extents[c]).collect();

    if let ([p, q], 1) = (moving.as_slice(), rows) {
        let (first, second) = (l.node_of(operands[*p], shapes[*p])?, l.node_of(operands[*q], shapes[*q])?);
        let numbers = match &factor {
            None => Some(vec![1.0; total]),
            Some(value) => value.known().map(|v| v.to_vec()),
        };
        if let (true, Some(numbers)) = (first == second, numbers) {
            let n = l.builder.len(first);
            let mut matrix = TriMat::new((n, n));
            for ((i, j), v) in e.index(&e.inputs[*p]).iter().zip(e.index(&e.inputs[*q])).zip(numbers) {
                matrix.add_triplet(*i, j, v);
            }
            let node = l.builder.quadratic(first, matrix.to_csr())?;
            return Ok(Value::Decision { node, shape });
        }
    }
    let mut product = None;
    for k in moving {
        let t = l.node_of(operands[k], shapes[k])?;
        let spread = l.builder.gather(t, e.index(&e.inputs[k]))?;
        product = Some(match product {
            None => spread,
            Some(before) => l.builder.product(before, spread)?,
        });
    }
    let mut product = product.ok_or("no operand depends on y")?;
    if let Some(value) = factor {
        let by = l.param(&value)?;
        product = l.builder.scale(product, by)?;
    }
    let width = total / rows;
    let groups = Groups::new((0..rows).map(|r| (r * width..(r + 1) * width).collect()));
    let node = l.builder.sparse(product, summing(&groups, total, |_| 1.0))?;
    Ok(Value::Decision { node, shape })
}

/// The product of the operands that do not depend on y, laid out over all labels; `None` when there is none.
fn factors(l: &mut Lowering, e: &Equation, operands: &[&Value]) -> Lowered<Option<Value>> {
    let still: Vec<usize> = (0..operands.len()).filter(|k| !operands[*k].is_decision()).collect();
    if still.is_empty() {
        return Ok(None);
    }
    // A row of ones for each label keeps all of them in the result.
    let mut terms: Vec<String> = still.iter().map(|k| e.inputs[*k].iter().collect()).collect();
    let mut values: Vec<Option<Value>> = still.iter().map(|k| Some(operands[*k].clone())).collect();
    for label in &e.labels {
        terms.push(label.to_string());
        values.push(Some(super::rearrange::known(vec![1.0; e.extents[label]], &[e.extents[label]])?));
    }
    let equation = format!("{}->{}", terms.join(","), e.labels.iter().collect::<String>());
    let node = Node {
        name: format!("{}_factors", l.builder.origin),
        op: "Einsum".into(),
        inputs: vec![],
        outputs: vec![],
        attributes: [("equation".to_string(), Attribute::String(equation))].into(),
    };
    let known: Option<Vec<Option<&Tensor>>> = values
        .iter()
        .map(|v| match v {
            Some(Value::Known(t)) => Some(Some(t.as_ref())),
            _ => None,
        })
        .collect();
    let result = match known {
        Some(tensors) => l.fold(&node, &tensors)?,
        None => l.context_step(node, &values)?,
    };
    Ok(result.into_iter().next())
}
