//! What both problems share: choose the kinks that are near, solve the program in which only they are left, certify the answer with the
//! whole network, and add the kinks at which the two differ.

use super::free_rows::FreeRows;
use super::nearest::{DIRECTIONS, distances};
use super::reduced::Reduced;
use super::room::Room;
use crate::SolverError;
use crate::dense::{dot, vectorised};
use crate::run::{End, Hint, Run};

/// Kinks that are added together however few are free.
const FEW: usize = 8;

/// Most numbers that the rows of free units may take.
const ROOM: usize = 1 << 25;

/// Units that are looked at together.
const PART: usize = 64;

/// Where f is above what a round's program says by so many times the gap that was asked for, the round does not close it.
const OPEN: f64 = 2.0;

/// What an evaluation leaves.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub pre: Room,
    pub slope: Room,
    pub weights: Room,
    pub value: f64,
}

/// State of the rounds.
pub(super) struct Rounds<'r, 'a> {
    pub run: &'r mut Run<'a>,
    /// Most multiplications of one forward and one backward pass so far, and all of them before the last pass forward.
    pass: f64,
    before: u64,
    /// Pre-activations at the last point that was looked at (m).
    pub pre: Room,
    /// The state of each unit: its share while it is frozen.
    pub shares: Room,
    /// Whether it is left free.
    is_free: Vec<bool>,
    /// The units that were left free first, with the distances of their kinks.
    near: Vec<(f64, usize)>,
    /// For each unit the squared rates at which its pre-activation changed along the steps of a search, added up; and how many steps there were.
    rates: Vec<f64>,
    steps: usize,
    /// The free units, increasing.
    pub free: Vec<usize>,
    /// The slope of the last minorant (p).
    pub slope: Room,
    weights: Room,
    /// The pre-activations at the best point of the rounds, and its value.
    best: Room,
    least: f64,
    /// Where a search has got to, no incumbent as its value is rough, and that.
    found: (Vec<f64>, f64),
    /// f and the pre-activations of the units that were free in the last round, these left out.
    rows: FreeRows,
}

impl<'r, 'a> Rounds<'r, 'a> {
    /// Before the first pass.
    ///
    /// Errors: [`SolverError::Refused`] where the function shows no kinks.
    pub fn begin(run: &'r mut Run<'a>) -> Result<Self, SolverError> {
        let (m, p) = (run.kinks()?.units(), run.region().dimension());
        let zeros = Room::zeros;
        Ok(Rounds {
            run,
            pass: 0.0,
            before: 0,
            pre: zeros(m),
            shares: zeros(m),
            is_free: vec![false; m],
            near: vec![],
            rates: vec![],
            steps: 0,
            free: vec![],
            slope: zeros(p),
            weights: zeros(m),
            best: Room::default(),
            least: f64::INFINITY,
            found: (vec![], f64::INFINITY),
            rows: FreeRows::default(),
        })
    }

    /// All units frozen where they are at `y`: one forward and one backward pass.
    ///
    /// Errors: as for [`begin`](Self::begin); those of the oracle.
    pub fn new(run: &'r mut Run<'a>, y: &[f64]) -> Result<Self, SolverError> {
        let mut rounds = Rounds::begin(run)?;
        rounds.freeze_at(y)?;
        Ok(rounds)
    }

    /// Freezes all units where they are at `y`: one forward and one backward pass.
    pub fn freeze_at(&mut self, y: &[f64]) -> Result<(), SolverError> {
        self.least = self.look(y)?;
        self.freeze(y)?;
        self.measure()
    }

    /// Freezes all units as they were where another run ended in `y` and held units at their kink; false, and nothing done, where the hint does not say
    /// so. One backward pass: of f nothing is known then but a minorant.
    pub fn freeze_hinted(&mut self, hint: &Hint, y: &[f64]) -> Result<bool, SolverError> {
        if hint.held.is_empty() || hint.active.len() != self.units() {
            return Ok(false);
        }
        self.pre.iter_mut().zip(&hint.active).for_each(|(a, active)| *a = if *active { 1.0 } else { -1.0 });
        self.freeze(y)?;
        Ok(true)
    }

