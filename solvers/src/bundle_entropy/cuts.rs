//! [`Bundle`]: the cuts met so far, the weights of the last master, and what of it is kept.

use std::sync::Arc;

use super::entropic::Minimum;
use super::face::Newton;
use super::frame::Frame;
use super::master::{self, Master, Search, Solved};
use crate::SolverError;
use crate::dense::dot;
use crate::oracle::Cut;
use crate::region::Region;

/// Masters in a row in which a cut has weight 0 before it is dropped.
const PATIENCE: u32 = 40;

/// Cuts that are dropped together: what is left moves up.
const TOGETHER: usize = 8;

/// How close to 0 and 1 a start may be as a centre: farther out, the damping would hold it there.
const CORNER: f64 = 1e-3;

/// Where the damping pulls to.
#[derive(Debug)]
pub struct Centre {
    /// ∇H there, up to a constant for each simplex (n).
    pub lean: Vec<f64>,
    /// The point itself (n).
    u: Vec<f64>,
}

impl Centre {
    /// ½(B(u, v) + B(v, u)) = ½(∇H(v) − ∇H(u))ᵀ(u − v) ≥ 0: half a sum without cancellation instead of B(u, v), which is the
    /// same up to third order.
    pub fn divergence(&self, other: &Centre) -> f64 {
        let moves = self.u.iter().zip(&other.u).map(|(u, v)| u - v);
        0.5 * moves.zip(other.lean.iter().zip(&self.lean)).map(|(d, (there, here))| d * (there - here)).sum::<f64>()
    }
}

/// The cuts and their master.
#[derive(Debug)]
pub struct Bundle<'a> {
    region: &'a Region,
    frame: Frame,
    cuts: Vec<Arc<Cut>>,
    /// Their values at y = 0.
    constants: Vec<f64>,
    /// For each cut the masters since it last had weight.
    idle: Vec<u32>,
    master: Master,
    lambda: Vec<f64>,
    newton: Newton,
    search: Search,
}

impl<'a> Bundle<'a> {
    /// No cuts yet. Errors: [`SolverError::Refused`] for a region without finite widths.
    pub fn new(region: &'a Region) -> Result<Bundle<'a>, SolverError> {
        let frame = Frame::new(region)?;
        let shape = frame.shape().clone();
        let linear = vec![0.0; shape.dimension()];
        let master = Master { gradients: vec![], constants: vec![], linear, tau: 1.0, shape };
        let (newton, search) = (Newton::default(), Search::default());
        Ok(Bundle {
            region,
            frame,
            cuts: vec![],
            constants: vec![],
            idle: vec![],
            master,
            lambda: vec![],
            newton,
            search,
        })
    }

    /// Adds a cut, without weight unless it is the first.
    pub fn add(&mut self, cut: Arc<Cut>) {
        let constant = self.frame.cut(&cut, &mut self.master.gradients);
        self.master.constants.push(constant);
        self.lambda.push(if self.cuts.is_empty() { 1.0 } else { 0.0 });
        self.idle.push(0);
        self.constants.push(cut.constant());
        self.cuts.push(cut);
    }

    /// −τH(u) + ρ·B(u, centre) from now on: temperature τ + ρ, and a linear term that pulls to the centre.
    pub fn set_temperature(&mut self, tau: f64, rho: f64, centre: &[f64]) {
        self.master.tau = tau + rho;
        self.master.linear.iter_mut().zip(centre).for_each(|(q, lean)| *q = rho * lean);
    }

    /// Solves the master from the last weights.
    pub fn solve(&mut self, tolerance: f64, solved: &mut Solved) {
        let (search, newton) = (&mut self.search, &mut self.newton);
        master::solve_into(&self.master, &mut self.lambda, tolerance, search, newton, solved);
        self.idle.iter_mut().zip(&self.lambda).for_each(|(idle, l)| *idle = if *l > 0.0 { 0 } else { *idle + 1 });
    }

    /// `y` becomes the minimiser of the model.
    pub fn point(&self, solved: &Solved, y: &mut Vec<f64>) {
        self.frame.point(&solved.minimum.u, &solved.minimum.rest, self.region, y)
    }

    /// The minimiser of the model as a centre.
    pub fn centre(&self, solved: &Solved) -> Centre {
        let lean = solved.slope.iter().map(|s| s / self.master.tau).collect();
        Centre { lean, u: solved.minimum.u.clone() }
    }

    /// A point near y as a centre: at a distance from the corners.
    pub fn centre_at(&self, y: &[f64]) -> Centre {
        let boxed = self.master.shape.boxed;
        let lean = |(k, u): (usize, f64)| match k < boxed {
            true => ((1.0 - u.clamp(CORNER, 1.0 - CORNER)) / u.clamp(CORNER, 1.0 - CORNER)).ln(),
            false => -u.max(CORNER / self.master.linear.len() as f64).ln(),
        };
        let lean: Vec<f64> = self.frame.scaled(y).enumerate().map(lean).collect();
        let mut minimum = Minimum::default();
        minimum.at(&lean, 1.0, &self.master.shape);
        Centre { lean, u: minimum.u }
    }

    /// The root mean square of the slopes of the newest cut; 1 if they are all 0.
    pub fn typical_slope(&self) -> f64 {
        let Some(last) = self.master.cuts().checked_sub(1) else { return 1.0 };
        let g = self.master.gradient(last);
        let slope = (dot(g, g) / g.len().max(1) as f64).sqrt();
        if slope > 0.0 && slope.is_finite() { slope } else { 1.0 }
    }

    /// The combination of cuts that the last master found: weights, constants and cuts.
    pub fn mixture(&self) -> impl Iterator<Item = (f64, f64, &Arc<Cut>)> {
        let cuts = self.constants.iter().zip(&self.cuts);
        self.lambda.iter().zip(cuts).filter(|(l, _)| **l > 0.0).map(|(l, (constant, cut))| (*l, *constant, cut))
    }

    /// Drops cuts that have had no weight for [`PATIENCE`] masters, some at a time. The bound stays: it is that of the cuts with weight.
    pub fn prune(&mut self) {
        if self.idle.iter().map(|idle| usize::from(*idle >= PATIENCE)).sum::<usize>() < TOGETHER {
            return;
        }
        let Some(first) = self.idle.iter().position(|idle| *idle >= PATIENCE) else { return };
        let n = self.master.linear.len();
        let keep: Vec<bool> = self.idle.iter().map(|idle| *idle < PATIENCE).collect();
        let mut to = first;
        for (from, _) in keep.iter().enumerate().skip(first).filter(|(_, keep)| **keep) {
            self.master.gradients.copy_within(from * n..(from + 1) * n, to * n);
            to += 1;
        }
        self.master.gradients.truncate(to * n);
        self.newton.renumber(&keep);
        retain(&mut self.master.constants, &keep);
        retain(&mut self.lambda, &keep);
        retain(&mut self.idle, &keep);
        retain(&mut self.constants, &keep);
        retain(&mut self.cuts, &keep);
    }
}

fn retain<T>(of: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    of.retain(|_| *keep.next().unwrap_or(&true));
}
