//! Einsum: sums of products over named axes.
//!
//! The equation is parsed into labels; operands are contracted from left to right, each pair as a batch of matrix
//! products, a label being summed away as soon as nothing later needs it.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{ArrayD, Axis, IxDyn};

use super::Tensor;
use super::call::Call;
use super::element::{owned, reshaped};
use super::error::{OpError, invalid};
use super::linear::products;
use super::reduce::{rows, sum};

/// A named axis: a letter, or an axis of the ellipsis counted from its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Ellipsis(usize),
    Letter(char),
}

/// An operand whose axes are named, each name once.
struct Operand {
    labels: Vec<Label>,
    array: ArrayD<f64>,
}

/// Explicit (`ij,jk->ik`) and implicit (`ij,jk`) equations, ellipsis included.
pub(super) fn einsum(call: &Call) -> Result<Vec<Tensor>, OpError> {
    let equation: String = call.text("equation", "")?.chars().filter(|c| !c.is_whitespace()).collect();
    let bad = |what: &str| invalid(format!("equation '{equation}': {what}"));
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation.as_str(), None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != call.inputs.len() {
        return Err(bad(&format!("{} terms for {} inputs", terms.len(), call.inputs.len())));
    }
    let mut operands = Vec::with_capacity(terms.len());
    let mut sizes: BTreeMap<Label, usize> = BTreeMap::new();
    let mut uses: BTreeMap<Label, usize> = BTreeMap::new();
    for (i, term) in terms.iter().enumerate() {
        let array = call.floats(i)?;
        let letters = term.chars().filter(|c| *c != '.').count();
        let rest = array.ndim().checked_sub(letters).ok_or_else(|| bad("more letters than axes"))?;
        let labels = parse(term, rest).ok_or_else(|| bad(&format!("term '{term}' is malformed")))?;
        if labels.len() != array.ndim() {
            return Err(bad(&format!("term '{term}' names {} axes of {}", labels.len(), array.ndim())));
        }
        for (label, &extent) in labels.iter().zip(array.shape()) {
            *uses.entry(*label).or_default() += 1;
            let size = sizes.entry(*label).or_insert(extent);
            match (*size, extent) {
                (s, e) if s == e || e == 1 => {}
                (1, e) => *size = e,
                (s, e) => return Err(bad(&format!("{label:?} has extents {s} and {e}"))),
            }
        }
        operands.push((labels, array));
    }
    let ellipsis = sizes.keys().filter(|l| matches!(l, Label::Ellipsis(_))).count();
    let output = match right {
        Some(term) => parse(term, ellipsis).ok_or_else(|| bad(&format!("term '{term}' is malformed")))?,
        // The ellipsis, then the letters that occur once, in alphabetical order.
        None => {
            let letters = uses.iter().filter(|(l, n)| matches!(l, Label::Letter(_)) && **n == 1).map(|(l, _)| *l);
            (0..ellipsis).rev().map(Label::Ellipsis).chain(letters).collect()
        }
    };
    let distinct: BTreeSet<Label> = output.iter().copied().collect();
    if distinct.len() != output.len() || !distinct.iter().all(|l| sizes.contains_key(l)) {
        return Err(bad("the result repeats a letter, or has one that no input has"));
    }
    let shape: Vec<usize> = output.iter().map(|l| sizes[l]).collect();
    call.permit(&shape)?;

    let operands: Vec<Operand> =
        operands.into_iter().map(|(labels, array)| distinct_axes(labels, array, &sizes)).collect();
    let mut needed_later: Vec<BTreeSet<Label>> = vec![distinct];
    for operand in operands.iter().skip(1).rev() {
        let mut needed = needed_later[needed_later.len() - 1].clone();
        needed.extend(&operand.labels);
        needed_later.push(needed);
    }
    let mut operands = operands.into_iter();
    let first = operands.next().ok_or_else(|| bad("no operand"))?;
    let mut total = sum_away(first, &needed_later.pop().unwrap_or_default());
    for operand in operands {
        total = contract(call, total, operand, &needed_later.pop().unwrap_or_default())?;
    }
    let order: Vec<usize> = output.iter().filter_map(|l| total.labels.iter().position(|m| m == l)).collect();
    let result = total.array.permuted_axes(IxDyn(&order));
    Ok(vec![Tensor::Float(reshaped(&result, &shape))])
}

