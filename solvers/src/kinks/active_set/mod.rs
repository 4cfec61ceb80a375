//! The active-set method on a small program of kinks: min f(y) + κ/2·‖y‖² over a box, κ ≥ 0.
//!
//! Held at their place are kinks (aᵢ(y) = 0) and ends of coordinates; f without the held kinks is affine near y, each of them
//! standing at a *reference* share of 0 or 1. A step goes along the negative gradient, projected on what the held constraints leave
//! free, through all kinks on the way until f stops falling, and holds the last. Held units that bend on the way are let go; a kink at which
//! many would bend is held as well. Where no such direction is left the multipliers ν of the held constraints, N ν = −gradient, say which
//! share each held unit would need: μ = share·λ + ν, optimal if 0 ≤ μ ≤ λ for all of them. Otherwise the most violated constraint is let
//! go to the side that its multiplier points to; if its unit changes its share by that, the gradients of held units above change by multiples of its own.
//!
//! | module        | what                                                                                     |
//! |---------------|------------------------------------------------------------------------------------------|
//! | `working`     | what is held: constraints come and go, and bend                                          |
//! | `multipliers` | what to let go, and the gap that is left                                                 |
//! | `place`       | forward passes, and Newton steps onto the kinks that are held                            |

mod multipliers;
mod place;
mod working;

use super::layout::Layout;
use super::qr::Qr;
use super::reduced::Reduced;
use super::room::Room;
use super::sweep::{Halt, Sweep, earliest};
use crate::dense::{add, dot, vectorised};

/// A violation of a multiplier below this part of the gradient counts as 0, and a projected gradient below as many times that.
const VIOLATED: f64 = 1e-10;
const STATIONARY: f64 = 10.0;

/// Where the gap that is left is above this part of the gradient, smaller violations count, down to these.
const CLOSED: f64 = 1e-14;
const LEAST_VIOLATED: f64 = 1e-15;

