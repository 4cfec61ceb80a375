//! The convexity proof: a curvature for every entry of every node, with the rule used, and the first node where the
//! proof stops. Rules of disciplined convex programming on a graph, strengthened by the intervals of [`Bounds`].

use super::bounds::Bounds;
use super::curvature::Curvature;
use super::instance::Instance;
use super::interval::Interval;
use super::linear::LinearMap;
use super::program::{GroupKind, NodeId, Op};
use super::psd::{Definiteness, definiteness};
use super::scalar::Behaviour;
use super::unit::Unit;

/// The proof, node by node.
#[derive(Debug, Clone)]
pub struct Proof {
    curvature: Vec<Vec<Curvature>>,
    rules: Vec<String>,
    failure: Option<Failure>,
    notes: Vec<String>,
    second_order: bool,
}

/// Where a proof stops first.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The node.
    pub node: NodeId,
    /// The first entry of it that is neither proven convex nor concave although its arguments are.
    pub element: usize,
    /// Why.
    pub reason: String,
}

impl Proof {
    /// Curvature of each entry of a node.
    pub fn of(&self, id: NodeId) -> &[Curvature] {
        &self.curvature[id.index()]
    }

    /// The rule used at a node, in words.
    pub fn rule(&self, id: NodeId) -> &str {
        &self.rules[id.index()]
    }

    /// Curvature of the output.
    pub fn output(&self) -> Curvature {
        if self.second_order { Curvature::CONVEX } else { self.by_composition() }
    }

    /// Curvature of the output by the rules of composition alone: what a lowering needs.
    pub fn by_composition(&self) -> Curvature {
        self.curvature.last().and_then(|v| v.first()).copied().unwrap_or(Curvature::UNKNOWN)
    }

    /// The first node where the proof stops, unless the output is proven all the same.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref().filter(|_| self.output() == Curvature::UNKNOWN)
    }

    /// Remarks on what exactly is proven.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl Instance {
    /// Whether the program is proven convex on all of Rᵖ at every context, by rules that look neither at intervals nor at the context's
    /// numbers. Found out once for a program.
    pub(crate) fn is_convex_everywhere(&self) -> bool {
        self.program().derived.is(|| {
            let open = self.opened();
            open.prove(&Bounds::unknown(&open)).output().is_convex()
        })
    }

    /// Runs the proof over the box whose intervals are in `bounds`.
    pub fn prove(&self, bounds: &Bounds) -> Proof {
        let mut proof = Proof { curvature: vec![], rules: vec![], failure: None, notes: vec![], second_order: false };
        for (k, node) in self.program().nodes().iter().enumerate() {
            let id = NodeId(k as u32);
            let step = Step { instance: self, bounds, proof: &proof, id, len: node.len };
            let (curvature, rule) = step.rule(&node.op);
            if proof.failure.is_none()
                && let Some(element) = curvature.iter().position(|c| *c == Curvature::UNKNOWN)
            {
                let reason = step.why(&node.op, element);
                proof.failure = Some(Failure { node: id, element, reason });
            }
            proof.notes.extend(self.switch_note(id, bounds));
            proof.curvature.push(curvature);
            proof.rules.push(rule);
        }
        if proof.output() == Curvature::UNKNOWN && self.proven_by_second_order(bounds) {
            proof.second_order = true;
            proof.notes.push(
                "by bounds on the Hessian of the whole function, because the rules of composition do not cover it"
                    .into(),
            );
        }
        proof
    }

    /// A softplus whose overflow guard can act on the domain is not exactly the function that is proven convex.
    fn switch_note(&self, id: NodeId, bounds: &Bounds) -> Option<String> {
        let Op::Unit { input, unit: Unit::Softplus { beta, switch: Some(switch) } } = &self.program().node(id).op
        else {
            return None;
        };
        let reached = bounds.of(*input).iter().any(|i| i.upper * beta > *switch);
        reached.then(|| {
            format!(
                "{}: the file replaces softplus by its argument beyond {switch}; the proof is about softplus itself, which differs by at most {:.1e} there",
                self.program().describe(id),
                (-switch).exp().ln_1p() / beta
            )
        })
    }
}

/// The view of one node on the proof so far.
pub(super) struct Step<'a> {
    pub instance: &'a Instance,
    pub bounds: &'a Bounds,
    pub proof: &'a Proof,
    id: NodeId,
    len: usize,
}

