//! The passes of a network as a program of kinks ([`Kinks`]): with shares of one's own choosing, along directions, and
//! from single units down.

use std::sync::Arc;

use icnn_solvers::SolverError;
use icnn_solvers::dense::{dot, vectorised};
use icnn_solvers::kinks::{Kinks, Rows};
use icnn_solvers::oracle::Oracle;

use super::NetworkOracle;
use super::hinges::{Bend, Bends, Hinges, UnitBends};
use super::pass::{Numbers, Scratch, add_joined_adjoint, at, at_mut, join};
use super::plan::{Action, Term};
use super::rough::RoughPasses;
use crate::certificate::Multipliers;
use crate::ir::instance::Instance;
use crate::ir::program::Op;

/// Most rows that are made in one pass, so that they stay in the cache, and most numbers kept for that.
const ROWS: usize = 16;
const ROOM: usize = 1 << 21;

/// The kinks of an oracle, and what their passes write to.
#[derive(Debug)]
pub(super) struct Workbench {
    pub hinges: Arc<Hinges>,
    /// n × the size of the plan, step by step: adjoints, or rates.
    pub buffer: Vec<f64>,
    /// n × `stride`, the kinks below what a pass begins with.
    pub weights: Vec<f64>,
    stride: usize,
    /// n
    pub constants: Vec<f64>,
    /// Shares, those of units that are left free being 0.
    pub shares: Vec<f64>,
    /// Whether the buffer holds the adjoints that belong to these shares.
    pub held: bool,
    slopes: Vec<f64>,
    intercepts: Vec<f64>,
    /// Units below single ones that are active.
    pub active: Vec<usize>,
    pub scratch: Scratch,
    pub rough: RoughPasses,
}

impl Workbench {
    /// With the room of a `spare` one.
    pub fn new(hinges: Arc<Hinges>, numbers: &Numbers, spare: Option<Workbench>) -> Workbench {
        if let Some(mut spare) = spare {
            spare.rough.forget();
            return Workbench { hinges, held: false, ..spare };
        }
        let none = Vec::new;
        let scratch = Scratch::with_room(numbers.plan.longest);
        let (buffer, weights, constants, shares, slopes, intercepts) = (none(), none(), none(), none(), none(), none());
        let rough = RoughPasses::with_room(numbers.plan.longest);
        Workbench {
            hinges,
            buffer,
            weights,
            stride: 0,
            constants,
            shares,
            held: false,
            slopes,
            intercepts,
            active: vec![],
            scratch,
            rough,
        }
    }

    /// How many numbers there is room for.
    pub fn numbers(&self) -> usize {
        self.buffer.capacity() + self.weights.capacity() + self.rough.numbers()
    }

    /// Whether the last pass was a backward one with these shares.
    pub fn holds(&self, shares: &[f64]) -> bool {
        self.held && self.shares == shares
    }

