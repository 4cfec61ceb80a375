//! The active-set method on a small program of kinks: min f(y) + κ/2·‖y‖² over a box, κ ≥ 0.
//!
//! Held at their place are kinks (aᵢ(y) = 0) and ends of coordinates; f without the held kinks is affine near y, each of them
//! standing at a *reference* share of 0 or 1. A step goes along the negative gradient, projected on what the held constraints leave
//! free, through all kinks on the way until f stops falling, and holds the last. Held units that bend on the way are let go; where they
//! are many, the step ends there, and their gradients change by multiples of one vector. Where no such direction is left the multipliers ν of
//! the held constraints, N ν = −gradient, say which share each held unit would need: μ = share·λ + ν, optimal if 0 ≤ μ ≤ λ for all of
//! them. Otherwise the most violated constraint is let go to the side that its multiplier points to.

use super::layout::Layout;
use super::qr::Qr;
use super::reduced::Reduced;
use super::sweep::{Halt, Sweep};
use crate::dense::{add, dot};

/// A violation of a multiplier below this part of the gradient counts as 0, and a projected gradient below as many times that.
const VIOLATED: f64 = 1e-10;
const STATIONARY: f64 = 10.0;

/// Where the gap that is left is above this part of the gradient, smaller violations count, down to these.
const CLOSED: f64 = 1e-14;
const LEAST_VIOLATED: f64 = 1e-15;

/// A slope above −FLAT times the gradient does not fall.
const FLAT: f64 = 1e-13;

/// A held unit's distance from its kink that is corrected at the end, and one that is rounding for others.
const OFF_KINK: f64 = 1e-12;
const ROUNDING: f64 = 1e-10;

/// Newton steps onto the kinks that are held at the start.
const NEWTON_STEPS: usize = 4;

/// Steps of length 0 in a row after which the method gives up.
const IDLE: usize = 300;

/// How far apart kinks are moved that meet in too large a number.
const APART: [f64; 3] = [1e-7, 1e-5, 1e-8];

/// Steps between questions whether time is over.
const PATIENCE: usize = 16;

/// Steps between fresh forward passes.
const REFRESH: usize = 40;

/// What is held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Constraint {
    /// A unit, at its kink.
    Kink(usize),
    /// A coordinate, at its lower end.
    Lower(usize),
    /// A coordinate, at its upper end.
    Upper(usize),
}

/// The method's state: what it needs to go on from another point or with another function of the same size.
#[derive(Debug)]
pub struct ActiveSet<'a> {
    net: &'a Reduced,
    layout: Layout<'a>,
    lower: &'a [f64],
    upper: &'a [f64],
    curvature: f64,
    /// Where it is.
    pub y: Vec<f64>,
    /// What is held.
    pub working: Vec<Constraint>,
    /// The share of each unit: those that prove optimality at the end.
    pub shares: Vec<f64>,
    /// Steps so far.
    pub steps: usize,
    sweep: Sweep,
    /// For each constraint of the working set the place of its gradient, and the places that are not taken.
    slots: Vec<usize>,
    unused: Vec<usize>,
    /// By places: the gradients, p entries each; the weights with which values of units enter, k entries each; the lengths of the gradients.
    rows: Vec<f64>,
    uses: Vec<f64>,
    lengths: Vec<f64>,
    /// For each coordinate whether an end is held.
    at_end: Vec<bool>,
    qr: Qr,
    values: Vec<f64>,
    weights: Vec<f64>,
    gradient: Vec<f64>,
    direction: Vec<f64>,
    projected: Vec<f64>,
    /// A gradient (p) and the weights that go with it (k).
    own: (Vec<f64>, Vec<f64>),
}

/// What is known of the units from an earlier run.
#[derive(Debug, Clone, Default)]
pub struct Warm {
    /// The share of each unit, 0 or 1; empty for nothing.
    pub shares: Vec<f64>,
    /// The units to hold.
    pub kinks: Vec<usize>,
}

/// How a run of the method ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// At a minimum.
    Optimal,
    /// After the most steps allowed, or at a degenerate point that it could not leave.
    Stuck,
    /// f falls for ever.
    Unbounded,
}

/// A constraint to let go: how much its multiplier is out of range, its place, and on which side it leaves.
struct Release {
    violation: f64,
    place: usize,
    side: f64,
    across: bool,
}

