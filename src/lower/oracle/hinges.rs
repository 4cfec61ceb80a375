//! [`Hinges`]: where the steps of a plan have kinks. Unit steps have one for every break between two pieces that their element can
//! meet on its interval, maxima one for every member but the first: max(s, t) = t + max(s − t, 0), one member after the other.

use super::plan::{Action, Plan};
use crate::ir::bounds::Bounds;
use crate::ir::forward::Scalars;
use crate::ir::instance::Instance;
use crate::ir::interval::Interval;
use crate::ir::lines::Line;
use crate::ir::program::{GroupKind, NodeId};
use crate::ir::scalar::Scalar;

/// The kinks of a plan, numbered in the order of evaluation.
#[derive(Debug)]
pub(super) struct Hinges {
    /// For each step of the plan.
    pub steps: Vec<Bends>,
    /// How many kinks there are.
    pub count: usize,
    /// Whether all units are of the plainest kind: one kink each, at 0.
    pub plain: bool,
    /// What each kink is called at every context: its number if all breaks of all units and all members of maxima counted.
    pub names: Vec<u64>,
}

/// The kinks of one step.
#[derive(Debug)]
pub(super) enum Bends {
    None,
    Unit(UnitBends),
    Group(GroupBends),
}

/// Elementwise: g(t) = line(t) + Σ bend·max(t − place, 0) over the kinks of the element.
#[derive(Debug)]
pub(super) struct UnitBends {
    pub node: NodeId,
    /// The first of the step's kinks.
    pub first: usize,
    /// The leftmost piece of every element.
    pub lines: Vec<Line>,
    /// In the order of the elements.
    pub kinks: Vec<Bend>,
    /// Where every element is left·t + bend·max(t, 0): these two slopes. Kinks are then as many as elements.
    pub plain: Option<(f64, f64)>,
}

/// One kink of an element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bend {
    pub element: usize,
    /// Where it is.
    pub place: f64,
    /// By how much the slope grows there; below 0 all along a concave element.
    pub bend: f64,
}

/// For each group the entries that can be its largest, and the kink of its second one.
#[derive(Debug)]
pub(super) struct GroupBends {
    pub node: NodeId,
    pub chains: Vec<Chain>,
}

#[derive(Debug)]
pub(super) struct Chain {
    /// Entries of the input.
    pub entries: Vec<usize>,
    /// The places of these entries in their group.
    pub places: Vec<usize>,
    /// The kink of the second entry; those of the others follow.
    pub first: usize,
}

impl Hinges {
    /// Errors: the node that is not piecewise linear, and why.
    pub fn new(instance: &Instance, bounds: &Bounds, plan: &Plan) -> Result<Hinges, String> {
        let mut all = Hinges { steps: Vec::with_capacity(plan.steps.len()), count: 0, plain: true, names: vec![] };
        let mut named = 0;
        for step in &plan.steps {
            let refuse = |what: &str| Err(format!("{} {what}", instance.program().describe(step.node)));
            let bends = match &step.action {
                Action::Decision | Action::Affine(_) | Action::Concat(_) => Bends::None,
                Action::Unit { input, unit } => {
                    let scalars = instance.scalars(&plan.units[*unit].0, input.len);
                    match UnitBends::new(
                        step.node,
                        &scalars,
                        bounds.of(step.reads),
                        all.count,
                        (&mut named, &mut all.names),
                    ) {
                        Some(unit) => Bends::Unit(unit),
                        None => {
                            return refuse("is not piecewise linear, and convex or concave; it has no kinks to hold");
                        }
                    }
                }
                Action::Group { kind: GroupKind::Max, groups, .. } => {
                    let mut first = all.count;
                    let chains = (0..groups.len()).map(|g| {
                        let places = bounds.alive(step.reads, groups.group(g));
                        let entries: Vec<usize> = places.iter().map(|k| groups.group(g)[*k]).collect();
                        first += places.len() - 1;
                        all.names.extend(places[1..].iter().map(|k| named + *k as u64));
                        named += groups.group(g).len() as u64;
                        Chain { first: first + 1 - places.len(), entries, places }
                    });
                    Bends::Group(GroupBends { node: step.node, chains: chains.collect() })
                }
                _ => return refuse("is not piecewise linear; it has no kinks to hold"),
            };
            all.count += bends.count();
            all.plain &= matches!(&bends, Bends::None | Bends::Unit(UnitBends { plain: Some(_), .. }));
            all.steps.push(bends);
        }
        Ok(all)
    }
}

