//! The exact line search: along a direction f is piecewise linear, and its kinks are passed in order while it falls.

use super::layout::Layout;
use super::reduced::Reduced;
use super::room::Room;
use super::shares::Shares;
use crate::dense::{LANES, dot, vectorised};

/// A change of a held unit's rate below this is rounding: the unit does not bend.
const BEND: f64 = 1e-11;

/// A rate below this, relative to the largest, never leads to a kink.
const STILL: f64 = 1e-13;

/// Kinks passed in one step, for each unit: where numbers overflow a unit may go back and forth.
const FLIPS: usize = 20;

/// Held units that the kink of one unit may bend: a few are let go; where they are more, the step ends and holds that kink. Letting go of many undoes
/// as many steps, and from the other side of the kink f mostly falls back to it.
const BENT: usize = 8;

/// A step that is not longer does not end where held units bend.
const MOVED: f64 = 1e-13;

/// What ends a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Halt {
    /// The kink of this unit, beyond which f rises or too many held units bend.
    Kink(usize),
    /// The end of this coordinate.
    Bound(usize),
    /// The minimum between two kinks (with curvature).
    Smooth,
    /// Nothing: f falls for ever.
    Never,
}

/// Pre-activations and their rates while a step is made.
#[derive(Debug)]
pub struct Sweep {
    /// aᵢ where the step is.
    pub pre: Room,
    /// ȧᵢ
    pub rates: Room,
    /// 1 for units that are active, 0 for others; of held units the state they are thought to be in; and which are held.
    pub shares: Shares,
    /// When each unit gets to its kink.
    times: Room,
    change: Room,
    current: Room,
    bent: Vec<usize>,
}

impl Sweep {
    /// For the units of `layout`.
    pub fn new(layout: &Layout) -> Sweep {
        let k = layout.size.1;
        let zeros = || Room::zeros(k);
        Sweep {
            pre: zeros(),
            rates: zeros(),
            shares: Shares::new(&layout.ends, k),
            times: zeros(),
            change: zeros(),
            current: zeros(),
            bent: Vec::with_capacity(k),
        }
    }

    /// Whether unit i is held at its kink.
    pub fn holds(&self, i: usize) -> bool {
        self.shares.holds(i)
    }

    /// The step along a direction with the given `rates`: how far, and what ends it. `slope` is that of the function at the start,
    /// which grows by `curvature` per length besides what kinks add; `farthest` is where coordinate `bound` ends.
    /// The step ends where the slope is no longer below −`flat`, and at kinks that bend many held units. Units whose kinks are passed change their
    /// share; a held unit that is bent by them is let go.
    pub fn step(
        &mut self,
        (net, layout): (&Reduced, &Layout),
        mut slope: f64,
        curvature: f64,
        (farthest, bound): (f64, usize),
        flat: f64,
    ) -> (f64, Halt) {
        let k = net.units;
        let still = STILL * largest(&self.rates);
        self.plan(0, 0.0, still);
        let (mut t, mut flips) = (0.0f64, 0);
        loop {
            let (next, i) = earliest(&self.times);
            let ahead = next.min(farthest);
            if curvature > 0.0 && slope + curvature * ahead >= 0.0 {
                let stop = (-slope / curvature).clamp(t, ahead);
                self.advance(stop);
                return (stop, Halt::Smooth);
            }
            if next >= farthest {
                if farthest == f64::INFINITY {
                    return (t, Halt::Never);
                }
                self.advance(farthest);
                return (farthest, Halt::Bound(bound));
            }
            t = next.max(t);
            flips += 1;
            if flips > FLIPS * (k + 1) {
                self.advance(t);
                return (t, Halt::Smooth);
            }
            let gain = self.flip(net, layout, i);
            if slope + gain + curvature * t >= -flat {
                self.advance(t);
                self.pre[i] = 0.0;
                return (t, Halt::Kink(i));
            }
            if self.bent.len() > BENT && t > MOVED {
                self.advance(t);
                self.pre[i] = 0.0;
                return (t, Halt::Kink(i));
            }
            slope += gain;
            self.shares.flip(i);
            self.times[i] = f64::INFINITY;
            let after = layout.block_ends[i];
            if after == k {
                continue;
            }
            for h in self.bent.iter().copied() {
                self.shares.hold(h, false);
                self.shares.set(h, if self.rates[h] + self.change[h] > 0.0 { 1.0 } else { 0.0 });
                // It is at its kink now, which the change of its rate takes it away from.
                self.pre[h] = -t * self.rates[h];
            }
            vectorised(
                #[inline(always)]
                || {
                    let both = self.rates[after..k].iter_mut().zip(&mut self.pre[after..k]);
                    for ((rate, a), change) in both.zip(&self.change[after..k]) {
                        *rate += change;
                        *a -= t * change;
                    }
                },
            );
            self.plan(after, t, still);
        }
    }

