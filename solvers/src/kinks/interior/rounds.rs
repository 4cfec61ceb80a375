//! min f over a box where many kinks hold: interior-point rounds on the units that are near their kink.

use super::Interior;
use super::start::Place;
use crate::SolverError;
use crate::dense::dot;
use crate::kinks::reduced::Reduced;
use crate::kinks::rounds::Rounds;
use crate::run::End;

/// Steps.
const STEPS: usize = 100;

/// A step is halved, so many times at most, while more frozen units than this part of the free ones are wrong at its end.
const WRONG: usize = 8;
const SHORTER: usize = 4;

/// How much of a step more makes units free that would be wrong then, and how many such units wait for each other.
const AHEAD: f64 = 0.6;
const FEW: usize = 4;

/// Gaps, as parts of the size of the numbers: below the one coordinates are released, below the other a vertex is looked for.
const NEAR: f64 = 1e-2;
const VERTEX: f64 = 1e-5;

/// A gap below this part of the size of the numbers does not become smaller.
const DONE: f64 = 1e-15;

/// The least size of the numbers, as a part of what they can be in the box: the value may be 0.
const SMALL: f64 = 1e-3;

/// A vertex with a gap below this part of the numbers' size is the minimum of the reduced program.
const CLOSED: f64 = 1e-13;

/// t at the start, as a part of what a unit near its kink is worth: its weight times the distance, and that part of the way through the box.
const BEGIN: f64 = 0.25;
const PART: f64 = 0.01;

/// Goes on from `y` (p), coordinates that are `fixed` staying where they are. `None` where it gives up: `y` is then where it got.
///
/// Errors: those of the oracle.
pub(in crate::kinks) fn minimise(
    rounds: &mut Rounds<'_, '_>,
    (lower, upper): (&[f64], &[f64]),
    y: &mut [f64],
    fixed: &mut [bool],
) -> Result<Option<End>, SolverError> {
    let mut state: Option<State> = None;
    rounds.look(y)?;
    // Whether units are free that the state does not know, and how many.
    let (mut grow, mut news) = (true, 0);
    for _ in 0..STEPS {
        if rounds.run.is_over() {
            return Ok(rounds.run.stop());
        }
        if grow {
            if !rounds.fits() {
                return Ok(None);
            }
            let Some(next) = State::grown(state, rounds, (lower, upper), y, fixed)? else { return Ok(None) };
            rounds.run.count_inner(true, next.units.len(), 0);
            state = Some(next);
            news = 0;
        }
        let Some(State { inside, units, moving }) = &mut state else { return Ok(None) };
        let Some(step) = inside.step() else {
            // Numbers allow no further step; the vertex may be near enough.
            let vertex = inside.vertex();
            let at = placed(y, moving, &vertex.y);
            rounds.look(&at)?;
            return certify(rounds, &at, units, &vertex.shares);
        };
        // Not so far that many frozen units are wrong.
        let (start, before) = (inside.y.clone(), rounds.pre.clone());
        let mut length = step.primal;
        for _ in 0..SHORTER {
            moving.iter().zip(start.iter().zip(&step.y)).for_each(|(j, (from, d))| y[*j] = from + length * d);
            rounds.look(y)?;
            if rounds.wrong() <= units.len() / WRONG {
                break;
            }
            length *= 0.5;
        }
        inside.go(&step, length);
        rounds.run.count_inner(false, units.len(), 1);
        let size = rounds.run.size().max(SMALL * rounds.run.reach()).max(f64::MIN_POSITIVE);
        let gap = inside.complementarity();
        let late = gap <= VERTEX * size;
        let wrong = rounds.wrong();
        news += rounds.expand_ahead(&before, AHEAD);
        grow = wrong > 0 || news >= FEW || late && news > 0;
        let vertex = (late && wrong == 0).then(|| inside.vertex()).filter(|vertex| vertex.gap <= CLOSED * size);
        let waits = late && vertex.is_none() && gap > DONE * size;
        if let Some(vertex) = vertex {
            let at = placed(y, moving, &vertex.y);
            rounds.look(&at)?;
            if let Some(end) = certify(rounds, &at, units, &vertex.shares)? {
                return Ok(Some(end));
            }
            // The minimum of the program, not that of f: there must be more to free.
            news += rounds.expand().0;
            grow = true;
        } else if waits {
            // The vertex is worth waiting for: a bound from inside would end the run with a gap that is closed, but not by kinks that hold.
            if let Some(end) = rounds.run.stop() {
                return Ok(Some(end));
            }
        } else if let Some(end) = certify(rounds, y, units, &inside.shares())? {
            return Ok(Some(end));
        } else if late {
            return Ok(None);
        }
        if gap <= NEAR * size && !waits {
            let released = release(rounds, (lower, upper), y, fixed);
            grow |= released > 0;
            news += released;
        }
        if grow && news == 0 {
            return Ok(None);
        }
    }
    Ok(None)
}

/// The program of the units that are free, and a point inside it.
struct State {
    inside: Interior,
    /// Its units, and its coordinates.
    units: Vec<usize>,
    moving: Vec<usize>,
}

