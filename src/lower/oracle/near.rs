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
const FEW: f64 = 0.5;

/// The last backward pass.
#[derive(Debug, Default)]
pub(super) struct Last {
    /// Whether there was one.
    known: bool,
    shares: Vec<f64>,
    /// Step by step.
    adjoints: Vec<f64>,
    constant: f64,
}

impl Last {
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
                    let entries = pre[units.clone()].iter_mut().zip(&frozen[units]);
                    let entries = entries.zip(at(before, *input, 1)).zip(out);
                    vectorised(
                        #[inline(always)]
                        || {
                            for (((pre, share), change), out) in entries {
                                let a = *pre + change;
                                let active = if a > 0.0 { 1.0 } else { 0.0 };
                                *pre = a;
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
    pub fn pull_again(&mut self, numbers: &Numbers, shares: &[f64]) -> f64 {
        let is_other = |(a, b): (&f64, &f64)| u64::from(a != b);
        let others = vectorised(
            #[inline(always)]
            || self.last.shares.iter().zip(shares).map(is_other).sum::<u64>(),
        );
        self.shares.clear();
        self.shares.extend(shares);
        if !self.last.known || others as f64 > FEW * shares.len() as f64 || !self.is_plain() {
            self.pull_output(numbers);
            std::mem::swap(&mut self.buffer, &mut self.last.adjoints);
            (self.last.known, self.last.constant) = (true, self.constants[0]);
        } else {
            self.pull_changes(numbers);
        }
        self.last.shares.clone_from(&self.shares);
        self.last.constant
    }

    /// The slope that the last backward pass ended with.
    pub fn last_slope(&self, p: usize) -> &[f64] {
        &self.last.adjoints[..p]
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
                    let both = shares[units.clone()].iter().zip(&last.shares[units.clone()]);
                    let was = &last.adjoints[step.out.at..step.out.at + step.out.len];
                    let entries = at_mut(before, *input, 1).iter_mut().zip(&mut weights[units]);
                    let entries = entries.zip(above.iter().zip(was)).zip(both);
                    vectorised(
                        #[inline(always)]
                        || {
                            for (((below, weight), (change, was)), (share, before)) in entries {
                                *below += change * (left + share * bend) + was * bend * (share - before);
                                *weight = (was + change) * bend;
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
