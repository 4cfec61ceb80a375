//! Which entries the output depends on at all: a zero gate, a zero weight or a unit that is constant over the domain cuts
//! off everything behind it.

use crate::ir::bounds::Bounds;
use crate::ir::instance::Instance;
use crate::ir::program::{NodeId, Op};
use crate::ir::scalar::Scalar;

/// For each node, for each entry, whether the output uses it.
pub(crate) fn needed(instance: &Instance, bounds: &Bounds) -> Vec<Vec<bool>> {
    let nodes = instance.program().nodes();
    let mut used: Vec<Vec<bool>> = nodes.iter().map(|n| vec![false; n.len]).collect();
    if let Some(last) = used.last_mut() {
        last.fill(true);
    }
    for k in (0..nodes.len()).rev() {
        let here = std::mem::take(&mut used[k]);
        if here.iter().any(|u| *u) {
            let mut mark = |id: NodeId, i: usize| used[id.index()][i] = true;
            let all = || here.iter().enumerate().filter(|(_, u)| **u).map(|(i, _)| i);
            match &nodes[k].op {
                Op::Decision | Op::Param(_) => {}
                Op::Linear { input, map } => {
                    let input = &mut used[input.index()];
                    map.visit(instance.weights(map), |i, j, w| input[j] |= here[i] & (w != 0.0));
                }
                Op::Scale { input, by } => {
                    all().filter(|i| instance.entry(*by, *i) != Some(0.0)).for_each(|i| mark(*input, i));
                }
                Op::Concat(inputs) => {
                    let mut start = 0;
                    for input in inputs {
                        let len = nodes[input.index()].len;
                        (0..len).filter(|i| here[start + i]).for_each(|i| mark(*input, i));
                        start += len;
                    }
                }
                Op::Group { input, groups, .. } => {
                    all().for_each(|g| groups.group(g).iter().for_each(|i| mark(*input, *i)));
                }
                Op::Unit { input, unit } => {
                    let scalars = instance.scalars(unit, here.len());
                    let moves = |i: &usize| match scalars.get(*i) {
                        Scalar::Lines(lines) => lines.on(bounds.of(*input)[*i]).iter().any(|p| p.slope != 0.0),
                        _ => true,
                    };
                    all().filter(moves).for_each(|i| mark(*input, i));
                }
                Op::Quadratic { input, .. } => (0..nodes[input.index()].len).for_each(|i| mark(*input, i)),
                elementwise => {
                    for input in elementwise.inputs() {
                        all().for_each(|i| mark(input, i));
                    }
                }
            }
        }
        used[k] = here;
    }
    used
}
