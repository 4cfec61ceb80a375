//! min f over a box where many kinks hold: interior-point rounds on the units that are near their kink.

use super::Interior;
use crate::SolverError;
use crate::kinks::reduced::Reduced;
use crate::kinks::rounds::Rounds;
use crate::run::End;

/// Rounds.
const ROUNDS: usize = 30;

/// Steps of one round.
const STEPS: usize = 60;

/// The gap of the first round, which only has to tell which units are near, relative to the size of the numbers; and the gap below which
/// a vertex is looked for.
const LOOSE: f64 = 1e-3;
const VERTEX: f64 = 1e-3;

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
    let mut t = 0.0;
    let loose: f64 = std::env::var("IPM_LOOSE").ok().and_then(|v| v.parse().ok()).unwrap_or(LOOSE);
    let mut target = loose;
    let clock = std::time::Instant::now();
    for round in 0..ROUNDS {
        if !rounds.fits() {
            return Ok(None);
        }
        let moving: Vec<usize> = (0..p).filter(|j| !fixed[*j]).collect();
        let reduced = rounds.reduce()?.restricted(&moving, y);
        let live = reduced.live();
        let net = reduced.part(&live);
        let of = |v: &[f64]| moving.iter().map(|j| v[*j]).collect::<Vec<f64>>();
        let (low, high) = (of(lower), of(upper));
        if round == 0 {
            t = BEGIN * net.worth(&of(y)) / net.units.max(1) as f64;
        }
        let mut inside = Interior::new(&net, (&low, &high), &of(y), t);
        if debug { eprintln!("{:.2} ms round {round}: k {} p {} t {t:.2e} comp {:.2e}", 1e3*clock.elapsed().as_secs_f64(), net.units, net.decisions, inside.complementarity()); }
        let size = rounds.run.size().max(f64::MIN_POSITIVE);
        let (mut found, mut shares) = (None, vec![]);
        for _ in 0..STEPS {
            if rounds.run.is_over() {
                return Ok(rounds.run.stop());
            }
            if !inside.step() {
                break;
            }
            let gap = inside.complementarity();
            if debug { eprintln!("   {:.2} ms step comp {:.2e}  size {size:.2e} t {:.2e}", 1e3*clock.elapsed().as_secs_f64(), gap, inside.barrier()); }
            if gap <= VERTEX * size && target < loose {
                let vertex = inside.vertex();
                if debug { eprintln!("   {:.2} ms vertex gap {:.2e} ties {} of p {}", 1e3*clock.elapsed().as_secs_f64(), vertex.gap / size, vertex.warm.kinks.len(), net.decisions); }
                if vertex.gap <= CLOSED * size {
                    shares.clone_from(&vertex.shares);
                    found = Some(vertex);
                    break;
                }
            }
            if gap <= target * size {
                break;
            }
        }
        if shares.is_empty() {
            shares = inside.shares();
        }
        let point = found.as_ref().map_or(&inside.y, |vertex| &vertex.y);
        moving.iter().zip(point).for_each(|(j, v)| y[*j] = *v);
        let mut all = vec![0.0; reduced.units];
        live.iter().zip(&shares).for_each(|(i, share)| all[*i] = *share);
        if let Some(end) = rounds.judge(y, &all)? {
            if debug { eprintln!("{:.2} ms done gap {:.2e}", 1e3*clock.elapsed().as_secs_f64(), rounds.run.gap()); }
            return Ok(Some(end));
        }
        let mut news = rounds.expand();
        for j in (0..p).filter(|j| lower[*j] < upper[*j]) {
            if fixed[j] && !(y[j] <= lower[j] && rounds.slope[j] > 0.0 || y[j] >= upper[j] && rounds.slope[j] < 0.0) {
                fixed[j] = false;
                news += 1;
            }
        }
        if debug { eprintln!("{:.2} ms news {news} gap {:.2e}", 1e3*clock.elapsed().as_secs_f64(), rounds.run.gap()); }
        if news == 0 && target == 0.0 {
            break;
        }
        t = inside.barrier();
        target = 0.0;
    }
    Ok(None)
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
    fn part(&self, kept: &[usize]) -> Reduced {
        if kept.len() == self.units {
            return self.clone();
        }
        let k = kept.len();
        let mut part = Reduced { units: k, below: vec![0.0; k * k], rows: vec![], ..self.clone() };
        (part.constants, part.weights, part.reach) = (vec![], vec![], vec![]);
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
