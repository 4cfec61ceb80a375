//! Passes in single precision, for searches: from a point where all is known to another one. Only what changes goes through the network,
//! so that their errors are as small a part of the step as single precision is of its numbers.
//!
//! Where units keep their shares, pre-activations and f are affine in y. Units that bend on the way send the difference up, as sparse a
//! vector as they are few; the adjoints of another backward pass differ likewise.

mod products;

use icnn_solvers::dense::vectorised;

use products::Products;

use super::hinges::{Bends, Hinges, UnitBends};
use super::pass::{Numbers, add, add_joined_adjoint, at, join};
use super::plan::Action;

/// Above this part of the units that have another share a pass of its own is as cheap.
const FEW: f64 = 0.25;

/// Below this part of the largest squared length a slope is made anew.
const LEFT: f32 = 1e-8;

/// What these passes write to.
#[derive(Debug, Default)]
pub(super) struct RoughPasses {
    /// n × the size of the plan, step by step: changes of values, of adjoints, or rates.
    buffer: Vec<f32>,
    /// Of the units of a step.
    slopes: Vec<f32>,
    products: Products,
    last: Last,
}

/// The last backward pass.
#[derive(Debug, Default)]
struct Last {
    /// Whether there was one.
    known: bool,
    shares: Vec<f64>,
    /// Step by step.
    adjoints: Vec<f32>,
    /// The largest squared length of its slope since all of it went through the network.
    most: f32,
}

impl RoughPasses {
    /// Room for the passes of a plan.
    pub fn with_room(longest: usize) -> RoughPasses {
        let products = Products::with_room(longest);
        RoughPasses { products, ..RoughPasses::default() }
    }

    /// Nothing is known of earlier passes.
    pub fn forget(&mut self) {
        self.last.known = false;
    }

    /// How many numbers there is room for, in f64.
    pub fn numbers(&self) -> usize {
        (self.buffer.capacity() + self.last.adjoints.capacity()) / 2
    }

    pub fn multiplications(&self) -> u64 {
        self.products.multiplications()
    }

    /// Room for so many numbers, whatever they are.
    fn reserve(&mut self, len: usize) {
        self.buffer.resize(len, 0.0);
    }

    /// See [`Kinks::bent`](icnn_solvers::kinks::Kinks::bent); all units are plain.
    pub fn bent(
        &mut self,
        (numbers, hinges): (&Numbers, &Hinges),
        frozen: &[f64],
        step_of: &[f64],
        pre: &mut [f64],
    ) -> f64 {
        self.reserve(numbers.plan.size);
        let RoughPasses { buffer, products, .. } = self;
        for (step, bends) in numbers.plan.steps.iter().zip(&hinges.steps) {
            let (before, rest) = buffer.split_at_mut(step.out.at);
            let out = &mut rest[..step.out.len];
            match (&step.action, bends) {
                (Action::Decision, _) => out.iter_mut().zip(step_of).for_each(|(o, d)| *o = *d as f32),
                (Action::Affine(terms), _) => products.add_terms(numbers, terms, before, out, 1),
                (Action::Concat(inputs), _) => join(inputs, before, out, (step.out.len, 1)),
                (Action::Unit { input, .. }, Bends::Unit(UnitBends { plain: Some((left, bend)), first, .. })) => {
                    let units = *first..*first + input.len;
                    let (pre, frozen, changes) = (&mut pre[units.clone()], &frozen[units], at(before, *input, 1));
                    bend_units((*left, *bend), changes, frozen, pre, out);
                }
                _ => out.fill(0.0),
            }
        }
        buffer.last().map_or(0.0, |change| f64::from(*change))
    }

    /// See [`Kinks::slope`](icnn_solvers::kinks::Kinks::slope); all units are plain.
    pub fn pull(&mut self, of: (&Numbers, &Hinges), shares: &[f64], slope: &mut [f64], weights: &mut [f64]) {
        let is_other = |(a, b): (&f64, &f64)| u64::from(a != b);
        let others = vectorised(
            #[inline(always)]
            || self.last.shares.iter().zip(shares).map(is_other).sum::<u64>(),
        );
        let p = slope.len();
        let is_near = self.last.known && others as f64 <= FEW * shares.len() as f64;
        if is_near {
            self.pull_changes(of, 0.0, shares, weights);
        }
        // Where nearly all of a slope has been taken away again, what is left is rounding.
        if !is_near || self.last.size(p) <= LEFT * self.last.most {
            let size = of.0.plan.size;
            (self.last.known, self.last.most) = (true, 0.0);
            self.last.shares.clear();
            self.last.shares.resize(shares.len(), 0.0);
            self.last.adjoints.clear();
            self.last.adjoints.resize(size, 0.0);
            self.pull_changes(of, 1.0, shares, weights);
        }
        let last = &mut self.last;
        last.most = last.size(p).max(last.most);
        last.shares.clear();
        last.shares.extend(shares);
        slope.iter_mut().zip(&last.adjoints).for_each(|(to, from)| *to = f64::from(*from));
    }