    /// Freezes all units where a search has seen them at `y`: one backward pass. f is known to single precision there; `y` becomes no incumbent.
    pub fn freeze_as(&mut self, kept: Kept, y: &[f64]) -> Result<(), SolverError> {
        self.least = kept.value;
        self.pre = kept.pre;
        y.clone_into(&mut self.found.0);
        self.found.1 = kept.value;
        self.freeze(y)
    }

    /// The incumbent, or where a search has got to if that is better.
    pub fn best_point(&self) -> Vec<f64> {
        match self.run.best() {
            Some((_, value)) if self.found.1 < value => self.found.0.clone(),
            Some((y, _)) => y.to_vec(),
            None => self.run.start(),
        }
    }

    fn freeze(&mut self, y: &[f64]) -> Result<(), SolverError> {
        self.share();
        let before = self.run.kinks()?.multiplications();
        let Rounds { run, shares, slope, weights, .. } = self;
        let constant = run.kinks()?.backward(shares, slope, weights);
        run.count(0, 1);
        run.offer_minorant(constant, slope, y, shares);
        // A pass up has as many as one down, more or less.
        self.pass = self.pass.max(2.0 * (self.run.kinks()?.multiplications() - before) as f64);
        self.best = self.pre.clone();
        self.rows.begin(&self.slope, &self.weights, constant);
        Ok(())
    }

    /// What multiplications the passes since the last one forward took may be those of a whole one.
    fn measure(&mut self) -> Result<(), SolverError> {
        // Where all units are inactive a pass has next to no multiplications.
        self.pass = self.pass.max((self.run.kinks()?.multiplications() - self.before) as f64).max(1.0);
        Ok(())
    }

    /// f(y) as it is, and the slope to single precision: where a search begins.
    pub fn begin_at(&mut self, y: &[f64]) -> Result<f64, SolverError> {
        let value = self.look(y)?;
        self.share();
        let Rounds { run, shares, slope, weights, .. } = self;
        run.kinks()?.slope(shares, slope, weights);
        run.count(0, 1);
        self.measure()?;
        Ok(value)
    }

    /// The slope at the last point that was looked at, to single precision: a part of a backward pass, where the function has one. All units get the
    /// share that they have there.
    pub fn slope_there(&mut self) -> Result<(), SolverError> {
        self.share();
        self.counted(1, |rounds| {
            let Rounds { run, shares, slope, weights, .. } = rounds;
            run.kinks()?.slope(shares, slope, weights);
            Ok(())
        })
    }

    /// f(y) and all pre-activations, to single precision, from a point a `step` before where they are what `fill` says, and f is `value`, all units having
    /// their `frozen` shares: a part of a forward pass, where the function has one.
    pub fn look_from(
        &mut self,
        y: &[f64],
        step: &[f64],
        (frozen, value): (Option<&[f64]>, f64),
        fill: impl FnOnce(&mut [f64]),
    ) -> Result<f64, SolverError> {
        fill(&mut self.pre);
        let change = self.counted(1, |rounds| {
            let Rounds { run, pre, shares, .. } = rounds;
            Ok(run.kinks()?.bent(frozen.unwrap_or(shares), step, pre))
        })?;
        match change {
            Some(change) => Ok(value + change),
            None => self.look(y),
        }
    }

    /// What the last evaluation has left is kept, to go back to; what was kept is forgotten.
    pub fn keep(&mut self, value: f64, kept: &mut Kept) {
        std::mem::swap(&mut self.pre, &mut kept.pre);
        std::mem::swap(&mut self.slope, &mut kept.slope);
        std::mem::swap(&mut self.weights, &mut kept.weights);
        kept.value = value;
    }

    /// Room to keep an evaluation.
    pub fn kept(&self) -> Kept {
        Kept { pre: self.pre.clone(), slope: self.slope.clone(), weights: self.weights.clone(), value: f64::INFINITY }
    }

    /// The rates of all pre-activations along n `directions` (n×p), all units frozen as they are: n×m.
    pub fn rates_along(&mut self, directions: &[f64]) -> Result<Vec<f32>, SolverError> {
        let n = directions.len() / self.slope.len().max(1);
        self.counted(n, |rounds| {
            let mut rates = vec![0.0; n * rounds.units()];
            let Rounds { run, shares, .. } = rounds;
            run.kinks()?.tangents(shares, directions, &mut rates);
            Ok(rates)
        })
    }