impl State {
    /// At `y` (p), or where an earlier state was, with the units that are free by now. `None` where nothing moves or no unit has a way to the
    /// output.
    fn grown(
        earlier: Option<State>,
        rounds: &mut Rounds<'_, '_>,
        (lower, upper): (&[f64], &[f64]),
        y: &[f64],
        fixed: &[bool],
    ) -> Result<Option<State>, SolverError> {
        let moving: Vec<usize> = (0..y.len()).filter(|j| !fixed[*j]).collect();
        let reduced = rounds.reduce_over(&moving, y)?;
        let live = reduced.live();
        if live.is_empty() || moving.is_empty() {
            return Ok(None);
        }
        let net = reduced.part(&live);
        let units: Vec<usize> = live.iter().map(|i| rounds.free[*i]).collect();
        let of = |v: &[f64]| moving.iter().map(|j| v[*j]).collect::<Vec<f64>>();
        let (sides, at) = ((of(lower), of(upper)), of(y));
        let inside = match earlier {
            None => {
                let t = BEGIN * net.worth(&at, (&sides.0, &sides.1)) / net.units as f64;
                Interior::new(net, sides, &at, t)
            }
            Some(State { inside, units: known, moving: moved }) => {
                let unit = |i: &usize| known.binary_search(i).map_err(|_| rounds.shares[*i]);
                let place = Place {
                    units: units.iter().map(unit).collect(),
                    coordinates: moving.iter().map(|j| moved.binary_search(j).ok()).collect(),
                };
                inside.grown(net, sides, at, &place)
            }
        };
        Ok(Some(State { inside, units, moving }))
    }
}

/// `y` (p) with other numbers in the coordinates `moving`.
fn placed(y: &[f64], moving: &[usize], numbers: &[f64]) -> Vec<f64> {
    let mut at = y.to_vec();
    moving.iter().zip(numbers).for_each(|(j, v)| at[*j] = *v);
    at
}

/// Lets coordinates move that the slope of the last minorant does not hold at their end. Returns how many.
fn release(rounds: &Rounds<'_, '_>, (lower, upper): (&[f64], &[f64]), y: &[f64], fixed: &mut [bool]) -> usize {
    let mut released = 0;
    for (j, fixed) in fixed.iter_mut().enumerate().filter(|(j, fixed)| **fixed && lower[*j] < upper[*j]) {
        let slope = rounds.slope[j];
        if !(y[j] <= lower[j] && slope > 0.0 || y[j] >= upper[j] && slope < 0.0) {
            *fixed = false;
            released += 1;
        }
    }
    released
}

/// Offers the minorant in which `units` have `shares` and all others are frozen. One backward pass.
fn certify(
    rounds: &mut Rounds<'_, '_>,
    y: &[f64],
    units: &[usize],
    shares: &[f64],
) -> Result<Option<End>, SolverError> {
    let mut all = rounds.shares.clone();
    units.iter().zip(shares).for_each(|(i, share)| all[*i] = *share);
    rounds.certify(y, &all)?;
    Ok(rounds.run.stop())
}

impl Reduced {
    /// The units with a way to the output.
    fn live(&self) -> Vec<usize> {
        let mut live: Vec<bool> = self.weights.iter().map(|w| *w > 0.0).collect();
        for i in (0..self.units).rev() {
            if live[i] {
                self.inputs(i).iter().zip(&mut live).for_each(|(c, l)| *l |= *c > 0.0);
            }
        }
        (0..self.units).filter(|i| live[*i]).collect()
    }

    /// The program of the units `kept` (increasing) alone, none of which reads another.
    fn part(self, kept: &[usize]) -> Reduced {
        if kept.len() == self.units {
            return self;
        }
        let k = kept.len();
        let mut part = Reduced {
            decisions: self.decisions,
            units: k,
            below: vec![0.0; k * k],
            linear: self.linear.clone(),
            constant: self.constant,
            ..Reduced::default()
        };
        for (a, i) in kept.iter().enumerate() {
            part.rows.extend(self.row(*i));
            part.constants.push(self.constants[*i]);
            part.weights.push(self.weights[*i]);
            part.reach.push(kept.partition_point(|m| *m < self.reach[*i]));
            for (b, m) in kept[..part.reach[a]].iter().enumerate() {
                part.below[a * k + b] = self.inputs(*i)[*m];
            }
        }
        part
    }

    /// Σ weight·(|a| + a part of what a changes by in the box) at y.
    fn worth(&self, y: &[f64], (lower, upper): (&[f64], &[f64])) -> f64 {
        let (mut pre, mut values) = (vec![0.0; self.units], vec![0.0; self.units]);
        self.forward(y, &mut pre, &mut values);
        let shares: Vec<f64> = pre.iter().map(|a| if *a > 0.0 { 1.0 } else { 0.0 }).collect();
        self.backward(&shares, &mut vec![0.0; self.decisions], &mut values);
        let widths = lower.iter().zip(upper).map(|(l, u)| if u - l < f64::INFINITY { u - l } else { 1.0 });
        let width = PART * widths.map(|w| w * w).sum::<f64>().sqrt() / (self.decisions as f64).sqrt();
        let change = |i: usize| width * dot(self.row(i), self.row(i)).sqrt();
        pre.iter().zip(&values).enumerate().map(|(i, (a, w))| w * (a.abs() + change(i))).sum()
    }
}