/// The labels of a term whose ellipsis stands for `rest` axes; `None` when malformed.
fn parse(term: &str, rest: usize) -> Option<Vec<Label>> {
    let letters = |text: &str| -> Option<Vec<Label>> {
        text.chars().map(|c| c.is_ascii_alphabetic().then_some(Label::Letter(c))).collect()
    };
    match term.split_once("...") {
        None => letters(term),
        Some((before, after)) => {
            Some([letters(before)?, (0..rest).rev().map(Label::Ellipsis).collect(), letters(after)?].concat())
        }
    }
}

/// The operand with each label once: diagonals for repeated labels, and no axis of extent one where the label is longer
/// elsewhere (leaving it out means the same).
fn distinct_axes(labels: Vec<Label>, array: &ArrayD<f64>, sizes: &BTreeMap<Label, usize>) -> Operand {
    let mut array = array.clone();
    let mut kept: Vec<Label> = Vec::with_capacity(labels.len());
    for label in labels {
        let at = kept.len();
        if array.shape()[at] == 1 && sizes[&label] != 1 {
            array = array.index_axis_move(Axis(at), 0);
        } else if let Some(first) = kept.iter().position(|l| *l == label) {
            // The diagonal of axes `first` and `at`.
            let mut shape = array.shape().to_vec();
            shape.remove(at);
            array = ArrayD::from_shape_fn(IxDyn(&shape), |index| {
                let mut full = ndarray::Dimension::slice(&index).to_vec();
                full.insert(at, full[first]);
                array[IxDyn(&full)]
            });
        } else {
            kept.push(label);
        }
    }
    Operand { labels: kept, array }
}

/// The operand summed over the labels that are not needed.
fn sum_away(operand: Operand, needed: &BTreeSet<Label>) -> Operand {
    let mask: Vec<bool> = operand.labels.iter().map(|l| !needed.contains(l)).collect();
    if !mask.contains(&true) {
        return operand;
    }
    let labels = operand.labels.into_iter().filter(|l| needed.contains(l)).collect();
    Operand { labels, array: rows(&operand.array, &mask, false, sum) }
}

/// The product of two operands, summed over the labels that nothing later needs.
fn contract(call: &Call, a: Operand, b: Operand, later: &BTreeSet<Label>) -> Result<Operand, OpError> {
    let with = |labels: &[Label]| -> BTreeSet<Label> { later.iter().chain(labels).copied().collect() };
    let a = sum_away(a, &with(&b.labels));
    let b = sum_away(b, &with(&a.labels));
    let shared = |l: &Label| a.labels.contains(l) && b.labels.contains(l);
    let (batch, summed): (Vec<Label>, Vec<Label>) =
        a.labels.iter().copied().filter(shared).partition(|l| later.contains(l));
    let free = |o: &Operand| -> Vec<Label> { o.labels.iter().copied().filter(|l| !shared(l)).collect() };
    let (free_a, free_b) = (free(&a), free(&b));

    let size = |o: &Operand, l: &Label| o.labels.iter().position(|m| m == l).map_or(1, |i| o.array.shape()[i]);
    let extent = |l: &Label| if a.labels.contains(l) { size(&a, l) } else { size(&b, l) };
    let labels = [&batch[..], &free_a, &free_b].concat();
    let shape: Vec<usize> = labels.iter().map(extent).collect();
    call.permit(&shape)?;
    let product = |labels: &[Label]| labels.iter().map(extent).product::<usize>();
    let (g, m, k, n) = (product(&batch), product(&free_a), product(&summed), product(&free_b));
    let arranged = |o: &Operand, order: [&[Label]; 3]| {
        let at = |l: &Label| o.labels.iter().position(|x| x == l);
        let order: Vec<usize> = order.concat().iter().filter_map(at).collect();
        owned(&o.array.view().permuted_axes(IxDyn(&order)))
    };
    let left = arranged(&a, [&batch, &free_a, &summed]);
    let right = arranged(&b, [&batch, &summed, &free_b]);
    let pairs: Vec<(usize, usize)> = (0..g).map(|i| (i, i)).collect();
    Ok(Operand { labels, array: reshaped(&products(&left, &right, &pairs, [m, k, n])?, &shape) })
}