    /// What has changed since the last backward pass, that of f itself being `change`, added to its adjoints.
    fn pull_changes(
        &mut self,
        (numbers, hinges): (&Numbers, &Hinges),
        change: f32,
        shares: &[f64],
        weights: &mut [f64],
    ) {
        self.reserve(numbers.plan.size);
        let RoughPasses { buffer, products, last, .. } = self;
        buffer.fill(0.0);
        if let Some(top) = buffer.last_mut() {
            *top = change;
        }
        for (step, bends) in numbers.plan.steps.iter().zip(&hinges.steps).rev() {
            let (before, rest) = buffer.split_at_mut(step.out.at);
            let above = &rest[..step.out.len];
            match (&step.action, bends) {
                (Action::Affine(terms), _) => products.add_adjoints(numbers, terms, above, before),
                (Action::Concat(inputs), _) => add_joined_adjoint(inputs, above, before, (step.out.len, 1)),
                (Action::Unit { input, .. }, Bends::Unit(UnitBends { plain: Some((left, bend)), first, .. })) => {
                    let units = *first..*first + input.len;
                    let (shares, old) = (&shares[units.clone()], &last.shares[units.clone()]);
                    let was = &last.adjoints[step.out.at..step.out.at + step.out.len];
                    let (below, weights) = (&mut before[input.at..input.at + input.len], &mut weights[units]);
                    pull_units((*left, *bend), (above, was), (shares, old), below, weights);
                }
                _ => {}
            }
        }
        add(&mut last.adjoints, buffer);
    }

    /// See [`Kinks::tangents`](icnn_solvers::kinks::Kinks::tangents); all units are plain.
    pub fn push(
        &mut self,
        (numbers, hinges): (&Numbers, &Hinges),
        shares: &[f64],
        directions: &[f64],
        rates: &mut [f32],
    ) {
        let (p, m) = (numbers.plan.steps.first().map_or(0, |step| step.out.len), shares.len());
        let n = directions.len() / p.max(1);
        self.reserve(n * numbers.plan.size);
        let RoughPasses { buffer, products, slopes, .. } = self;
        // Nothing above the last kinks is asked for.
        let last = hinges.steps.iter().rposition(|bends| matches!(bends, Bends::Unit(_)));
        for (k, (step, bends)) in numbers.plan.steps.iter().zip(&hinges.steps).enumerate() {
            if last.is_none_or(|last| k > last) {
                break;
            }
            let (before, rest) = buffer.split_at_mut(step.out.at * n);
            let out = &mut rest[..step.out.len * n];
            match (&step.action, bends) {
                (Action::Decision, _) => out.iter_mut().zip(directions).for_each(|(o, d)| *o = *d as f32),
                (Action::Affine(terms), _) => products.add_terms(numbers, terms, before, out, n),
                (Action::Concat(inputs), _) => join(inputs, before, out, (step.out.len, n)),
                (Action::Unit { input, .. }, Bends::Unit(UnitBends { plain: Some((left, bend)), first, .. })) => {
                    let units = *first..*first + input.len;
                    let t = at(before, *input, n).chunks_exact(input.len.max(1));
                    let points = out.chunks_exact_mut(input.len.max(1)).zip(t).zip(rates.chunks_exact_mut(m.max(1)));
                    slopes.clear();
                    slopes.extend(shares[units.clone()].iter().map(|share| (left + share * bend) as f32));
                    for ((out, t), rates) in points {
                        rates[units.clone()].copy_from_slice(t);
                        if last != Some(k) {
                            multiply(t, slopes, out);
                        }
                    }
                }
                _ => out.fill(0.0),
            }
        }
    }
}

impl Last {
    /// The squared length of its slope (p).
    fn size(&self, p: usize) -> f32 {
        self.adjoints[..p].iter().map(|g| g * g).sum()
    }
}

/// Changes `pre` to what it is, and writes how units change that are left·a + bend·max(a, 0) of it.
fn bend_units((left, bend): (f64, f64), changes: &[f32], frozen: &[f64], pre: &mut [f64], out: &mut [f32]) {
    // Numbers are moved into closures: those that are looked up again in each turn keep loops from being turned into vectors. So do two
    // places that are written to.
    vectorised(
        #[inline(always)]
        move || {
            pre.iter_mut().zip(changes).for_each(|(a, change)| *a += f64::from(*change));
            for (((out, a), share), change) in out.iter_mut().zip(&*pre).zip(frozen).zip(changes) {
                let active = if *a > 0.0 { 1.0 } else { 0.0 };
                let change = (left + share * bend) * f64::from(*change) + (active - share) * bend * a;
                *out = change as f32;
            }
        },
    );
}

/// The weights of units, and what their adjoints pass down: how they change, and what they were, with shares and those before.
fn pull_units(
    (left, bend): (f64, f64),
    (changes, was): (&[f32], &[f32]),
    (shares, old): (&[f64], &[f64]),
    below: &mut [f32],
    weights: &mut [f64],
) {
    vectorised(
        #[inline(always)]
        move || {
            for ((weight, change), was) in weights.iter_mut().zip(changes).zip(was) {
                *weight = (f64::from(*was) + f64::from(*change)) * bend;
            }
            let changes = changes.iter().zip(was).zip(shares).zip(old);
            for (below, (((change, was), share), before)) in below.iter_mut().zip(changes) {
                let (change, was) = (f64::from(*change), f64::from(*was));
                *below += (change * (left + share * bend) + was * bend * (share - before)) as f32;
            }
        },
    );
}

/// out = a·b, elementwise.
fn multiply(a: &[f32], b: &[f32], out: &mut [f32]) {
    vectorised(
        #[inline(always)]
        move || out.iter_mut().zip(a).zip(b).for_each(|((o, a), b)| *o = a * b),
    );
}