/// The minimum, from `y` and what is known there. Where too many kinks meet in a point for the method to leave it, they are first moved
/// apart a little; what is held at the minimum of that program is held at one of the program itself.
pub fn solve<'a>(
    net: &'a Reduced,
    (lower, upper): (&'a [f64], &'a [f64]),
    curvature: f64,
    y: &[f64],
    warm: &Warm,
    most: usize,
    stop: &mut dyn FnMut() -> bool,
) -> (ActiveSet<'a>, Finish) {
    let mut state = ActiveSet::new(net, (lower, upper), curvature, y, warm);
    let mut finish = state.run(most, &mut *stop);
    for distance in APART {
        if finish != Finish::Stuck || state.steps >= most || stop() {
            break;
        }
        let mut apart = net.clone();
        let mut random = 1u64;
        for (i, constant) in apart.constants.iter_mut().enumerate() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let row = net.row(i);
            let length = dot(row, row).sqrt().max(f64::MIN_POSITIVE);
            *constant += distance * length * (0.5 + (random >> 11) as f64 / (1u64 << 53) as f64);
        }
        let mut near = ActiveSet::new(&apart, (lower, upper), curvature, &state.y, &Warm::default());
        near.run(most, &mut *stop);
        let (y, warm, steps) = (near.y.clone(), near.warm(), state.steps + near.steps);
        state = ActiveSet::new(net, (lower, upper), curvature, &y, &warm);
        finish = state.run(most, &mut *stop);
        state.steps += steps;
    }
    if finish != Finish::Optimal {
        state.finish_shares();
    }
    (state, finish)
}