/// A slope above −FLAT times the gradient does not fall.
const FLAT: f64 = 1e-13;

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
    /// Where it is; while steps are made, this and other vectors have zeros behind them, as in [`Layout`].
    pub y: Room,
    /// What is held.
    pub working: Vec<Constraint>,
    /// The share of each unit: those that prove optimality at the end.
    pub shares: Room,
    /// Steps so far.
    pub steps: usize,
    sweep: Sweep,
    /// For each constraint of the working set the place of its gradient, and the places that are not taken.
    slots: Vec<usize>,
    unused: Vec<usize>,
    /// By places: the gradients, P entries each; the weights with which values of units enter, K entries each; the lengths of the gradients.
    rows: Room,
    uses: Room,
    lengths: Room,
    /// For each coordinate whether an end is held.
    at_end: Vec<bool>,
    qr: Qr,
    values: Room,
    weights: Room,
    gradient: Room,
    direction: Room,
    projected: Room,
    /// A gradient (P) and the weights that go with it (K).
    own: (Room, Room),
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
        let mut near = ActiveSet::new(&apart, (lower, upper), curvature, &state.y[..net.decisions], &Warm::default());
        near.run(most, &mut *stop);
        near.trim();
        let (y, warm, steps) = (near.y.clone(), near.warm(), state.steps + near.steps);
        state = ActiveSet::new(net, (lower, upper), curvature, &y, &warm);
        finish = state.run(most, &mut *stop);
        state.steps += steps;
    }
    if finish != Finish::Optimal {
        state.finish_shares();
    }
    state.trim();
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
        let (layout, p) = (Layout::new(net), net.decisions);
        let ((wide, long), sweep) = (layout.size, Sweep::new(&layout));
        let zeros = Room::zeros;
        let mut state = ActiveSet {
            net,
            layout,
            lower,
            upper,
            curvature,
            y: zeros(wide),
            working: Vec::with_capacity(p),
            shares: zeros(long),
            steps: 0,
            sweep,
            slots: Vec::with_capacity(p),
            unused: (0..=p).rev().collect(),
            rows: zeros((p + 1) * wide),
            uses: zeros((p + 1) * long),
            lengths: zeros(p + 1),
            at_end: vec![false; p],
            qr: Qr::new(p),
            values: zeros(long),
            weights: zeros(long),
            gradient: zeros(wide),
            direction: zeros(wide),
            projected: zeros(wide),
            own: (zeros(wide), zeros(long)),
        };
        let ends = lower.iter().zip(upper);
        state.y.iter_mut().zip(y.iter().zip(ends)).for_each(|(to, (y, (l, u)))| *to = y.max(*l).min(*u));
        state.layout.forward(&state.y, &mut state.sweep.pre);
        // Where kinks are at their place, what was known of them says more than the sign.
        let Sweep { shares, pre, .. } = &mut state.sweep;
        match warm.shares.len() == net.units {
            true => shares.begin(warm.shares.iter().copied()),
            false => shares.begin(pre[..net.units].iter().map(|a| if *a > 0.0 { 1.0 } else { 0.0 })),
        }
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

    /// The states on both sides of which the held units are: for each unit 0 or 1.
    pub fn reference(&self) -> &[f64] {
        &self.sweep.shares.all()[..self.net.units]
    }

    /// Takes the zeros away that are behind what others read.
    fn trim(&mut self) {
        self.y.truncate(self.net.decisions);
        self.shares.truncate(self.net.units);
    }

    /// What is minimised where it is, once it has ended.
    pub fn value(&mut self) -> f64 {
        self.layout.forward(&self.y, &mut self.values) + 0.5 * self.curvature * dot(&self.y, &self.y)
    }

    /// What a next run should know.
    pub fn warm(&self) -> Warm {
        let kinks = self.working.iter().filter_map(|c| if let Constraint::Kink(i) = c { Some(*i) } else { None });
        Warm { shares: self.reference().to_vec(), kinks: kinks.collect() }
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
            let free = &self.projected[held..self.net.decisions];
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

    /// The step along the direction; what ends it is held.
    fn advance(&mut self, size: f64) -> (f64, Halt) {
        let net = self.net;
        let length = dot(&self.direction, &self.direction).sqrt();
        if !(length > 0.0 && length.is_finite()) {
            return (0.0, Halt::Smooth);
        }
        let (farthest, bound) = self.room(1.0 / length);
        let d = &self.direction;
        let Sweep { shares, rates, .. } = &mut self.sweep;
        let slope = self.layout.tangent(shares, d, rates) + self.curvature * dot(&self.y, d);
        // Not a number counts as flat.
        if slope.is_nan() || size.is_nan() || slope >= -FLAT * size {
            return (0.0, Halt::Smooth);
        }
        let curvature = self.curvature * dot(d, d);
        let (t, halt) = self.sweep.step((net, &self.layout), slope, curvature, (farthest, bound), FLAT * size);
        let all = self.y.iter_mut().zip(&self.direction).zip(self.lower.iter().zip(self.upper));
        vectorised(
            #[inline(always)]
            || all.for_each(|((y, d), (l, u))| *y = (*y + t * d).max(*l).min(*u)),
        );
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
            Halt::Smooth | Halt::Never => {}
        }
        (t, halt)
    }

    /// Makes the direction `scale` times as long, without the coordinates that are held at an end; how far it goes until a coordinate ends, and which.
    fn room(&mut self, scale: f64) -> (f64, usize) {
        let (y, rooms) = (&self.y, &mut self.projected);
        let ends = self.lower.iter().zip(self.upper).zip(&self.at_end);
        vectorised(
            #[inline(always)]
            || {
                for (((d, room), y), ((lower, upper), at_end)) in
                    self.direction.iter_mut().zip(&mut *rooms).zip(y).zip(ends)
                {
                    *d = if *at_end { 0.0 } else { *d * scale };
                    let end = if *d > 0.0 { *upper } else { *lower };
                    let far = (end - y) / *d;
                    let far = if far > 0.0 { far } else { 0.0 };
                    *room = if d.abs() > 1e-13 { far } else { f64::INFINITY };
                }
            },
        );
        rooms[self.net.decisions..].fill(f64::INFINITY);
        earliest(rooms)
    }
}