impl Step<'_> {
    /// Rows of a matrix times entries of one and the same curvature: only the signs in a row count, which are quickly found. `None` for
    /// other maps and entries.
    fn of_like_entries(&self, map: &LinearMap, entries: &[Curvature]) -> Option<Vec<Curvature>> {
        let LinearMap::Dense { columns, repeat: 1, transposed: false, .. } = map else { return None };
        let like = *entries.first().filter(|first| entries.iter().all(|c| c == *first))?;
        let of_row = |row: &[f64]| {
            // What is no number has both signs.
            let (mut positive, mut negative) = (false, false);
            for w in row {
                positive |= *w > 0.0 || w.is_nan();
                negative |= *w < 0.0 || w.is_nan();
            }
            let signs = [(positive, like), (negative, like.negated())];
            signs.iter().filter(|(any, _)| *any).fold(Curvature::CONSTANT, |sum, (_, c)| sum.plus(*c))
        };
        let rows = self.instance.weights(map)?.chunks_exact((*columns).max(1));
        Some(rows.map(of_row).collect::<Vec<_>>()).filter(|rows| rows.len() == self.len)
    }

    fn rule(&self, op: &Op) -> (Vec<Curvature>, String) {
        let c = |id: NodeId| self.proof.of(id);
        match op {
            Op::Decision => {
                let fixed = |i: &Interval| if i.is_point() { Curvature::CONSTANT } else { Curvature::AFFINE };
                (self.bounds.of(self.id).iter().map(fixed).collect(), "the decision".into())
            }
            Op::Param(_) => (vec![Curvature::CONSTANT; self.len], "does not depend on y".into()),
            Op::Linear { input, map } => {
                let input_curvature = c(*input);
                if let Some(out) = self.of_like_entries(map, input_curvature) {
                    return (out, self.affine_rule(&[*input], "weights"));
                }
                let mut out = vec![Curvature::CONSTANT; self.len];
                let range = map.param().filter(|p| self.instance.known(*p).is_none());
                let range = range.map(|p| self.instance.interval(p, 0));
                map.visit(self.instance.weights(map), |i, j, w| {
                    let (low, high) = range.map_or((w, w), |r| (r.lower, r.upper));
                    out[i] = out[i].plus(input_curvature[j].times(low, high));
                });
                (out, self.affine_rule(&[*input], "weights"))
            }
            Op::Scale { input, by } => {
                let out = c(*input).iter().enumerate().map(|(i, c)| {
                    let s = self.instance.interval(*by, i);
                    c.times(s.lower, s.upper)
                });
                (out.collect(), self.affine_rule(&[*input], "factors"))
            }
            Op::Sum(inputs) => {
                let out =
                    (0..self.len).map(|i| inputs.iter().map(|id| c(*id)[i]).fold(Curvature::CONSTANT, Curvature::plus));
                (out.collect(), "a sum of like curvature keeps it".into())
            }
            Op::Concat(inputs) => {
                (inputs.iter().flat_map(|id| c(*id)).copied().collect(), "each entry keeps its curvature".into())
            }
            Op::Unit { input, unit } => {
                let scalars = self.instance.scalars(unit, self.len);
                let (arguments, on) = (c(*input), self.bounds.of(*input));
                let behaviours: Vec<Behaviour> = (0..self.len).map(|i| scalars.get(i).behaviour(on[i])).collect();
                let out = (0..self.len).map(|i| compose(behaviours[i], arguments[i])).collect();
                (out, unit_rule(&behaviours, arguments))
            }
            Op::Group { input, kind, groups } => {
                let (arguments, on) = (c(*input), self.bounds.of(*input));
                let out = (0..self.len).map(|g| {
                    let group = groups.group(g);
                    let all = group.iter().map(|i| arguments[*i]).fold(Curvature::CONSTANT, Curvature::plus);
                    match kind {
                        _ if all.is_constant() => Curvature::CONSTANT,
                        GroupKind::Max if group.len() == 1 => all,
                        GroupKind::Max | GroupKind::LogSumExp => Curvature::of(all.is_convex(), false),
                        GroupKind::Norm => {
                            let nonnegative = group.iter().all(|i| on[*i].lower >= 0.0);
                            Curvature::of(all.is_affine() || all.is_convex() && nonnegative, false)
                        }
                    }
                });
                let rule = match kind {
                    GroupKind::Max => "max of convex entries is convex",
                    GroupKind::LogSumExp => "log-sum-exp of convex entries is convex",
                    GroupKind::Norm => "a norm of affine entries is convex",
                };
                (out.collect(), rule.into())
            }
            Op::Quadratic { input, matrix } => {
                let all = c(*input).iter().fold(Curvature::CONSTANT, |a, c| a.plus(*c));
                if all.is_constant() {
                    return (vec![Curvature::CONSTANT], "of constants".into());
                }
                let sign = definiteness(matrix);
                let convex = all.is_affine() && sign == Definiteness::Positive;
                let concave = all.is_affine() && sign == Definiteness::Negative;
                (vec![Curvature::of(convex, concave)], format!("quadratic form of affine entries, {sign}"))
            }
            Op::Product(a, b) => (self.bilinear(*a, *b), "product of two values".into()),
            Op::Quotient(a, b) => {
                let out = (0..self.len).map(|i| {
                    let (top, bottom) = (c(*a)[i], c(*b)[i]);
                    let sign = self.bounds.of(*b)[i];
                    if top.is_constant() && bottom.is_constant() {
                        Curvature::CONSTANT
                    } else if bottom.is_constant() && sign.lower > 0.0 {
                        top
                    } else if bottom.is_constant() && sign.upper < 0.0 {
                        top.negated()
                    } else {
                        Curvature::UNKNOWN
                    }
                });
                (out.collect(), "quotient of two values".into())
            }
            Op::Select { test, strict, then, otherwise } => {
                let out = (0..self.len).map(|i| {
                    let t = self.bounds.of(*test)[i];
                    if t.lower > 0.0 || (!strict && t.lower >= 0.0) {
                        c(*then)[i]
                    } else if t.upper < 0.0 || (*strict && t.upper <= 0.0) {
                        c(*otherwise)[i]
                    } else if c(*test)[i].is_constant() && c(*then)[i].is_constant() && c(*otherwise)[i].is_constant() {
                        Curvature::CONSTANT
                    } else {
                        Curvature::UNKNOWN
                    }
                });
                (out.collect(), "the test's sign is decided over the domain".into())
            }
        }
    }

    fn bilinear(&self, a: NodeId, b: NodeId) -> Vec<Curvature> {
        let (ca, cb) = (self.proof.of(a), self.proof.of(b));
        let (ia, ib) = (self.bounds.of(a), self.bounds.of(b));
        (0..self.len)
            .map(|i| {
                if ca[i].is_constant() {
                    cb[i].times(ia[i].lower, ia[i].upper)
                } else if cb[i].is_constant() {
                    ca[i].times(ib[i].lower, ib[i].upper)
                } else {
                    Curvature::UNKNOWN
                }
            })
            .collect()
    }

    fn affine_rule(&self, inputs: &[NodeId], what: &str) -> String {
        let all = inputs.iter().flat_map(|id| self.proof.of(*id)).fold(Curvature::CONSTANT, |a, c| a.plus(*c));
        if all.is_affine() {
            format!("any {what} on affine entries")
        } else {
            format!("nonnegative {what} keep curvature, negative ones turn it, any on affine entries")
        }
    }
}

