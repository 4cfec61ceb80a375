//! Passes near a point where all is known: only what other units do than there goes through the network.
//!
//! Where units keep their shares, pre-activations and f are affine, and rates say what they are at another point. Units that bend on the way
//! send the difference up, as sparse a vector as they are few; the adjoints of another backward pass differ likewise.

use icnn_solvers::dense::{add, dot, vectorised};

use super::hinges::{Bends, UnitBends};
use super::kinks::Workbench;
use super::pass::{Numbers, add_joined_adjoint, at, at_mut, join};
use super::plan::{Action, Term};

/// Above this part of the units that have another share a pass of its own is as cheap.
const FEW: f64 = 0.25;

/// Below this part of the largest squared length a slope is made anew.
const LEFT: f64 = 1e-8;

/// The last backward pass.
#[derive(Debug, Default)]
pub(super) struct Last {
    /// Whether there was one.
    known: bool,
    shares: Vec<f64>,
    /// Step by step.
    adjoints: Vec<f64>,
    constant: f64,
    /// The largest squared length of its slope since all of it went through the network.
    most: f64,
}

impl Last {
    /// The slope (p) that the last backward pass ended with.
    pub fn slope(&self, p: usize) -> &[f64] {
        &self.adjoints[..p]
    }

    pub fn forget(&mut self) {
        self.known = false;
    }

    /// How many numbers there is room for.
    pub fn numbers(&self) -> usize {
        self.adjoints.capacity()
    }
}

impl Workbench {
    /// Whether all units are of the plainest kind, which these passes are for.
    fn is_plain(&self) -> bool {
        let plain = |bends: &Bends| match bends {
            Bends::None | Bends::Unit(UnitBends { plain: Some(_), .. }) => true,
            Bends::Unit(_) | Bends::Group(_) => false,
        };
        self.hinges.steps.iter().all(plain)
    }

    /// See [`Kinks::bent`](icnn_solvers::kinks::Kinks::bent).
    pub fn bent(&mut self, numbers: &Numbers, frozen: &[f64], pre: &mut [f64]) -> Option<f64> {
        if !self.is_plain() {
            return None;
        }
        self.clear(numbers, numbers.plan.steps.len(), 1, 0);
        let Workbench { hinges, buffer, scratch, .. } = self;
        for (step, bends) in numbers.plan.steps.iter().zip(&hinges.steps) {
            let (before, rest) = buffer.split_at_mut(step.out.at);
            let out = &mut rest[..step.out.len];
            match (&step.action, bends) {
                (Action::Affine(terms), _) => {
                    for term in terms.iter().filter(|term| !matches!(term, Term::Param(_))) {
                        numbers.add_term(term, before, out, 1, scratch);
                    }
                }
                (Action::Concat(inputs), _) => join(inputs, before, out, (step.out.len, 1)),
                (Action::Unit { input, .. }, Bends::Unit(UnitBends { plain: Some((left, bend)), first, .. })) => {
                    let units = *first..*first + input.len;
                    let (pre, frozen, changes) = (&mut pre[units.clone()], &frozen[units], at(before, *input, 1));
                    // One after the other: loops that write to two places are not turned into vectors.
                    vectorised(
                        #[inline(always)]
                        || {
                            add(1.0, changes, pre);
                            for (((out, a), share), change) in out.iter_mut().zip(&*pre).zip(frozen).zip(changes) {
                                let active = if *a > 0.0 { 1.0 } else { 0.0 };
                                *out = (left + share * bend) * change + (active - share) * bend * a;
                            }
                        },
                    );
                }
                _ => {}
            }
        }
        buffer.last().copied()
    }

    /// See [`Kinks::backward_again`](icnn_solvers::kinks::Kinks::backward_again).
    pub fn pull_again(&mut self, numbers: &Numbers, shares: &[f64], p: usize) -> f64 {
        let is_other = |(a, b): (&f64, &f64)| u64::from(a != b);
        let others = vectorised(
            #[inline(always)]
            || self.last.shares.iter().zip(shares).map(is_other).sum::<u64>(),
        );
        self.shares.clear();
        self.shares.extend(shares);
        let is_near = self.last.known && others as f64 <= FEW * shares.len() as f64 && self.is_plain();
        if is_near {
            self.pull_changes(numbers);
        }
        let size = |last: &Last| dot(last.slope(p), last.slope(p));
        // Where nearly all of a slope has been taken away again, what is left is rounding.
        if !is_near || size(&self.last) <= LEFT * self.last.most {
            self.pull_output(numbers);
            std::mem::swap(&mut self.buffer, &mut self.last.adjoints);
            (self.last.known, self.last.constant, self.last.most) = (true, self.constants[0], 0.0);
        }
        self.last.most = size(&self.last).max(self.last.most);
        self.last.shares.clone_from(&self.shares);
        self.last.constant
    }

    /// What has changed since the last backward pass, added to its adjoints.
    fn pull_changes(&mut self, numbers: &Numbers) {
        self.clear(numbers, numbers.plan.steps.len(), 1, self.hinges.count);
        let Workbench { hinges, buffer, weights, constants, shares, last, scratch, .. } = self;
        for (step, bends) in numbers.plan.steps.iter().zip(&hinges.steps).rev() {
            let (before, rest) = buffer.split_at_mut(step.out.at);
            let above = &rest[..step.out.len];
            match (&step.action, bends) {
                (Action::Affine(terms), _) => {
                    for term in terms {
                        match term {
                            Term::Param(p) => constants[0] += dot(above, numbers.param(*p)),
                            _ => numbers.add_term_adjoint(term, above, before, 1, scratch),
                        }
                    }
                }
                (Action::Concat(inputs), _) => add_joined_adjoint(inputs, above, before, (step.out.len, 1)),
                (Action::Unit { input, .. }, Bends::Unit(UnitBends { plain: Some((left, bend)), first, .. })) => {
                    let units = *first..*first + input.len;
                    let (shares, old) = (&shares[units.clone()], &last.shares[units.clone()]);
                    let was = &last.adjoints[step.out.at..step.out.at + step.out.len];
                    let (below, weights) = (at_mut(before, *input, 1), &mut weights[units]);
                    vectorised(
                        #[inline(always)]
                        || {
                            for ((weight, change), was) in weights.iter_mut().zip(above).zip(was) {
                                *weight = (was + change) * bend;
                            }
                            let changes = above.iter().zip(was).zip(shares).zip(old);
                            for (below, (((change, was), share), before)) in below.iter_mut().zip(changes) {
                                *below += change * (left + share * bend) + was * bend * (share - before);
                            }
                        },
                    );
                }
                _ => {}
            }
        }
        vectorised(
            #[inline(always)]
            || add(1.0, buffer, &mut last.adjoints),
        );
        last.constant += constants[0];
    }
}