    /// Its shares, its adjoints, step by step, and the constant of its minorant.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    pub fn adjoints(&self) -> &[f64] {
        &self.buffer
    }

    pub fn constant(&self) -> f64 {
        self.constants[0]
    }

    /// Zeros for n points below step `top`, which meet the first `stride` kinks.
    pub fn clear(&mut self, numbers: &Numbers, top: usize, n: usize, stride: usize) {
        self.held = false;
        let len = n * numbers.plan.steps.get(top).map_or(numbers.plan.size, |step| step.out.at);
        self.buffer.clear();
        self.buffer.resize(len, 0.0);
        // Without any kink there is one entry too many: the number of points stays that of the chunks.
        let stride = stride.max(1);
        self.stride = stride;
        // A pass writes those of all units, but not of all members of maxima.
        if self.hinges.steps.iter().any(|bends| matches!(bends, Bends::Group(_))) {
            self.weights.clear();
        }
        if self.weights.len() < n * stride {
            self.weights.resize(n * stride, 0.0);
        }
        self.constants.clear();
        self.constants.resize(n, 0.0);
    }

    /// Passes the adjoints of n points, which are set in the buffer, down through the steps before `top`.
    fn pull(&mut self, numbers: &Numbers, top: usize, n: usize) {
        let Workbench { hinges, buffer, weights, stride, constants, shares, slopes, intercepts, scratch, .. } = self;
        let stride = *stride;
        for (step, bends) in numbers.plan.steps[..top].iter().zip(&hinges.steps).rev() {
            let (before, rest) = buffer.split_at_mut(step.out.at * n);
            let above = &rest[..step.out.len * n];
            match (&step.action, bends) {
                (Action::Affine(terms), _) => {
                    for term in terms {
                        if let Term::Param(p) = term {
                            let (values, len) = (numbers.param(*p), step.out.len.max(1));
                            vectorised(
                                #[inline(always)]
                                || {
                                    for (c, above) in constants.iter_mut().zip(above.chunks_exact(len)) {
                                        *c += dot(above, values);
                                    }
                                },
                            );
                            continue;
                        }
                        numbers.add_term_adjoint(term, above, before, n, scratch);
                    }
                }
                (Action::Concat(inputs), _) => {
                    add_joined_adjoint(inputs, above, before, (step.out.len, n));
                }
                (Action::Unit { input, .. }, Bends::Unit(UnitBends { plain: Some((left, bend)), first, .. })) => {
                    let shares = &shares[*first..*first + input.len];
                    let below = at_mut(before, *input, n).chunks_exact_mut(input.len.max(1));
                    let points = below.zip(above.chunks_exact(input.len.max(1)));
                    for ((below, above), weights) in points.zip(weights.chunks_exact_mut(stride)) {
                        let weights = &mut weights[*first..*first + input.len];
                        vectorised(
                            #[inline(always)]
                            || {
                                let entries = below.iter_mut().zip(weights).zip(above.iter().zip(shares));
                                entries.for_each(|((below, weight), (above, share))| {
                                    *below += above * (left + share * bend);
                                    *weight = above * bend;
                                });
                            },
                        );
                    }
                }
                (Action::Unit { input, .. }, Bends::Unit(unit)) => {
                    unit.fill(shares, slopes, intercepts);
                    let below = at_mut(before, *input, n).chunks_exact_mut(input.len.max(1));
                    let points = below.zip(above.chunks_exact(input.len.max(1))).zip(constants.iter_mut());
                    for (((below, above), c), weights) in points.zip(weights.chunks_exact_mut(stride)) {
                        below.iter_mut().zip(above).zip(&*slopes).for_each(|((b, a), s)| *b += a * s);
                        *c += above.iter().zip(&*intercepts).map(|(a, v)| a * v).sum::<f64>();
                        let kinks = weights[unit.first..].iter_mut().zip(&unit.kinks);
                        kinks.for_each(|(w, k)| *w = above[k.element] * k.bend);
                    }
                }
                (Action::Group { input, .. }, Bends::Group(group)) => {
                    let below = at_mut(before, *input, n).chunks_exact_mut(input.len.max(1));
                    let points = below.zip(above.chunks_exact(step.out.len.max(1)));
                    for ((below, above), weights) in points.zip(weights.chunks_exact_mut(stride)) {
                        for (chain, a) in group.chains.iter().zip(above).filter(|(_, a)| **a != 0.0) {
                            chain.descend(chain.entries.len(), *a, shares, |i, w| below[i] += w, |k, w| weights[k] = w);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Rates of all steps along n directions.
    fn push(&mut self, numbers: &Numbers, directions: &[f64], n: usize) {
        self.held = false;
        let Workbench { hinges, buffer, shares, slopes, intercepts, scratch, .. } = self;
        buffer.resize(n * numbers.plan.size, 0.0);
        for (step, bends) in numbers.plan.steps.iter().zip(&hinges.steps) {
            let (before, rest) = buffer.split_at_mut(step.out.at * n);
            let out = &mut rest[..step.out.len * n];
            match (&step.action, bends) {
                (Action::Decision, _) => out.copy_from_slice(directions),
                (Action::Affine(terms), _) => {
                    out.fill(0.0);
                    for term in terms.iter().filter(|term| !matches!(term, Term::Param(_))) {
                        numbers.add_term(term, before, out, n, scratch);
                    }
                }
                (Action::Concat(inputs), _) => {
                    join(inputs, before, out, (step.out.len, n));
                }
                (Action::Unit { input, .. }, Bends::Unit(unit)) => {
                    unit.fill(shares, slopes, intercepts);
                    let points = out
                        .chunks_exact_mut(input.len.max(1))
                        .zip(at(before, *input, n).chunks_exact(input.len.max(1)));
                    vectorised(
                        #[inline(always)]
                        || {
                            for (out, t) in points {
                                out.iter_mut().zip(t).zip(&*slopes).for_each(|((o, t), s)| *o = t * s);
                            }
                        },
                    );
                }
                (Action::Group { input, .. }, Bends::Group(group)) => {
                    let points = out
                        .chunks_exact_mut(step.out.len.max(1))
                        .zip(at(before, *input, n).chunks_exact(input.len.max(1)));
                    for (out, t) in points {
                        for (chain, out) in group.chains.iter().zip(out) {
                            let mut rate = 0.0;
                            chain.descend(chain.entries.len(), 1.0, shares, |i, w| rate += w * t[i], |_, _| {});
                            *out = rate;
                        }
                    }
                }
                _ => out.fill(0.0),
            }
        }
    }

    /// The pre-activations in the values of a forward pass, or their rates at point k of n in the buffer, as numbers of type `T`.
    fn read<T>(
        &self,
        numbers: &Numbers,
        values: &[f64],
        (k, n): (usize, usize),
        rates: bool,
        out: &mut [T],
        number: impl Fn(f64) -> T,
    ) {
        for (step, bends) in numbers.plan.steps.iter().zip(&self.hinges.steps) {
            match (&step.action, bends) {
                (Action::Unit { input, .. }, Bends::Unit(unit)) => {
                    let t = &at(values, *input, n)[k * input.len..(k + 1) * input.len];
                    if unit.plain.is_some() {
                        let out = out[unit.first..unit.first + input.len].iter_mut().zip(t);
                        vectorised(
                            #[inline(always)]
                            || out.for_each(|(out, t)| *out = number(*t)),
                        );
                        continue;
                    }
                    for (out, kink) in out[unit.first..].iter_mut().zip(&unit.kinks) {
                        *out = number(t[kink.element] - if rates { 0.0 } else { kink.place });
                    }
                }
                (Action::Group { input, .. }, Bends::Group(group)) => {
                    let t = &at(values, *input, n)[k * input.len..(k + 1) * input.len];
                    for chain in &group.chains {
                        let mut most = t[chain.entries[0]];
                        for (kink, i) in (chain.first..).zip(&chain.entries[1..]) {
                            let ahead = most - t[*i];
                            out[kink] = number(ahead);
                            most = match rates {
                                true => t[*i] + self.shares[kink] * ahead,
                                false => most.max(t[*i]),
                            };
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

impl NetworkOracle<'_> {
    /// The numbers and the workbench; both are there where [`Oracle::kinks`] gave access.
    fn bench(&mut self) -> Option<(&Numbers, &mut Workbench)> {
        match (self.numbers.as_ref(), &mut self.workbench) {
            (Some(numbers), Some(Ok(bench))) => Some((numbers, bench)),
            _ => None,
        }
    }
}

impl Kinks for NetworkOracle<'_> {
    fn units(&self) -> usize {
        self.workbench.as_ref().and_then(|bench| bench.as_ref().ok()).map_or(0, |bench| bench.hinges.count)
    }

    fn name(&self, i: usize) -> u64 {
        let bench = self.workbench.as_ref().and_then(|bench| bench.as_ref().ok());
        bench.and_then(|bench| bench.hinges.names.get(i)).copied().unwrap_or(i as u64)
    }

    fn forward(&mut self, y: &[f64], pre: &mut [f64]) -> Result<f64, SolverError> {
        let value = self.value(y)?;
        if let (Some(numbers), Some(Ok(bench))) = (self.numbers.as_ref(), &self.workbench) {
            bench.read(numbers, &self.work.values, (0, 1), false, pre, |t| t);
        }
        Ok(value)
    }

    fn backward(&mut self, shares: &[f64], slope: &mut [f64], weights: &mut [f64]) -> f64 {
        let Some((numbers, bench)) = self.bench() else { return f64::NEG_INFINITY };
        bench.shares.clear();
        bench.shares.extend(shares);
        bench.pull_output(numbers);
        bench.held = true;
        slope.copy_from_slice(&bench.buffer[..slope.len()]);
        weights.copy_from_slice(&bench.weights[..weights.len()]);
        bench.constants[0]
    }

    fn slope(&mut self, shares: &[f64], slope: &mut [f64], weights: &mut [f64]) {
        match self.bench() {
            Some((numbers, bench)) if bench.hinges.plain => {
                bench.rough.pull((numbers, &bench.hinges), shares, slope, weights);
            }
            _ => {
                self.backward(shares, slope, weights);
            }
        }
    }

    fn bent(&mut self, frozen: &[f64], step: &[f64], pre: &mut [f64]) -> Option<f64> {
        let (numbers, bench) = self.bench()?;
        let Workbench { hinges, rough, .. } = bench;
        hinges.plain.then(|| rough.bent((numbers, hinges), frozen, step, pre))
    }

    fn tangents(&mut self, shares: &[f64], directions: &[f64], rates: &mut [f32]) {
        let p = self.dimension();
        let Some((numbers, bench)) = self.bench() else { return };
        if bench.hinges.plain {
            return bench.rough.push((numbers, &bench.hinges), shares, directions, rates);
        }
        let n = directions.len() / p.max(1);
        bench.shares.clear();
        bench.shares.extend(shares);
        bench.push(numbers, directions, n);
        for (k, rates) in rates.chunks_exact_mut(bench.hinges.count.max(1)).enumerate() {
            bench.read(numbers, &bench.buffer, (k, n), true, rates, |t| t as f32);
        }
    }

    fn rows(&mut self, shares: &[f64], free: &[usize], wanted: &[usize], rows: &mut Rows) {
        let p = self.dimension();
        let Some((numbers, bench)) = self.bench() else { return };
        bench.shares.clear();
        bench.shares.extend(shares);
        free.iter().for_each(|k| bench.shares[*k] = 0.0);
        let most = (ROOM / (numbers.plan.size + bench.hinges.count).max(1)).clamp(1, ROWS);
        rows.slopes.reserve(wanted.len() * p);
        // No level is above its kink.
        rows.weights.reserve(wanted.iter().sum());
        for top in 0..numbers.plan.steps.len() {
            let kinks = bench.hinges.steps[top].kinks();
            let from = wanted.partition_point(|k| *k < kinks.start);
            let to = wanted.partition_point(|k| *k < kinks.end);
            if from == to || bench.rows_directly(numbers, top, &wanted[from..to], rows) {
                continue;
            }
            for wanted in wanted[from..to].chunks(most) {
                bench.pull_rows(numbers, top, wanted);
                rows.slopes.extend(&bench.buffer[..wanted.len() * p]);
                rows.constants.extend(&bench.constants);
                let is_group = matches!(bench.hinges.steps[top], Bends::Group(_));
                for (kink, weights) in wanted.iter().zip(bench.weights.chunks_exact(bench.stride)) {
                    // Within a maximum a kink reads the ones before it.
                    let level = if is_group { *kink } else { kinks.start };
                    rows.weights.extend(&weights[..level]);
                    rows.levels.push(level);
                }
            }
        }
    }

    fn multiplications(&self) -> u64 {
        let bench = self.workbench.as_ref().and_then(|bench| bench.as_ref().ok());
        self.work.scratch.multiplications
            + bench.map_or(0, |bench| bench.scratch.multiplications + bench.rough.multiplications())
    }
}

impl Workbench {
    /// The backward pass from the output.
    pub fn pull_output(&mut self, numbers: &Numbers) {
        let top = numbers.plan.steps.len();
        self.clear(numbers, top, 1, self.hinges.count);
        if let Some(last) = self.buffer.last_mut() {
            *last = 1.0;
        }
        self.pull(numbers, top, 1);
    }

    /// The backward pass from the pre-activations of `kinks`, all of step `top`: one point each.
    fn pull_rows(&mut self, numbers: &Numbers, top: usize, kinks: &[usize]) {
        let n = kinks.len();
        let step = &numbers.plan.steps[top];
        if let (Action::Unit { input, .. }, Bends::Unit(unit)) = (&step.action, &self.hinges.steps[top])
            && input.step + 1 == top
            && let Action::Affine(terms) = &numbers.plan.steps[input.step].action
        {
            // The pass begins at single entries of a sum: rows of its matrices.
            let bends = kinks.iter().map(|kink| unit.kinks[kink - unit.first]);
            let bends: Vec<Bend> = bends.collect();
            self.clear(numbers, input.step, n, unit.first);
            for (constant, bend) in self.constants.iter_mut().zip(&bends) {
                *constant = -bend.place;
            }
            for term in terms {
                let Workbench { buffer, constants, scratch, .. } = self;
                if let Term::Param(p) = term {
                    let values = numbers.param(*p);
                    constants.iter_mut().zip(&bends).for_each(|(c, bend)| *c += values[bend.element]);
                    continue;
                }
                let elements = bends.iter().map(|bend| bend.element);
                numbers.add_term_rows(term, elements, input.len, buffer, n, scratch);
            }
            return self.pull(numbers, input.step, n);
        }
        let range = self.hinges.steps[top].kinks();
        let is_group = matches!(self.hinges.steps[top], Bends::Group(_));
        self.clear(numbers, top, n, if is_group { range.end } else { range.start });
        let stride = self.stride;
        match (&step.action, &self.hinges.steps[top]) {
            (Action::Unit { input, .. }, Bends::Unit(unit)) => {
                for (point, kink) in kinks.iter().enumerate() {
                    let bend = unit.kinks[kink - unit.first];
                    at_mut(&mut self.buffer, *input, n)[point * input.len + bend.element] = 1.0;
                    self.constants[point] = -bend.place;
                }
            }
            (Action::Group { input, .. }, Bends::Group(group)) => {
                for (point, kink) in kinks.iter().enumerate() {
                    let chain = &group.chains[group.chains.partition_point(|c| c.first + c.entries.len() - 1 <= *kink)];
                    let len = kink - chain.first + 1;
                    let below = &mut at_mut(&mut self.buffer, *input, n)[point * input.len..(point + 1) * input.len];
                    let weights = &mut self.weights[point * stride..(point + 1) * stride];
                    chain.descend(len, 1.0, &self.shares, |i, w| below[i] += w, |k, w| weights[k] = w);
                    below[chain.entries[len]] -= 1.0;
                }
            }
            _ => {}
        }
        self.pull(numbers, top, n);
    }

    /// The slopes of units and the weights of maxima that belong to `shares`, for [`Minorant`](crate::certificate::Minorant). Where there
    /// are kinks at all, no other node has any.
    pub fn multipliers(&self, shares: &[f64], instance: &Instance) -> Multipliers {
        let mut slopes = vec![vec![]; instance.program().nodes().len()];
        for bends in &self.hinges.steps {
            match bends {
                Bends::None => {}
                Bends::Unit(UnitBends { node, plain: Some((left, bend)), first, kinks, .. }) => {
                    let shares = &shares[*first..first + kinks.len()];
                    slopes[node.index()] = shares.iter().map(|share| left + share * bend).collect();
                }
                Bends::Unit(unit) => {
                    let (mut own, mut intercepts) = (vec![], vec![]);
                    unit.fill(shares, &mut own, &mut intercepts);
                    slopes[unit.node.index()] = own;
                }
                Bends::Group(group) => {
                    let Op::Group { groups, .. } = &instance.program().node(group.node).op else { continue };
                    let own = &mut slopes[group.node.index()];
                    *own = vec![0.0; groups.members().len()];
                    for (g, chain) in group.chains.iter().enumerate() {
                        let weights = &mut own[groups.range(g)];
                        let place =
                            |i: usize| chain.entries.iter().position(|e| *e == i).map_or(0, |k| chain.places[k]);
                        chain.descend(chain.entries.len(), 1.0, shares, |i, w| weights[place(i)] += w, |_, _| {});
                    }
                }
            }
        }
        Multipliers::from_slopes(slopes)
    }
}