    /// When the units from `first` on get to their kink, not before `now`. `pre` is what it would have been at the start of the step.
    fn plan(&mut self, first: usize, now: f64, still: f64) {
        let (pre, rates) = (&self.pre[first..], &self.rates[first..]);
        let (moves, shares) = (&self.shares.moves()[first..], &self.shares.all()[first..]);
        vectorised(
            #[inline(always)]
            || {
                let all = self.times[first..].iter_mut().zip(pre).zip(rates).zip(moves).zip(shares);
                for ((((time, a), rate), moves), share) in all {
                    let towards = rate * moves * (1.0 - 2.0 * share);
                    let at = -a / rate;
                    let at = if at > now { at } else { now };
                    *time = if towards > still { at } else { f64::INFINITY };
                }
            },
        );
    }

    /// What the slope gains if unit i changes its share; `change` becomes what that does to the rates of the units after its block,
    /// `bent` the held ones among them.
    fn flip(&mut self, net: &Reduced, layout: &Layout, i: usize) -> f64 {
        let jump = self.rates[i] * (1.0 - 2.0 * self.shares.of(i));
        self.bent.clear();
        let mut gain = layout.weights[i] * jump;
        let mut begin = layout.block_ends[i];
        let Sweep { rates, shares, change, current, bent, .. } = self;
        let moves = shares.moves();
        if begin == net.units {
            return gain;
        }
        vectorised(
            #[inline(always)]
            || {
                let entries = change[begin..].iter_mut().zip(layout.column(i, begin));
                entries.for_each(|(c, weight)| *c = jump * weight);
                while begin < net.units {
                    let end = layout.block_ends[begin];
                    let block = current[begin..end].iter_mut().zip(&change[begin..end]);
                    block.zip(&shares.all()[begin..end]).for_each(|((c, change), share)| *c = change * share);
                    for m in begin..end {
                        if moves[m] == 0.0 && change[m] != 0.0 {
                            let rate = rates[m] + change[m];
                            current[m] = if rate > 0.0 { rate } else { 0.0 };
                            if rate.abs() > BEND {
                                bent.push(m);
                            } else {
                                (change[m], current[m]) = (0.0, 0.0);
                            }
                        }
                    }
                    gain += dot(&net.weights[begin..end], &current[begin..end]);
                    layout.raise(begin, end, current, change);
                    begin = end;
                }
            },
        );
        gain
    }

    fn advance(&mut self, t: f64) {
        let Sweep { pre, rates, shares, .. } = self;
        vectorised(
            #[inline(always)]
            || {
                let all = pre.iter_mut().zip(rates).zip(shares.moves());
                all.for_each(|((a, r), m)| *a += t * *r * *m);
            },
        );
    }
}

/// The largest of whole vectors of entries, whatever its sign.
fn largest(rates: &[f64]) -> f64 {
    vectorised(
        #[inline(always)]
        || {
            let mut least = [0.0f64; LANES];
            for chunk in rates.as_chunks::<LANES>().0 {
                least.iter_mut().zip(chunk).for_each(|(m, r)| *m = if -r.abs() < *m { -r.abs() } else { *m });
            }
            -smallest(least)
        },
    )
}

/// The least of whole vectors of entries and its place, the first one if there are several; (∞, 0) where all are ∞.
pub fn earliest(times: &[f64]) -> (f64, usize) {
    let (least, place) = vectorised(
        #[inline(always)]
        || {
            let (mut least, mut places) = ([f64::INFINITY; LANES], [0.0f64; LANES]);
            let mut begin = 0.0;
            for chunk in times.as_chunks::<LANES>().0 {
                for ((least, place), t) in least.iter_mut().zip(&mut places).zip(chunk) {
                    let before = *t < *least;
                    *least = if before { *t } else { *least };
                    *place = if before { begin } else { *place };
                }
                begin += LANES as f64;
            }
            let time = smallest(least);
            for (lane, (t, place)) in least.iter().zip(&mut places).enumerate() {
                *place = if *t == time { *place + lane as f64 } else { f64::INFINITY };
            }
            (time, if time < f64::INFINITY { smallest(places) } else { 0.0 })
        },
    );
    (least, place as usize)
}

#[inline(always)]
fn smallest(m: [f64; LANES]) -> f64 {
    let least = |a: f64, b: f64| if b < a { b } else { a };
    let four = [least(m[0], m[4]), least(m[1], m[5]), least(m[2], m[6]), least(m[3], m[7])];
    least(least(four[0], four[2]), least(four[1], four[3]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_earliest_is_found() {
        let never = f64::INFINITY;
        let mut times = vec![never; 3 * LANES];
        assert_eq!(earliest(&times), (never, 0));
        for (i, t) in [(20, 3.0), (13, 2.0), (21, 2.0), (5, 2.0), (6, 2.0), (23, 1.0)] {
            times[i] = t;
            let least = times.iter().fold(never, |m, t| m.min(*t));
            let place = times.iter().position(|t| *t == least);
            assert_eq!(Some(earliest(&times).1), place);
            assert_eq!(earliest(&times).0, least);
        }
        assert_eq!(earliest(&[]), (never, 0));
        times.fill(-1.0);
        times[9] = -7.0;
        assert_eq!(largest(&times), 7.0);
    }
}