impl Bends {
    fn count(&self) -> usize {
        match self {
            Bends::None => 0,
            Bends::Unit(unit) => unit.kinks.len(),
            Bends::Group(group) => group.chains.iter().map(|chain| chain.entries.len() - 1).sum(),
        }
    }

    /// The numbers of its kinks.
    pub fn kinks(&self) -> std::ops::Range<usize> {
        let first = match self {
            Bends::None => 0,
            Bends::Unit(unit) => unit.first,
            Bends::Group(group) => group.chains.first().map_or(0, |chain| chain.first),
        };
        first..first + self.count()
    }
}

impl UnitBends {
    /// `None` for an element that is smooth, or neither convex nor concave on its interval. `named` breaks of other units have been counted; the names of
    /// the kinks are appended.
    fn new(
        node: NodeId,
        scalars: &Scalars,
        on: &[Interval],
        first: usize,
        (named, names): (&mut u64, &mut Vec<u64>),
    ) -> Option<UnitBends> {
        let mut unit = UnitBends { node, first, lines: Vec::with_capacity(on.len()), kinks: vec![], plain: None };
        for (element, on) in on.iter().enumerate() {
            let Scalar::Lines(lines) = scalars.get(element) else { return None };
            let pieces = lines.on(*on);
            let skipped = lines.breaks().iter().take_while(|b| **b <= on.lower).count();
            unit.lines.push(pieces[0]);
            // A concave element has a weight below 0 on its way to f: each of its kinks is convex there.
            let mut sign = 0.0;
            let before = unit.kinks.len();
            for (pair, place) in pieces.windows(2).zip(lines.breaks().iter().skip(skipped)) {
                let bend = pair[1].slope - pair[0].slope;
                if bend.is_nan() || bend * sign < 0.0 {
                    return None;
                }
                sign = bend;
                names.push(*named + (skipped + unit.kinks.len() - before) as u64);
                unit.kinks.push(Bend { element, place: *place, bend });
            }
            *named += lines.breaks().len() as u64;
        }
        let of = |line: &Line, kink: &Bend| (line.slope, line.intercept, kink.place, kink.bend);
        let mut elements = unit.lines.iter().zip(&unit.kinks).map(|(line, kink)| of(line, kink));
        if unit.kinks.len() == unit.lines.len()
            && let Some((left, 0.0, 0.0, bend)) = elements.next()
            && bend > 0.0
            && elements.all(|other| other == (left, 0.0, 0.0, bend))
            && unit.kinks.iter().enumerate().all(|(i, kink)| kink.element == i)
        {
            unit.plain = Some((left, bend));
        }
        Some(unit)
    }

    /// The slope and the intercept of every element where its kinks have `shares`.
    pub fn fill(&self, shares: &[f64], slopes: &mut Vec<f64>, intercepts: &mut Vec<f64>) {
        slopes.clear();
        intercepts.clear();
        if let Some((left, bend)) = self.plain {
            slopes.extend(shares[self.first..self.first + self.lines.len()].iter().map(|share| left + share * bend));
            intercepts.resize(self.lines.len(), 0.0);
            return;
        }
        slopes.extend(self.lines.iter().map(|line| line.slope));
        intercepts.extend(self.lines.iter().map(|line| line.intercept));
        for (k, share) in self.kinks.iter().zip(&shares[self.first..]) {
            slopes[k.element] += share * k.bend;
            intercepts[k.element] -= share * k.bend * k.place;
        }
    }
}

impl Chain {
    /// What a weight of the largest of the first `len` entries passes down: `entry(i, w)` to entry i, `kink(k, λ)` for each kink on
    /// the way, whose share is multiplied in.
    pub fn descend(
        &self,
        len: usize,
        mut weight: f64,
        shares: &[f64],
        mut entry: impl FnMut(usize, f64),
        mut kink: impl FnMut(usize, f64),
    ) {
        for j in (1..len).rev() {
            let number = self.first + j - 1;
            kink(number, weight);
            let rest = shares[number] * weight;
            entry(self.entries[j], weight - rest);
            if rest == 0.0 {
                return;
            }
            weight = rest;
        }
        entry(self.entries[0], weight);
    }
}
