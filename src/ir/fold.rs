//! Fixed coordinates: where the box fixes some of y, everything that depends on those alone becomes a constant. A network
//! whose context and decision come as one input is convex only after this.

use super::builder::Builder;
use super::context::ContextProgram;
use super::finish::remapped;
use super::instance::Instance;
use super::interval::Interval;
use super::program::{NodeId, Op, ParamId, ParamSource, Program};
use crate::error::Error;

/// An instance with constants, and for each node of the old program the one it became.
pub(crate) type Folded = (Instance, Vec<Option<NodeId>>);

impl Instance {
    /// The function as a program of y alone: the same nodes, every parameter with the entries it has here. Of a program
    /// without context, that program.
    ///
    /// Errors: a context left open.
    pub fn closed(&self) -> Result<Program, Error> {
        let mut program = self.program().clone();
        for (k, param) in program.params.iter_mut().enumerate() {
            let Some(values) = self.shared(ParamId(k as u32)) else {
                return Err(Error::Context(format!("'{}' depends on a context row, which is not given", param.name)));
            };
            param.source = ParamSource::Constant(values);
        }
        if !program.context.is_empty() {
            program.derived = Default::default();
            program.context = ContextProgram { opset: program.context.opset, ..ContextProgram::default() };
        }
        Ok(program)
    }

    /// The same function on the box `decision`, with nodes that are constant there replaced by their values. `None` if
    /// there is nothing to replace; the decision vector keeps its length.
    pub fn fold_fixed(&self, decision: &[Interval]) -> Result<Option<Instance>, Error> {
        Ok(self.folded(decision)?.map(|(folded, _)| folded))
    }

    /// The same, with the node of the new program that each node became; `None` for those that became constants or are no
    /// longer used.
    pub(crate) fn folded(&self, decision: &[Interval]) -> Result<Option<Folded>, Error> {
        if !decision.iter().any(Interval::is_point) || !self.is_given() {
            return Ok(None);
        }
        let bounds = self.bounds(decision);
        let proof = self.prove(&bounds);
        let at: Vec<f64> =
            decision.iter().map(|i| if i.is_point() { i.lower } else { 0.0f64.max(i.lower).min(i.upper) }).collect();
        let trace = self.forward(&at)?;
        let program = self.program();
        let mut b = Builder::new(program.decision_name(), program.decision_shape());
        let params: Vec<ParamId> = (0..program.params().len())
            .map(|k| {
                let values = self.shared(ParamId(k as u32)).unwrap_or_default();
                b.constant(&program.params()[k].name, values)
            })
            .collect();
        let mut place: Vec<NodeId> = vec![b.decision()];
        for (k, node) in program.nodes().iter().enumerate().skip(1) {
            let id = NodeId(k as u32);
            b.origin = node.name.clone();
            let constant = proof.of(id).iter().all(|c| c.is_constant());
            let to = |id: NodeId| place[id.index()];
            let is_constant = |id: NodeId| proof.of(id).iter().all(|c| c.is_constant());
            let built = match &node.op {
                _ if constant => Ok(b.constant_vector(&node.name, trace.of(id).to_vec())),
                Op::Product(p, q) if is_constant(*p) || is_constant(*q) => {
                    let (factor, t) = if is_constant(*p) { (*p, *q) } else { (*q, *p) };
                    let by = b.constant(&node.name, trace.of(factor));
                    b.scale(to(t), by)
                }
                Op::Quotient(p, q) if is_constant(*q) => {
                    let inverse: Vec<f64> = trace.of(*q).iter().map(|v| 1.0 / v).collect();
                    let by = b.constant(&node.name, inverse);
                    b.scale(to(*p), by)
                }
                Op::Sum(inputs) => b.sum(&inputs.iter().map(|i| to(*i)).collect::<Vec<_>>()),
                other => {
                    let op = remapped(other, &to, &mut |p| params[p.index()]);
                    Ok(b.push(op, node.len))
                }
            };
            let built = built.map_err(|reason| Error::Domain(format!("{}: {reason}", program.describe(id))))?;
            b.set_shape(built, &node.shape);
            place.push(built);
        }
        let output = place[program.output().index()];
        let folded: Program = b.finish(output).map_err(Error::Domain)?;
        // What `finish` leaves behind moves the rest.
        let mut used = vec![false; output.index() + 1];
        used[output.index()] = true;
        for k in (0..used.len()).rev().filter(|k| *k != 0) {
            if used[k] {
                b.op(NodeId(k as u32)).inputs().iter().for_each(|i| used[i.index()] = true);
            }
        }
        used[0] = true;
        let rank = |id: NodeId| NodeId(used[..id.index()].iter().filter(|u| **u).count() as u32);
        let place = place.iter().enumerate().map(|(k, id)| {
            let constant = proof.of(NodeId(k as u32)).iter().all(|c| c.is_constant());
            (!constant && used.get(id.index()) == Some(&true)).then(|| rank(*id))
        });
        Ok(Some((std::sync::Arc::new(folded).at(&[])?, place.collect())))
    }
}