    /// Takes the squared lengths of the gradients of pre-activations as how fast they change.
    pub fn know(&mut self, squares: &[f64]) {
        squares.clone_into(&mut self.rates);
        self.steps = usize::MAX / 2;
    }

    /// Learns how fast pre-activations change from the last point that was looked at and that of `kept`, `distance` apart.
    pub fn learn(&mut self, kept: &Kept, distance: f64) {
        if !(distance > 0.0 && distance.is_finite()) {
            return;
        }
        self.rates.resize(self.pre.len(), 0.0);
        self.steps += 1;
        let scale = 1.0 / (distance * distance);
        let both = self.rates.iter_mut().zip(self.pre.iter().zip(&kept.pre));
        vectorised(
            #[inline(always)]
            || both.for_each(|(rate, (a, b))| *rate += scale * (a - b) * (a - b)),
        );
    }

    /// Gives all units the share that they have at the last point that was looked at.
    fn share(&mut self) {
        let both = self.shares.iter_mut().zip(&self.pre);
        vectorised(
            #[inline(always)]
            || both.for_each(|(share, a)| *share = if *a > 0.0 { 1.0 } else { 0.0 }),
        );
    }

    /// m
    pub fn units(&self) -> usize {
        self.pre.len()
    }

    /// f(y) and all pre-activations.
    pub fn look(&mut self, y: &[f64]) -> Result<f64, SolverError> {
        self.before = self.run.kinks()?.multiplications();
        let value = self.run.kinks()?.forward(y, &mut self.pre)?;
        self.run.count(1, 0);
        self.run.consider(y, value);
        Ok(value)
    }

    /// Offers the minorant that belongs to `shares` (m). Returns its constant.
    pub fn certify(&mut self, y: &[f64], shares: &[f64]) -> Result<f64, SolverError> {
        let constant = self.run.kinks()?.backward(shares, &mut self.slope, &mut self.weights);
        self.run.count(0, 1);
        self.run.offer_minorant(constant, &self.slope, y, shares);
        Ok(constant)
    }

    /// Counts the multiplications that `work` makes as a part of a pass, in place of `passes` forward or backward at most.
    fn counted<T>(
        &mut self,
        passes: usize,
        work: impl FnOnce(&mut Self) -> Result<T, SolverError>,
    ) -> Result<T, SolverError> {
        let before = self.run.kinks()?.multiplications();
        let done = work(self)?;
        let made = (self.run.kinks()?.multiplications() - before) as f64;
        // Where many units are inactive a pass has few multiplications, and others may have more.
        self.pass = self.pass.max(2.0 * made / passes.max(1) as f64);
        self.run.count_part(made / self.pass);
        Ok(done)
    }

    /// Leaves free the `count` units whose kinks are nearest to the last point, in steps along which coordinates move by `scale` (p). How fast
    /// pre-activations change is known from the steps of a search, where these were as many as coordinates.
    pub fn free_nearest(&mut self, count: usize, scale: &[f64]) -> Result<(), SolverError> {
        let m = self.units();
        let mut distances = if self.steps >= scale.len().max(1) {
            let mut far = self.pre.clone();
            vectorised(
                #[inline(always)]
                || {
                    let both = far.iter_mut().zip(&self.rates);
                    both.for_each(|(a, rate)| *a = a.abs() / rate.sqrt().max(f64::MIN_POSITIVE));
                },
            );
            far.iter().enumerate().map(|(i, distance)| (*distance, i)).collect()
        } else {
            self.counted(DIRECTIONS, |rounds| {
                let Rounds { run, shares, pre, .. } = rounds;
                Ok(distances(run.kinks()?, shares, pre, scale))
            })?
        };
        let count = count.min(m);
        if count < m {
            distances.select_nth_unstable_by(count, |a, b| a.0.total_cmp(&b.0));
        }
        distances[..count].iter().for_each(|(_, i)| self.is_free[*i] = true);
        self.list_free();
        distances.truncate(count);
        self.near = distances;
        Ok(())
    }

