//! [`order`]: nodes in an order in which each follows everything it reads, as close to the file's as possible.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::nodes::named;
use crate::load::error::LoadError;
use crate::load::graph::Node;

/// Sorts `nodes` topologically, given the names that are `defined` without them.
///
/// # Errors
/// A name defined twice, a name read and never defined, a cycle (naming a node on it).
pub(super) fn order(nodes: Vec<Node>, defined: &BTreeSet<&str>) -> Result<Vec<Node>, LoadError> {
    let fail = |reason: String| LoadError::Graph { reason };
    let mut producer: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, node) in nodes.iter().enumerate() {
        for output in node.outputs.iter().filter(|o| !o.is_empty()) {
            let other = producer.insert(output, i).map(|j| named(&nodes[j]));
            let other = other.or_else(|| defined.contains(output.as_str()).then(|| "an input or constant".into()));
            if let Some(other) = other {
                return Err(fail(format!("'{output}' is defined twice: by {} and by {other}", named(node))));
            }
        }
    }

    // How many of its inputs each node still waits for, and who waits for it.
    let mut waiting = vec![0usize; nodes.len()];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        for input in node.inputs.iter().flatten() {
            match producer.get(input.as_str()) {
                Some(&j) => {
                    waiting[i] += 1;
                    readers[j].push(i);
                }
                None if defined.contains(input.as_str()) => {}
                None => return Err(fail(format!("'{input}' is read by {} and never defined", named(node)))),
            }
        }
    }

    // Always the earliest node of the file that is ready.
    let mut ready: BinaryHeap<Reverse<usize>> = (0..nodes.len()).filter(|i| waiting[*i] == 0).map(Reverse).collect();
    let mut sequence = Vec::with_capacity(nodes.len());
    while let Some(Reverse(i)) = ready.pop() {
        sequence.push(i);
        for &reader in &readers[i] {
            waiting[reader] -= 1;
            if waiting[reader] == 0 {
                ready.push(Reverse(reader));
            }
        }
    }
    if sequence.len() < nodes.len() {
        let on_cycle = &nodes[on_cycle(&nodes, &producer, &waiting)];
        return Err(fail(format!("{} depends on its own output", named(on_cycle))));
    }
    let mut slots: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    Ok(sequence.into_iter().filter_map(|i| slots[i].take()).collect())
}

/// A node on a cycle: from any node still waiting, step to a producer still waiting until a node repeats.
fn on_cycle(nodes: &[Node], producer: &BTreeMap<&str, usize>, waiting: &[usize]) -> usize {
    let mut seen = BTreeSet::new();
    let mut at = waiting.iter().position(|w| *w > 0).unwrap_or(0);
    while seen.insert(at) {
        let producers = nodes[at].inputs.iter().flatten().filter_map(|name| producer.get(name.as_str()));
        at = producers.copied().find(|j| waiting[*j] > 0).unwrap_or(at);
    }
    at
}