/// Curvature of g∘t from g's behaviour on the range of t.
fn compose(g: Behaviour, t: Curvature) -> Curvature {
    if t.is_constant() {
        return Curvature::CONSTANT;
    }
    let up = |wanted: bool| g.nondecreasing && wanted;
    let down = |wanted: bool| g.nonincreasing && wanted;
    let convex = g.convex && (t.is_affine() || up(t.is_convex()) || down(t.is_concave()));
    let concave = g.concave && (t.is_affine() || up(t.is_concave()) || down(t.is_convex()));
    Curvature::of(convex, concave)
}

fn unit_rule(behaviours: &[Behaviour], arguments: &[Curvature]) -> String {
    let mut words: Vec<&str> = vec![];
    for (g, t) in behaviours.iter().zip(arguments) {
        let word = match compose(*g, *t) {
            c if c.is_constant() => "constant over the domain",
            c if c.is_affine() => "affine over the domain",
            c if c.is_convex() && t.is_affine() => "convex of affine",
            c if c.is_convex() && g.nondecreasing => "convex and nondecreasing, of convex",
            c if c.is_convex() => "convex and nonincreasing, of concave",
            c if c.is_concave() && t.is_affine() => "concave of affine",
            c if c.is_concave() && g.nondecreasing => "concave and nondecreasing, of concave",
            c if c.is_concave() => "concave and nonincreasing, of convex",
            _ => "no rule applies",
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join("; ")
}