impl<'a> ActiveSet<'a> {
    /// From the point `y` (p), which is moved into the box. Ends are held where y is at them, and the kinks of `warm`.
    fn new(
        net: &'a Reduced,
        (lower, upper): (&'a [f64], &'a [f64]),
        curvature: f64,
        y: &[f64],
        warm: &Warm,
    ) -> ActiveSet<'a> {
        let (p, k) = (net.decisions, net.units);
        let zeros = |n: usize| vec![0.0; n];
        let mut state = ActiveSet {
            net,
            layout: Layout::new(net),
            lower,
            upper,
            curvature,
            y: y.to_vec(),
            working: Vec::with_capacity(p),
            shares: zeros(k),
            steps: 0,
            sweep: Sweep::new(k),
            slots: Vec::with_capacity(p),
            unused: (0..=p).rev().collect(),
            rows: zeros((p + 1) * p),
            uses: zeros((p + 1) * k),
            lengths: zeros(p + 1),
            at_end: vec![false; p],
            qr: Qr::new(p),
            values: zeros(k),
            weights: zeros(k),
            gradient: zeros(p),
            direction: zeros(p),
            projected: zeros(p),
            own: (zeros(p), zeros(k)),
        };
        state.y.iter_mut().zip(lower.iter().zip(upper)).for_each(|(y, (l, u))| *y = y.max(*l).min(*u));
        state.layout.forward(&state.y, &mut state.sweep.pre);
        for i in 0..k {
            state.sweep.shares[i] = if state.sweep.pre[i] > 0.0 { 1.0 } else { 0.0 };
        }
        // Where kinks are at their place, what was known of them says more than the sign.
        state.sweep.shares[..warm.shares.len()].copy_from_slice(&warm.shares);
        for j in 0..p {
            if state.y[j] <= lower[j] {
                state.hold(Constraint::Lower(j));
            } else if state.y[j] >= upper[j] {
                state.hold(Constraint::Upper(j));
            }
        }
        for i in &warm.kinks {
            state.hold(Constraint::Kink(*i));
        }
        if !warm.kinks.is_empty() || !warm.shares.is_empty() {
            state.settle();
        }
        state
    }

    /// Moves y onto the kinks that are held from the start, and lets those go that it does not get to.
    fn settle(&mut self) {
        for _ in 0..NEWTON_STEPS {
            if self.refresh().0 <= OFF_KINK {
                return;
            }
            self.correct();
        }
        if self.refresh().0 <= ROUNDING {
            return;
        }
        for c in (0..self.working.len()).rev() {
            if let Constraint::Kink(i) = self.working[c]
                && self.values[i].abs() > ROUNDING
            {
                self.let_go(c);
            }
        }
        self.refresh();
    }

    /// The states on both sides of which the held units are: for each unit 0 or 1.
    pub fn reference(&self) -> &[f64] {
        &self.sweep.shares
    }

    /// What a next run should know.
    pub fn warm(&self) -> Warm {
        let kinks = self.working.iter().filter_map(|c| if let Constraint::Kink(i) = c { Some(*i) } else { None });
        Warm { shares: self.sweep.shares.clone(), kinks: kinks.collect() }
    }

    /// The shares that come nearest to a proof where the method ended without one.
    fn finish_shares(&mut self) {
        self.net.backward(&self.sweep.shares, &mut self.gradient, &mut self.weights);
        add(self.curvature, &self.y, &mut self.gradient);
        self.qr.transposed_within(&self.gradient, &mut self.projected);
        self.judge(1.0);
    }

    /// Adds a constraint; false if its gradient depends on those of the others.
    fn hold(&mut self, constraint: Constraint) -> bool {
        let (p, k) = (self.net.decisions, self.net.units);
        // There is a place more than constraints that can be held.
        let slot = self.unused[self.unused.len() - 1];
        let (row, uses) = (&mut self.rows[slot * p..(slot + 1) * p], &mut self.uses[slot * k..(slot + 1) * k]);
        match constraint {
            Constraint::Kink(i) => self.layout.gradient(i, &self.sweep.shares, row, uses),
            Constraint::Lower(j) | Constraint::Upper(j) => {
                row.fill(0.0);
                row[j] = 1.0;
                uses.fill(0.0);
            }
        }
        if !self.qr.push(row) {
            return false;
        }
        self.lengths[slot] = dot(row, row).sqrt() + f64::MIN_POSITIVE;
        self.unused.pop();
        self.slots.push(slot);
        self.working.push(constraint);
        match constraint {
            Constraint::Kink(i) => {
                self.sweep.moves[i] = 0.0;
                self.sweep.pre[i] = 0.0;
            }
            Constraint::Lower(j) | Constraint::Upper(j) => self.at_end[j] = true,
        }
        true
    }

    fn let_go(&mut self, place: usize) {
        match self.working.remove(place) {
            Constraint::Kink(i) => self.sweep.moves[i] = 1.0,
            Constraint::Lower(j) | Constraint::Upper(j) => self.at_end[j] = false,
        }
        self.qr.remove(place);
        self.unused.push(self.slots.remove(place));
    }

    /// Lets constraint `place` go, whose unit goes over to the other share: gradients of held units above it change with it.
    fn let_go_across(&mut self, place: usize, unit: usize) {
        self.sweep.shares[unit] = 1.0 - self.sweep.shares[unit];
        self.bend(unit, self.slots[place]);
        let place = self.working.iter().position(|c| *c == Constraint::Kink(unit));
        if let Some(place) = place {
            self.let_go(place);
        }
    }

    /// Corrects the gradients of held units above `unit`, which has gone over to the other share: each changes by a multiple of the unit's own, which
    /// is in the place `slot`.
    fn bend(&mut self, unit: usize, slot: usize) {
        let (p, k) = (self.net.decisions, self.net.units);
        let change = 2.0 * self.sweep.shares[unit] - 1.0;
        let mut bent = false;
        for (c, slot) in self.projected.iter_mut().zip(&self.slots) {
            *c = change * self.uses[slot * k + unit];
            bent |= *c != 0.0;
        }
        if !bent {
            return;
        }
        self.own.0.copy_from_slice(&self.rows[slot * p..(slot + 1) * p]);
        self.own.1.copy_from_slice(&self.uses[slot * k..(slot + 1) * k]);
        self.qr.update(&self.own.0, &self.projected);
        for (c, slot) in self.projected.iter().zip(&self.slots).filter(|(c, _)| **c != 0.0) {
            let row = &mut self.rows[slot * p..(slot + 1) * p];
            add(*c, &self.own.0, row);
            self.lengths[*slot] = dot(row, row).sqrt() + f64::MIN_POSITIVE;
            add(*c, &self.own.1[..unit], &mut self.uses[slot * k..slot * k + unit]);
        }
        for place in (0..self.working.len()).rev() {
            if self.qr.depends(place, self.lengths[self.slots[place]]) {
                self.let_go(place);
            }
        }
    }

    /// Goes on until the minimum, for at most `most` steps; `stop` is asked now and then.
    fn run(&mut self, most: usize, stop: &mut dyn FnMut() -> bool) -> Finish {
        let (mut idle, mut clean) = (0, false);
        let mut tolerance = VIOLATED;
        for step in 0..most {
            if step % PATIENCE == 0 && stop() {
                return Finish::Stuck;
            }
            self.layout.backward(&self.sweep.shares, &mut self.gradient, &mut self.weights);
            add(self.curvature, &self.y, &mut self.gradient);
            let size = dot(&self.gradient, &self.gradient).sqrt() + f64::MIN_POSITIVE;
            let held = self.qr.len();
            self.qr.transposed(&self.gradient, held, &mut self.projected);
            let free = &self.projected[held..];
            self.direction.fill(0.0);
            if dot(free, free).sqrt() > STATIONARY * tolerance * size {
                self.qr.add_columns(held, free, &mut self.direction);
                self.direction.iter_mut().for_each(|d| *d = -*d);
            } else {
                self.qr.transposed_within(&self.gradient, &mut self.projected);
                let Some(release) = self.judge(size * tolerance) else {
                    if !clean && !self.restore() {
                        clean = true;
                        continue;
                    }
                    if tolerance < LEAST_VIOLATED || self.gap() <= CLOSED * size {
                        return Finish::Optimal;
                    }
                    tolerance *= 0.01;
                    continue;
                };
                self.release(&release);
            }
            clean = false;

            let (t, halt) = self.advance(size);
            self.steps += 1;
            if halt == Halt::Never {
                return Finish::Unbounded;
            }
            idle = if t > 1e-15 { 0 } else { idle + 1 };
            if idle > IDLE {
                return Finish::Stuck;
            }
            if self.steps.is_multiple_of(REFRESH) {
                self.refresh();
            }
        }
        Finish::Stuck
    }

    /// Multipliers, from the units above down, and the shares that go with them; `projected` has the gradient's coordinates in the span of what is
    /// held. What to let go, if anything.
    fn judge(&mut self, least: f64) -> Option<Release> {
        let nu = &mut self.projected[..self.qr.len()];
        nu.iter_mut().for_each(|v| *v = -*v);
        self.qr.solve(nu);
        let mut worst: Option<Release> = None;
        let mut consider = |violation: f64, place: usize, side: f64, across: bool| {
            if violation > worst.as_ref().map_or(least, |w| w.violation) {
                worst = Some(Release { violation, place, side, across });
            }
        };
        self.values.fill(f64::NAN);
        for (place, constraint) in self.working.iter().enumerate() {
            match constraint {
                Constraint::Kink(i) => self.values[*i] = place as f64,
                Constraint::Lower(_) => consider(nu[place], place, 1.0, false),
                Constraint::Upper(_) => consider(-nu[place], place, -1.0, false),
            }
        }
        let (sweep, shares, places) = (&self.sweep, &mut self.shares, &self.values);
        let (slots, lengths) = (&self.slots, &self.lengths);
        let share = |i: usize, weight: f64| {
            shares[i] = sweep.shares[i];
            if !places[i].is_nan() {
                let place = places[i] as usize;
                let multiplier = sweep.shares[i] * weight + nu[place];
                let length = lengths[slots[place]];
                if multiplier < 0.0 {
                    consider(-multiplier / length, place, -1.0, sweep.shares[i] != 0.0);
                } else if multiplier > weight {
                    consider((multiplier - weight) / length, place, 1.0, sweep.shares[i] != 1.0);
                }
                if weight > 0.0 {
                    shares[i] = (multiplier / weight).clamp(0.0, 1.0);
                }
            }
            shares[i]
        };
        self.layout.weigh(share, &mut self.weights);
        self.direction.fill(0.0);
        worst
    }

    /// What is minimised at y, less the least value of the minorant that belongs to the shares.
    fn gap(&mut self) -> f64 {
        let net = self.net;
        let mut gap = net.forward(&self.y, &mut self.weights, &mut self.values);
        gap -= net.backward(&self.shares, &mut self.projected, &mut self.weights);
        for (j, r) in self.projected.iter().enumerate() {
            let (y, c) = (self.y[j], self.curvature);
            let least = if c > 0.0 {
                -r / c
            } else if *r > 0.0 {
                self.lower[j]
            } else {
                self.upper[j]
            };
            let at = if *r == 0.0 { y } else { least.max(self.lower[j]).min(self.upper[j]) };
            gap += 0.5 * c * (y - at) * (y + at) - r * at;
        }
        gap
    }

    /// Lets a constraint go; the direction becomes the one that leaves it and keeps the others.
    fn release(&mut self, release: &Release) {
        let p = self.net.decisions;
        let slot = self.slots[release.place];
        self.gradient.copy_from_slice(&self.rows[slot * p..(slot + 1) * p]);
        match self.working[release.place] {
            Constraint::Kink(i) if release.across => self.let_go_across(release.place, i),
            _ => self.let_go(release.place),
        }
        let held = self.qr.len();
        self.qr.transposed(&self.gradient, held, &mut self.projected);
        self.qr.add_columns(held, &self.projected[held..], &mut self.direction);
        self.direction.iter_mut().for_each(|d| *d *= release.side);
    }

    /// The step along the direction; what ends it is held.
    fn advance(&mut self, size: f64) -> (f64, Halt) {
        let net = self.net;
        let length = dot(&self.direction, &self.direction).sqrt();
        if !(length > 0.0 && length.is_finite()) {
            return (0.0, Halt::Smooth);
        }
        let (mut farthest, mut bound) = (f64::INFINITY, 0);
        for (j, d) in self.direction.iter_mut().enumerate() {
            *d = if self.at_end[j] { 0.0 } else { *d / length };
            let room = match *d {
                d if d > 1e-13 => (self.upper[j] - self.y[j]) / d,
                d if d < -1e-13 => (self.lower[j] - self.y[j]) / d,
                _ => continue,
            };
            if room < farthest {
                (farthest, bound) = (room.max(0.0), j);
            }
        }
        let d = &self.direction;
        let Sweep { moves, shares, rates, .. } = &mut self.sweep;
        let slope = self.layout.tangent(shares, moves, d, rates) + self.curvature * dot(&self.y, d);
        // Not a number counts as flat.
        if slope.is_nan() || size.is_nan() || slope >= -FLAT * size {
            return (0.0, Halt::Smooth);
        }
        let curvature = self.curvature * dot(d, d);
        let (t, halt) = self.sweep.step((net, &self.layout), slope, curvature, (farthest, bound), FLAT * size);
        for (j, y) in self.y.iter_mut().enumerate() {
            *y = (*y + t * self.direction[j]).max(self.lower[j]).min(self.upper[j]);
        }
        // Held units that were bent on the way.
        for c in (0..self.working.len()).rev() {
            if matches!(self.working[c], Constraint::Kink(i) if !self.sweep.holds(i)) {
                self.let_go(c);
            }
        }
        match halt {
            Halt::Kink(i) => {
                self.hold(Constraint::Kink(i));
            }
            Halt::Bound(j) => {
                let up = self.direction[j] > 0.0;
                self.y[j] = if up { self.upper[j] } else { self.lower[j] };
                self.hold(if up { Constraint::Upper(j) } else { Constraint::Lower(j) });
            }
            Halt::Bend(i) => self.bend_at(i),
            Halt::Smooth | Halt::Never => {}
        }
        (t, halt)
    }

    /// Corrects the gradients of held units above `unit`, which is not held and has gone over to the other share.
    fn bend_at(&mut self, unit: usize) {
        let (p, k) = (self.net.decisions, self.net.units);
        let slot = self.unused[self.unused.len() - 1];
        let (row, uses) = (&mut self.rows[slot * p..(slot + 1) * p], &mut self.uses[slot * k..(slot + 1) * k]);
        self.layout.gradient(unit, &self.sweep.shares, row, uses);
        self.bend(unit, slot);
    }

    /// A forward pass in place of the pre-activations that steps have added up. Returns the largest distance of a held unit from
    /// its kink, and whether the share of another unit was wrong by more than rounding.
    fn refresh(&mut self) -> (f64, bool) {
        self.layout.forward(&self.y, &mut self.sweep.pre);
        let (mut off, mut wrong) = (0.0f64, false);
        for i in 0..self.net.units {
            let a = self.sweep.pre[i];
            if self.sweep.holds(i) {
                off = off.max(a.abs());
                self.values[i] = a;
                self.sweep.pre[i] = 0.0;
            } else if (a > 0.0) != (self.sweep.shares[i] > 0.5) {
                if a.abs() <= ROUNDING {
                    self.sweep.pre[i] = 0.0;
                } else {
                    self.sweep.shares[i] = 1.0 - self.sweep.shares[i];
                    wrong = true;
                }
            }
        }
        (off, wrong)
    }

    /// Moves y onto the kinks that are held, by a Newton step. Whether all shares are right there.
    fn restore(&mut self) -> bool {
        let (off, wrong) = self.refresh();
        if off <= OFF_KINK || wrong {
            return !wrong;
        }
        self.correct();
        !self.refresh().1
    }

    /// A Newton step onto the kinks that are held, from distances that [`refresh`](Self::refresh) left in `values`.
    fn correct(&mut self) {
        let q = self.qr.len();
        for (c, constraint) in self.working.iter().enumerate() {
            self.projected[c] = if let Constraint::Kink(i) = constraint { -self.values[*i] } else { 0.0 };
        }
        self.qr.solve_transposed(&mut self.projected[..q]);
        self.qr.add_columns(0, &self.projected[..q], &mut self.y);
        self.y.iter_mut().zip(self.lower.iter().zip(self.upper)).for_each(|(y, (l, u))| *y = y.max(*l).min(*u));
    }
}
