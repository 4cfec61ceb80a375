//! min f over a box where many kinks hold: interior-point rounds on the units that are near their kink.

use super::Interior;
use super::start::Place;
use crate::SolverError;
use crate::kinks::reduced::Reduced;
use crate::kinks::rounds::Rounds;
use crate::run::End;

/// Steps.
const STEPS: usize = 100;

/// A step is halved, so many times at most, while more frozen units than this part of the free ones are wrong at its end.
const MANY: usize = 8;
const SHORTER: usize = 4;

/// Units that are no more than near wait for so many of them.
const FEW: usize = 4;

/// The gap below which a vertex is looked for, relative to the size of the numbers.
const VERTEX: f64 = 1e-5;

/// A vertex with a gap below this part of the numbers' size is the minimum of the reduced program.
const CLOSED: f64 = 1e-13;

/// Where the method is inside the box when it starts: t as a part of what units near their kink are worth.
const BEGIN: f64 = 0.25;

/// Goes on from `y` (p), coordinates that are `fixed` staying where they are. `None` where it gives up.
///
/// Errors: those of the oracle.
pub(in crate::kinks) fn minimise(
    rounds: &mut Rounds<'_, '_>,
    (lower, upper): (&[f64], &[f64]),
    y: &mut [f64],
    fixed: &mut [bool],
) -> Result<Option<End>, SolverError> {
    let debug = std::env::var("IPM_DEBUG").is_ok();
    let p = y.len();
    let clock = std::time::Instant::now();
    let (start_value, start_shares) = (rounds.run.best().unwrap().1, rounds.shares.clone());
    let mut state: Option<(Interior, Vec<usize>, Vec<usize>)> = None;
    let (mut news, mut grow, mut tried) = (0usize, true, 0);
    for step_number in 0..STEPS {
        if rounds.run.is_over() {
            return Ok(rounds.run.stop());
        }
        if grow {
            grow = false;
            if !rounds.fits() {
                return Ok(None);
            }
            let moving: Vec<usize> = (0..p).filter(|j| !fixed[*j]).collect();
            let reduced = rounds.reduce()?.restricted(&moving, y);
            let live = reduced.live();
            let net = reduced.part(&live);
            let units: Vec<usize> = live.iter().map(|i| rounds.free[*i]).collect();
            let of = |v: &[f64]| moving.iter().map(|j| v[*j]).collect::<Vec<f64>>();
            let sides = (of(lower), of(upper));
            let inside = match state.take() {
                None => {
                    let begin: f64 = std::env::var("IPM_BEGIN").ok().and_then(|v| v.parse().ok()).unwrap_or(BEGIN);
                    let t = begin * net.worth(&of(y)) / net.units.max(1) as f64;
                    Interior::new(net, sides, &of(y), t)
                }
                Some((inside, before, moved)) => {
                    let place = Place {
                        units: units.iter().map(|i| before.binary_search(i).map_err(|_| rounds.shares[*i])).collect(),
                        coordinates: moving.iter().map(|j| moved.binary_search(j).ok()).collect(),
                    };
                    inside.grown(net, sides, of(y), &place)
                }
            };
            if debug { eprintln!("{:.2} ms step {step_number}: news {news} k {} of {} p {} comp {:.2e}", 1e3*clock.elapsed().as_secs_f64(), units.len(), rounds.free.len(), moving.len(), inside.complementarity()); }
            state = Some((inside, units, moving));
            news = 0;
        }
        let Some((inside, units, moving)) = &mut state else { break };
        let Some(step) = inside.step() else { break };
        // Not so far that many frozen units are wrong.
        let mut length = step.primal;
        let many: f64 = std::env::var("IPM_MANY").ok().and_then(|v| v.parse().ok()).unwrap_or(8.0); let most = (units.len() as f64 / many) as usize;
        let start: Vec<f64> = inside.y.clone();
        let before = rounds.pre.clone();
        for _ in 0..SHORTER {
            for (a, j) in moving.iter().enumerate() {
                y[*j] = start[a] + length * step.y[a];
            }
            rounds.look(y)?;
            if rounds.wrong() <= most {
                break;
            }
            length *= 0.5;
        }
        inside.go(&step, length);
        let size = rounds.run.size().max(f64::MIN_POSITIVE);
        let gap = inside.complementarity();
        if debug { eprintln!("   {:.2} ms step comp {:.2e}  size {size:.2e} t {:.2e} primal {:.2} of {:.2}", 1e3*clock.elapsed().as_secs_f64(), gap, inside.barrier(), length, step.primal); }
        let ahead: f64 = std::env::var("IPM_AHEAD").ok().and_then(|v| v.parse().ok()).unwrap_or(0.5);
        let wrong = rounds.wrong();
        let ahead: f64 = std::env::var("IPM_AHEAD").ok().and_then(|v| v.parse().ok()).unwrap_or(0.5);
        news += rounds.expand_ahead(&before, if step_number == 0 { 0.0 } else { ahead });
        let late = gap <= VERTEX * size;
        let vertex = (late && wrong == 0).then(|| inside.vertex()).filter(|vertex| vertex.gap <= CLOSED * size);
        if let Some(vertex) = vertex {
            let mut at = y.to_vec();
            moving.iter().zip(&vertex.y).for_each(|(j, v)| at[*j] = *v);
            rounds.look(&at)?;
            if let Some(end) = certify(rounds, &at, units, &vertex.shares)? {
                return Ok(Some(end));
            }
            news += rounds.expand();
            grow = true;
        } else if let Some(end) = certify(rounds, y, units, &inside.shares())? {
            return Ok(Some(end));
        }
        let mut released = 0;
        for j in 0..p {
            let outward = y[j] <= lower[j] && rounds.slope[j] > 0.0 || y[j] >= upper[j] && rounds.slope[j] < 0.0;
            if gap <= 1e-2 * size && fixed[j] && lower[j] < upper[j] && !outward {
                fixed[j] = false;
                released += 1;
            }
        }
        grow |= wrong + released > 0 || news >= FEW || late && news > 0;
        if debug && grow { eprintln!("wrong {wrong} released {released} news {news}"); }
    }
    Ok(None)
}

/// Offers the minorant in which `units` have `shares` and all others are frozen. One backward pass.
fn certify(rounds: &mut Rounds<'_, '_>, y: &[f64], units: &[usize], shares: &[f64]) -> Result<Option<End>, SolverError> {
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

    /// Σ weight·|a| at y.
    fn worth(&self, y: &[f64]) -> f64 {
        let (mut pre, mut values) = (vec![0.0; self.units], vec![0.0; self.units]);
        self.forward(y, &mut pre, &mut values);
        let shares: Vec<f64> = pre.iter().map(|a| if *a > 0.0 { 1.0 } else { 0.0 }).collect();
        let mut slope = vec![0.0; self.decisions];
        self.backward(&shares, &mut slope, &mut values);
        pre.iter().zip(&values).map(|(a, w)| (a * w).abs()).sum()
    }
}