    /// Of the units that [`free_nearest`](Self::free_nearest) left free only those within a distance stay so, and the nearest `fewest`.
    pub fn keep_within(&mut self, distance: f64, fewest: usize) {
        self.near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let within = self.near.partition_point(|(d, _)| *d <= distance).max(fewest.min(self.near.len()));
        for (_, i) in self.near.drain(within..) {
            self.is_free[i] = false;
        }
        self.list_free();
    }

    /// Of the units that [`free_nearest`](Self::free_nearest) left free the nearest `count`.
    pub fn nearest_free(&mut self, count: usize) -> Vec<usize> {
        self.near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.near.iter().take(count).map(|(_, i)| *i).collect()
    }

    /// Leaves no unit free any more.
    pub fn forget(&mut self) {
        self.is_free.fill(false);
        self.list_free();
        self.rows.clear();
        (self.rates, self.steps) = (vec![], 0);
    }

    /// Leaves free the units that were so in another run, and those that were held. Returns these, in the order of the units, with the
    /// share they had for the units above.
    pub fn free_as(&mut self, hint: &Hint) -> Result<Vec<(usize, f64)>, SolverError> {
        let (m, kinks) = (self.units(), self.run.kinks()?);
        // Names increase as units do, and so do those of a hint.
        let unit = |name: u64, from: &mut usize| {
            let mut end = m;
            // Mostly names are numbers.
            if let Ok(i) = usize::try_from(name)
                && i < m
                && kinks.name(i) == name
            {
                *from = i;
                return Some(i);
            }
            while *from < end {
                let middle = from.midpoint(end);
                if kinks.name(middle) < name { *from = middle + 1 } else { end = middle }
            }
            (*from < m && kinks.name(*from) == name).then_some(*from)
        };
        self.is_free.fill(false);
        let mut from = 0;
        hint.free.iter().filter_map(|name| unit(*name, &mut from)).for_each(|i| self.is_free[i] = true);
        let (mut from, mut known) = (0, vec![]);
        for (name, active) in &hint.held {
            if let Some(i) = unit(*name, &mut from) {
                self.is_free[i] = true;
                known.push((i, if *active { 1.0 } else { 0.0 }));
            }
        }
        self.list_free();
        Ok(known)
    }

