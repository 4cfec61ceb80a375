//! [`Bundle`]: the cuts met so far, the weights of the last master, and what of it is kept.

use std::sync::Arc;

use super::face::Newton;
use super::frame::Frame;
use super::master::{self, Master, Solved};
use crate::oracle::Cut;
use crate::region::Region;
use crate::run::Mixture;

/// Masters in a row in which a cut has weight 0 before it is dropped.
pub const PATIENCE: u32 = 40;

/// The cuts and their master.
#[derive(Debug)]
pub struct Bundle<'a> {
    region: &'a Region,
    frame: Frame,
    cuts: Vec<Arc<Cut>>,
    /// For each cut the masters since it last had weight.
    idle: Vec<u32>,
    master: Master,
    lambda: Vec<f64>,
    newton: Newton,
}

impl<'a> Bundle<'a> {
    /// No cuts yet.
    pub fn new(region: &'a Region, tau: f64) -> Bundle<'a> {
        let frame = Frame::new(region);
        let shape = frame.shape().clone();
        let linear = vec![0.0; shape.dimension()];
        let master = Master { gradients: vec![], constants: vec![], linear, tau, shape };
        Bundle { region, frame, cuts: vec![], idle: vec![], master, lambda: vec![], newton: Newton::default() }
    }

    /// Adds a cut, without weight unless it is the first.
    pub fn add(&mut self, cut: Arc<Cut>) {
        let constant = self.frame.cut(&cut, &mut self.master.gradients);
        self.master.constants.push(constant);
        self.lambda.push(if self.cuts.is_empty() { 1.0 } else { 0.0 });
        self.idle.push(0);
        self.cuts.push(cut);
    }

    /// Solves the master from the last weights.
    pub fn solve(&mut self, tolerance: f64) -> Solved {
        let solved = master::solve(&self.master, &mut self.lambda, tolerance, &mut self.newton);
        self.idle.iter_mut().zip(&self.lambda).for_each(|(idle, l)| *idle = if *l > 0.0 { 0 } else { *idle + 1 });
        solved
    }

    /// The minimiser of the model, in y.
    pub fn point(&self, solved: &Solved) -> Vec<f64> {
        self.frame.point(&solved.minimum.u, &solved.minimum.rest, self.region)
    }

    /// The combination of cuts that the last master found.
    pub fn mixture(&self) -> Mixture {
        let used = self.lambda.iter().zip(&self.cuts).filter(|(l, _)| **l > 0.0);
        used.map(|(l, cut)| (*l, cut.clone())).collect()
    }

    /// Drops cuts that have had no weight for [`PATIENCE`] masters. The bound stays: it is that of the cuts with weight.
    pub fn prune(&mut self) {
        let n = self.master.linear.len();
        let keep: Vec<bool> = self.idle.iter().map(|idle| *idle < PATIENCE).collect();
        if keep.iter().all(|k| *k) {
            return;
        }
        let mut row = keep.iter().flat_map(|k| std::iter::repeat_n(*k, n));
        self.master.gradients.retain(|_| row.next().unwrap_or(true));
        retain(&mut self.master.constants, &keep);
        retain(&mut self.lambda, &keep);
        retain(&mut self.idle, &keep);
        retain(&mut self.cuts, &keep);
    }
}

fn retain<T>(of: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    of.retain(|_| *keep.next().unwrap_or(&true));
}
