//! [`read`], [`parse`]: JSON text → [`Program`], everything checked.

use std::collections::BTreeSet;
use std::path::Path;

use super::number::plain;
use super::schema::{self, File, Header};
use super::{FORMAT, VERSION, context, ops};
use crate::build::{element_limit, memory_budget};
use crate::error::Error;
use crate::ir::builder::footprint;
use crate::ir::context::ContextValue;
use crate::ir::entries::Entries;
use crate::ir::program::{Node, Op, Param, ParamSource, Program};
use crate::ir::sizes::Sizes;
use crate::load::bytes;
use crate::load::error::LoadError;

/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = 1 << 32;
/// The most nodes, parameters or steps: an index is 32 bits wide.
const MOST: usize = 1 << 31;

/// Reads the program in the file at `path`.
///
/// # Errors
/// A file that cannot be read, and everything [`parse`] refuses.
pub fn read(path: &Path) -> Result<Program, Error> {
    parse(&bytes::whole(path, LARGEST_FILE)?)
}

/// Reads a program from JSON text.
///
/// # Errors
/// [`LoadError`]: text that is not JSON, of another format or version, with a field that is missing or unknown; a node, a
/// parameter or a step that does not fit the others, named with both numbers. [`Error::Unsupported`]: a step of the x-path
/// that cannot be run.
pub fn parse(text: &[u8]) -> Result<Program, Error> {
    let malformed = |reason: String| LoadError::Malformed { reason };
    let header: Header = serde_json::from_slice(text).map_err(|e| malformed(format!("not JSON: {e}")))?;
    match header.format.as_deref() {
        Some(FORMAT) => {}
        Some(other) => {
            let hint = if other == "icnn-layers" { "; it describes a .safetensors file: load that one" } else { "" };
            return Err(malformed(format!("its format is \"{other}\", not \"{FORMAT}\"{hint}")).into());
        }
        None => return Err(malformed(format!("the JSON does not begin with \"format\": \"{FORMAT}\"")).into()),
    }
    match header.version {
        Some(VERSION) => {}
        Some(other) => {
            return Err(malformed(format!("version {other} of the format; version {VERSION} is read")).into());
        }
        None => return Err(malformed(format!("no version of the format; version {VERSION} is read")).into()),
    }
    let file: File = serde_json::from_slice(text).map_err(|e| malformed(e.to_string()))?;
    program(file)
}

/// An error at one part of the file.
pub(super) fn at(part: impl Into<String>, reason: impl Into<String>) -> Error {
    LoadError::Part { part: part.into(), reason: reason.into() }.into()
}

/// How many numbers the file stores.
fn stored(file: &File) -> usize {
    let params: usize = file.params.iter().filter_map(|p| p.values.as_ref()).map(Vec::len).sum();
    let nodes: usize = file.nodes.iter().map(|n| ops::stored(&n.op)).sum();
    params + nodes + context::stored(&file.context)
}

fn program(file: File) -> Result<Program, Error> {
    let stored = stored(&file);
    let (limit, budget) = (element_limit(stored), memory_budget(stored));
    for (what, n) in [("nodes", file.nodes.len()), ("params", file.params.len()), ("steps", file.context.steps.len())] {
        if n > MOST {
            return Err(at(what, format!("{n} of them, {MOST} are permitted")));
        }
    }
    let decision = file.decision;
    let p = entries(&decision.shape, limit).map_err(|reason| at("the decision", reason))?;
    let mut names = BTreeSet::from([decision.name.as_str()]);
    for input in &file.context.inputs {
        entries(&input.shape, limit).map_err(|reason| at(format!("context input '{}'", input.name), reason))?;
        if !names.insert(&input.name) {
            return Err(at(format!("context input '{}'", input.name), "another input has this name"));
        }
    }
    let replayed = context::context(file.context, limit, budget)?;
    let params = file
        .params
        .into_iter()
        .enumerate()
        .map(|(k, p)| {
            let part = format!("parameter {k} '{}'", p.name);
            param(p, &replayed).map_err(|reason| at(part, reason))
        })
        .collect::<Result<Vec<Param>, Error>>()?;

    let mut memory: usize = params.iter().map(|p| 8 * p.len).sum();
    let mut nodes: Vec<Node> = Vec::with_capacity(file.nodes.len());
    let mut lens: Vec<usize> = Vec::with_capacity(file.nodes.len());
    for (k, record) in file.nodes.into_iter().enumerate() {
        let part = |name: &str| format!("node {k} ({name})");
        let (op, len) = if k == 0 {
            if !matches!(record.op, schema::Op::Y) {
                return Err(at("node 0", "the first node must be the decision, \"y\""));
            }
            (Op::Decision, p)
        } else {
            let named = ops::name(&record.op);
            let op = ops::op(record.op, &lens).map_err(|reason| at(part(named), reason))?;
            let len = Sizes { lens: &lens, params: &params, limit }.of(&op);
            let len = len.map_err(|reason| at(part(op.name()), reason))?;
            (op, len)
        };
        let extents = entries(&record.shape, limit).map_err(|reason| at(part(op.name()), reason))?;
        if extents != len {
            return Err(at(
                part(op.name()),
                format!("its shape {:?} has {extents} entries, it has {len}", record.shape),
            ));
        }
        memory = memory.saturating_add(footprint(&op, len));
        if memory > budget {
            let reason = format!(
                "with it the network takes {memory} bytes of memory; for what its file stores, {budget} are permitted"
            );
            return Err(at(part(op.name()), reason));
        }
        lens.push(len);
        nodes.push(Node { op, len, shape: record.shape, name: record.name });
    }
    match (nodes.first(), lens.last()) {
        (Some(first), Some(1)) if first.shape == decision.shape => {}
        (Some(_), Some(1)) => {
            return Err(at("node 0 (y)", format!("its shape is not that of the decision, {:?}", decision.shape)));
        }
        (_, Some(n)) => {
            return Err(at(format!("node {}", lens.len() - 1), format!("the output has {n} entries, 1 is needed")));
        }
        _ => return Err(at("nodes", "there are 0, 1 at least is needed")),
    }
    let (decision_name, decision_shape) = (decision.name, decision.shape);
    Ok(Program { nodes, params, context: replayed.context, decision_name, decision_shape, derived: Default::default() })
}

/// The number of entries of extents, from 1 to `limit`.
pub(super) fn entries(shape: &[usize], limit: usize) -> Result<usize, String> {
    let n = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).filter(|n| (1..=limit).contains(n));
    n.ok_or_else(|| format!("shape {shape:?} has no entries or more than {limit}"))
}

fn param(record: schema::Param, replayed: &crate::build::replay::Replayed) -> Result<Param, String> {
    let (len, source) = match (record.values, record.context) {
        (Some(values), None) => {
            let values = Entries::from(plain(values));
            if let Some(i) = values.iter().position(|v| !v.is_finite()) {
                return Err(format!("entry {i} is {}", values[i]));
            }
            (values.len(), ParamSource::Constant(values))
        }
        (None, Some(value)) => {
            let value = match value {
                schema::Value::Input(k) => ContextValue::Input(k),
                schema::Value::Step(step, output) => ContextValue::Step { step, output },
            };
            let (len, range) = replayed.value(value).ok_or_else(|| format!("the x-path has no value {value:?}"))?;
            (len, ParamSource::Context { value, range })
        }
        _ => return Err("it needs either 'values' or 'context'".into()),
    };
    if len == 0 {
        return Err("it has 0 entries, 1 at least is needed".into());
    }
    Ok(Param { name: record.name, len, source })
}
