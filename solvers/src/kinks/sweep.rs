//! The exact line search: along a direction f is piecewise linear, and its kinks are passed in order while it falls.

use super::reduced::Reduced;

/// A change of a held unit's rate below this is rounding: the unit does not bend.
const BEND: f64 = 1e-11;

/// A rate below this, relative to the largest, never leads to a kink.
const STILL: f64 = 1e-13;

/// Kinks passed in one step, for each unit: where numbers overflow a unit may go back and forth.
const FLIPS: usize = 20;

/// What ends a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Halt {
    /// The kink of this unit, beyond which f rises.
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
    pub pre: Vec<f64>,
    /// ȧᵢ
    pub rates: Vec<f64>,
    /// The units held at their kink.
    pub held: Vec<bool>,
    /// 1 for units that are active, 0 for others; of held units the state they are thought to be in.
    pub shares: Vec<f64>,
    /// When each unit gets to its kink.
    times: Vec<f64>,
    change: Vec<f64>,
    current: Vec<f64>,
    bent: Vec<usize>,
}

impl Sweep {
    /// For k units.
    pub fn new(k: usize) -> Sweep {
        let zeros = || vec![0.0; k];
        Sweep {
            pre: zeros(),
            rates: zeros(),
            held: vec![false; k],
            shares: zeros(),
            times: zeros(),
            change: zeros(),
            current: zeros(),
            bent: Vec::with_capacity(k),
        }
    }

    /// The step along a direction with the given `rates`: how far, and what ends it. `slope` is that of the function at the start,
    /// which grows by `curvature` per length besides what kinks add; `farthest` is where coordinate `bound` ends.
    /// The step ends where the slope is no longer below −`flat`. Units whose kinks are passed change their share; a held
    /// unit that is bent by them is let go.
    pub fn step(
        &mut self,
        net: &Reduced,
        mut slope: f64,
        curvature: f64,
        (farthest, bound): (f64, usize),
        flat: f64,
    ) -> (f64, Halt) {
        let k = net.units;
        let still = STILL * self.rates.iter().fold(0.0f64, |m, r| m.max(r.abs()));
        (0..k).for_each(|i| self.times[i] = self.time(i, 0.0, still));
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
            let gain = self.flip(net, i);
            if slope + gain + curvature * t >= -flat {
                self.advance(t);
                self.pre[i] = 0.0;
                return (t, Halt::Kink(i));
            }
            slope += gain;
            self.shares[i] = 1.0 - self.shares[i];
            self.times[i] = f64::INFINITY;
            for h in self.bent.iter().copied() {
                self.held[h] = false;
                self.shares[h] = if self.rates[h] + self.change[h] > 0.0 { 1.0 } else { 0.0 };
                self.pre[h] = -t * (self.rates[h] + self.change[h]);
            }
            for m in i + 1..k {
                if self.change[m] != 0.0 {
                    self.rates[m] += self.change[m];
                    if !self.bent.contains(&m) {
                        self.pre[m] -= t * self.change[m];
                    }
                    self.times[m] = self.time(m, t, still);
                }
            }
        }
    }

    /// When unit i gets to its kink, not before `now`. `pre` is what it would have been at the start of the step.
    fn time(&self, i: usize, now: f64, still: f64) -> f64 {
        let (a, rate) = (self.pre[i], self.rates[i]);
        let towards = if self.shares[i] > 0.5 { -rate } else { rate };
        if self.held[i] || towards <= still { f64::INFINITY } else { (-a / rate).max(now) }
    }

    /// What the slope gains if unit i changes its share; `change` becomes what that does to the rates of later units, `bent`
    /// the held ones among them.
    fn flip(&mut self, net: &Reduced, i: usize) -> f64 {
        let k = net.units;
        let jump = self.rates[i] * (1.0 - 2.0 * self.shares[i]);
        self.bent.clear();
        let mut gain = net.weights[i] * jump;
        // The first later unit whose value changes: before it no products are needed.
        let mut first = k;
        for m in i + 1..k {
            self.change[m] = 0.0;
            self.current[m] = 0.0;
            let reach = net.reach[m];
            if reach <= i {
                continue;
            }
            let row = net.inputs(m);
            let mut change = row[i] * jump;
            if first < reach {
                change += crate::dense::dot(&row[first..], &self.current[first..reach]);
            }
            if change == 0.0 {
                continue;
            }
            self.change[m] = change;
            self.current[m] = change * self.shares[m];
            if self.held[m] {
                let rate = self.rates[m] + change;
                self.current[m] = rate.max(0.0);
                if rate.abs() > BEND {
                    self.bent.push(m);
                } else {
                    (self.change[m], self.current[m]) = (0.0, 0.0);
                }
            }
            if self.current[m] != 0.0 {
                first = first.min(m);
            }
            gain += net.weights[m] * self.current[m];
        }
        gain
    }

    fn advance(&mut self, t: f64) {
        self.pre
            .iter_mut()
            .zip(&self.rates)
            .zip(&self.held)
            .filter(|(_, held)| !**held)
            .for_each(|((a, r), _)| *a += t * r);
    }
}

/// The least entry and its place.
fn earliest(times: &[f64]) -> (f64, usize) {
    let least = times.iter().fold(f64::INFINITY, |m, t| if *t < m { *t } else { m });
    (least, times.iter().position(|t| *t == least).unwrap_or(0))
}
