//! [`inline`]: calls of functions the model defines itself are replaced by their bodies.

use std::collections::BTreeMap;

use prost::Message;

use super::proto::{AttributeProto, FunctionProto, NodeProto};
use super::{default_opsets, is_default};
use crate::load::error::LoadError;

/// How deep functions may call functions.
const DEEPEST: usize = 32;
/// How many bytes of function bodies may be copied for each byte of the file.
const COPIES_PER_BYTE: usize = 8;
/// What a copied node costs in memory beside its bytes, and beside that when it has attributes.
const COPY: usize = 512;
const COPY_ATTRIBUTES: usize = 2048;
/// Bytes of function bodies that may always be copied.
const COPIES_FREE: usize = 64 << 20;

/// The nodes without calls: every node is of the default domain, and has a name.
///
/// # Errors
/// A node of another domain that is no function of the model, a function that takes part in calling itself or is
/// written for another opset, bodies that unfold to far more than the file holds.
pub(super) fn inline(
    nodes: Vec<NodeProto>,
    functions: &[FunctionProto],
    opset: i64,
    file: usize,
) -> Result<Vec<NodeProto>, LoadError> {
    let mut by_name = BTreeMap::new();
    for f in functions {
        let id = (f.domain(), f.name(), f.overload());
        let graph = |reason: String| Err(LoadError::Graph { reason });
        if is_default(f.domain()) {
            return graph(format!("function '{}' replaces a standard operator, which is not supported", f.name()));
        }
        if by_name.insert(id, f).is_some() {
            return graph(format!("function '{}.{}' is defined twice", f.domain(), f.name()));
        }
    }
    let budget = file.saturating_mul(COPIES_PER_BYTE).saturating_add(COPIES_FREE);
    let mut inliner = Inliner { functions: by_name, opset, budget, calls: 0, nodes: Vec::with_capacity(nodes.len()) };
    for (index, mut node) in nodes.into_iter().enumerate() {
        if node.name().is_empty() {
            node.name = Some(format!("{}_{index}", node.op_type()));
        }
        inliner.push(node, 0)?;
    }
    Ok(inliner.nodes)
}

/// The functions, and the nodes so far.
struct Inliner<'a> {
    functions: BTreeMap<(&'a str, &'a str, &'a str), &'a FunctionProto>,
    opset: i64,
    budget: usize,
    calls: usize,
    nodes: Vec<NodeProto>,
}

impl Inliner<'_> {
    /// Appends a node, or the body of the function it calls.
    fn push(&mut self, node: NodeProto, depth: usize) -> Result<(), LoadError> {
        if is_default(node.domain()) {
            self.nodes.push(node);
            return Ok(());
        }
        let fail = |reason: String| LoadError::Node { node: node.name().into(), op: node.op_type().into(), reason };
        let id = (node.domain(), node.op_type(), node.overload());
        let Some(function) = self.functions.get(&id).copied() else {
            return Err(fail(format!("its domain '{}' is neither the default one nor a function here", node.domain())));
        };
        if depth == DEEPEST {
            return Err(fail(format!("functions call functions more than {DEEPEST} deep")));
        }
        if let Some(found) = default_opsets(&function.opset_import).find(|found| *found != self.opset) {
            return Err(fail(format!("the function uses opset {found}, the model {}", self.opset)));
        }
        if node.input.len() > function.input.len() || node.output.len() > function.output.len() {
            return Err(fail(format!(
                "it has {} inputs and {} outputs, the function {} and {}",
                node.input.len(),
                node.output.len(),
                function.input.len(),
                function.output.len()
            )));
        }

        // Formal names become the caller's, all others get the call's own prefix.
        self.calls += 1;
        let prefix = format!("{}#{}/", node.name(), self.calls);
        let mut names: BTreeMap<&str, String> = BTreeMap::new();
        for (i, formal) in function.input.iter().enumerate() {
            names.insert(formal, node.input.get(i).cloned().unwrap_or_default());
        }
        let mut passed_on = Vec::new();
        for (formal, actual) in function.output.iter().zip(&node.output).filter(|(_, actual)| !actual.is_empty()) {
            match names.get(formal.as_str()) {
                Some(source) => passed_on.push((source.clone(), actual.clone())),
                None => {
                    names.insert(formal, actual.clone());
                }
            }
        }
        for (index, inner) in function.node.iter().enumerate() {
            let copy = self.copy(inner, index, &node, function, &prefix, &names)?;
            self.push(copy, depth + 1)?;
        }
        for (source, actual) in passed_on {
            self.nodes.push(NodeProto {
                input: vec![source],
                name: Some(format!("{prefix}{actual}")),
                output: vec![actual],
                op_type: Some("Identity".into()),
                ..NodeProto::default()
            });
        }
        Ok(())
    }

    /// A node of a function body as it stands in the caller.
    fn copy(
        &mut self,
        inner: &NodeProto,
        index: usize,
        call: &NodeProto,
        function: &FunctionProto,
        prefix: &str,
        names: &BTreeMap<&str, String>,
    ) -> Result<NodeProto, LoadError> {
        let mut copy = inner.clone();
        for name in copy.input.iter_mut().chain(&mut copy.output).filter(|n| !n.is_empty()) {
            *name = names.get(name.as_str()).cloned().unwrap_or_else(|| format!("{prefix}{name}"));
        }
        copy.name = Some(match inner.name() {
            "" => format!("{prefix}{}_{index}", inner.op_type()),
            own => format!("{prefix}{own}"),
        });
        copy.attribute.clear();
        for attribute in &inner.attribute {
            let outer = attribute.ref_attr_name();
            if outer.is_empty() {
                copy.attribute.push(attribute.clone());
            } else {
                let named = |a: &&AttributeProto| a.name() == outer;
                let given = call.attribute.iter().find(named);
                // An attribute without a value is left out, and the operator's default applies.
                if let Some(value) = given.or_else(|| function.attribute_proto.iter().find(named)) {
                    copy.attribute.push(AttributeProto { name: attribute.name.clone(), ..value.clone() });
                }
            }
        }
        // Names at a depth repeat the prefix, so the copy is measured as it will stand.
        let cost = copy.encoded_len() + COPY + if copy.attribute.is_empty() { 0 } else { COPY_ATTRIBUTES };
        self.budget = self.budget.checked_sub(cost).ok_or_else(|| LoadError::Node {
            node: call.name().into(),
            op: call.op_type().into(),
            reason: "the model's functions unfold to far more than the file holds".into(),
        })?;
        Ok(copy)
    }
}
