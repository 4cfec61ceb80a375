//! What a rigorous answer costs beyond the solve: the value at a point and the lower bound from slopes, enclosed, against one
//! pass of the oracle (f and ∇f at a point).

use std::time::Instant;

use icnn::certificate::Multipliers;
use icnn::certificate::rigorous::{Dual, lower_bound, value};
use icnn::lower::oracle::NetworkOracle;
use icnn_solvers::oracle::Oracle;

use crate::families::{FAMILIES, Failure, Kind};

/// One line per family.
pub fn print(names: &[&str]) -> Result<(), Failure> {
    println!(
        "a rigorous value and lower bound against one pass of the oracle, median of 101, at random weights and trained ones"
    );
    println!("{:8} {:4} {:>10} {:>10} {:>10} {:>7}", "family", "kind", "pass µs", "value µs", "bound µs", "passes");
    let all = |family: &str| names.contains(&family) || !names.iter().any(|n| FAMILIES.iter().any(|f| f.name == *n));
    for family in FAMILIES.iter().filter(|f| all(f.name)) {
        for kind in [Kind::Random, Kind::Trained] {
            if kind == Kind::Trained && !family.trained {
                continue;
            }
            let instances = family.instances(kind, 1.0, 1)?;
            let (instance, domain) = (&instances[0], family.domain()?);
            let bounds = instance.bounds(domain.intervals());
            let y: Vec<f64> = family.point(0).collect();
            let trace = instance.forward(&y)?;
            let rows = vec![0.0; domain.rows().len()];
            let dual = Dual { f: Multipliers::subgradient(instance, &trace), levels: vec![], rows };
            let mut oracle = NetworkOracle::new(instance, &bounds);
            let mut gradient = y.clone();
            let pass = median(|| oracle.value_and_gradient(&y, &mut gradient).is_ok().then_some(()))?;
            let above = median(|| value(instance, &y).map(|_| ()))?;
            let below = median(|| lower_bound(instance, &domain, &[&bounds], &dual).is_finite().then_some(()))?;
            println!(
                "{:8} {:4} {:10.1} {:10.1} {:10.1} {:7.2}",
                family.name,
                kind.letter(),
                1e6 * pass,
                1e6 * above,
                1e6 * below,
                (above + below) / pass
            );
        }
    }
    Ok(())
}

fn median(mut f: impl FnMut() -> Option<()>) -> Result<f64, Failure> {
    let mut times = vec![];
    for _ in 0..101 {
        let clock = Instant::now();
        f().ok_or("no enclosure")?;
        times.push(clock.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