    /// Leaves the state at `y` for runs on similar functions: what is held, with its reference share, and `more` of the other free units, those
    /// nearest to their kink.
    pub fn leave(&mut self, y: &[f64], (held, reference): (&[usize], &[f64]), more: usize) -> Result<(), SolverError> {
        let mut near: Vec<(f64, usize)> = (self.rows.slopes())
            .map(|(i, slope)| (self.pre[i].abs() / dot(slope, slope).sqrt().max(f64::MIN_POSITIVE), i))
            .collect();
        let mut sorted = held.to_vec();
        sorted.sort_unstable();
        let of_held = near.iter_mut().filter(|(_, i)| sorted.binary_search(i).is_ok());
        of_held.for_each(|(distance, _)| *distance = -1.0);
        let count = held.len() + more;
        if count < near.len() {
            near.select_nth_unstable_by(count, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            near.truncate(count);
        }
        let kinks = self.run.kinks()?;
        let mut free: Vec<u64> = near.iter().map(|(_, i)| kinks.name(*i)).collect();
        free.sort_unstable();
        let mut held: Vec<(u64, bool)> = held.iter().map(|i| (kinks.name(*i), reference[*i] > 0.5)).collect();
        held.sort_unstable();
        let active = self.pre.iter().map(|a| *a > 0.0).collect();
        self.run.leave(Hint { y: y.to_vec(), free, held, active });
        Ok(())
    }

    /// Leaves all units free; false if that is no news, or too much.
    pub fn free_all(&mut self) -> bool {
        let news = self.free.len() < self.units();
        self.is_free.fill(true);
        self.list_free();
        news && self.fits()
    }

    /// Whether the program of the free units fits into the memory that it may take.
    pub fn fits(&self) -> bool {
        let row = self.units().saturating_add(self.slope.len());
        self.free.len().saturating_mul(row) <= ROOM
    }

    /// Frees units whose state at the last point is not the one they are frozen in: all of them if they are few, otherwise those that are the
    /// first to change on the way there from the best point. Returns how many, and how many there were.
    pub fn expand(&mut self) -> (usize, usize) {
        let mut wrong = vec![];
        self.each_wrong(|i, from, to| wrong.push((if from == to { 0.0 } else { from / (from - to) }, i)));
        let few = (self.free.len() / 2).max(FEW);
        let all = wrong.len();
        if all > few {
            wrong.select_nth_unstable_by(few, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            wrong.truncate(few);
        }
        wrong.iter().for_each(|(_, i)| self.is_free[*i] = true);
        self.list_free();
        (wrong.len(), all)
    }

    /// How many frozen units are in another state at the last point.
    pub fn wrong(&self) -> usize {
        let mut count = 0;
        self.each_wrong(|_, _, _| count += 1);
        count
    }

    /// The frozen units that are in another state at the last point, and not at their kink; with their pre-activations at the best point and there.
    fn each_wrong(&self, mut take: impl FnMut(usize, f64, f64)) {
        let parts = self.pre.chunks(PART).zip(self.shares.chunks(PART));
        for (part, (pre, shares)) in parts.enumerate() {
            // Mostly there are none.
            let count = vectorised(
                #[inline(always)]
                || pre.iter().zip(shares).map(|(a, share)| u64::from((*a > 0.0) != (*share > 0.5))).sum::<u64>(),
            );
            if count == 0 {
                continue;
            }
            for (k, (a, share)) in pre.iter().zip(shares).enumerate() {
                let i = part * PART + k;
                if (*a > 0.0) != (*share > 0.5) && *a != 0.0 && !self.is_free[i] {
                    take(i, self.best.get(i).copied().unwrap_or(0.0), *a);
                }
            }
        }
    }

    /// Frees the units whose state is another at the last point, or would be if pre-activations, which were `before` (m), changed once more by
    /// `ahead` times as much. Returns how many.
    pub fn expand_ahead(&mut self, before: &[f64], ahead: f64) -> usize {
        let free = self.free.len();
        for (i, (a, b)) in self.pre.iter().zip(before).enumerate() {
            let active = self.shares[i] > 0.5;
            self.is_free[i] |= (*a > 0.0) != active || (a + ahead * (a - b) > 0.0) != active;
        }
        self.list_free();
        self.free.len() - free
    }

    fn list_free(&mut self) {
        self.free.clear();
        for (part, is_free) in self.is_free.chunks(PART).enumerate() {
            if is_free.contains(&true) {
                self.free.extend((0..is_free.len()).filter(|k| is_free[*k]).map(|k| part * PART + k));
            }
        }
    }

    /// The program in which only the free units are left, as a function of the coordinates `moving`, the others staying where they are in
    /// `y` (p). Rows are kept from round to round; new units are taken out of them.
    pub fn reduce_over(&mut self, moving: &[usize], y: &[f64]) -> Result<Reduced, SolverError> {
        let new = self.rows.missing(&self.free);
        self.rows.reserve(self.free.len());
        self.counted(new.len(), |rounds| {
            let Rounds { run, shares, free, rows, .. } = rounds;
            run.kinks()?.rows(shares, free, &new, &mut rows.rows);
            Ok(())
        })?;
        self.rows.admit(&new, &self.shares);
        Ok(self.rows.reduced(moving, y))
    }

    /// What the answer of a round is worth: `y` and the shares of the free units, by one forward and one backward pass. Where f is so far above
    /// `least`, what the round's program says it is, that no bound closes the gap, there is no backward pass. Returns whether there was one.
    pub fn judge(&mut self, y: &[f64], found: &[f64], least: Option<f64>) -> Result<(Option<End>, bool), SolverError> {
        let value = self.look(y)?;
        if value < self.least {
            self.least = value;
            self.best.copy_from_slice(&self.pre);
        }
        let is_open = least.is_some_and(|least| value - least > OPEN * self.run.closed()) && self.wrong() > 0;
        if !is_open {
            let mut shares = self.shares.clone();
            self.free.iter().zip(found).for_each(|(i, share)| shares[*i] = *share);
            self.certify(y, &shares)?;
        }
        Ok((self.run.stop(), !is_open))
    }
}

/// Kinks that are left free at first, of `units`, in dimension p.
pub(super) fn nearest(p: usize, units: usize) -> usize {
    (if p <= 24 {
        (4 * p).max(24)
    } else if p <= 200 {
        2 * p
    } else {
        3 * p / 10
    })
    .min(units)
}
