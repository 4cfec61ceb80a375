//! Our side of the comparison with torch: reads requests, one a line, and answers each with a line of JSON.
//!
//! `check FAMILY`: value and gradient at a point that compare.py knows as well. `time FAMILY POINTS SECONDS`: the median
//! seconds of a forward and a backward pass in y at so many points, x fixed. `context FAMILY`: the median seconds of the interval
//! bounds at a context, and of an oracle for it, once the program has been laid out.

#[path = "../families/mod.rs"]
mod families;

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use families::{Failure, Family, Kind};
use icnn::lower::oracle::NetworkOracle;
use icnn_solvers::oracle::Oracle;

fn main() -> Result<(), Failure> {
    for request in std::io::stdin().lock().lines() {
        let request = request?;
        let answer = match request.split_whitespace().collect::<Vec<_>>()[..] {
            ["check", name] => check(family(name)?)?,
            ["time", name, points, seconds] => time(family(name)?, points.parse()?, seconds.parse()?)?,
            ["context", name] => context(family(name)?)?,
            _ => return Err(format!("'{request}' is no request").into()),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn family(name: &str) -> Result<&'static Family, Failure> {
    Family::named(name).ok_or_else(|| format!("no family is called '{name}'").into())
}

fn check(family: &Family) -> Result<serde_json::Value, Failure> {
    let instances = family.instances(Kind::Trained, 1.0, 1)?;
    let instance = instances.first().ok_or("no context")?;
    let mut oracle = NetworkOracle::new(instance, &instance.bounds(family.domain()?.intervals()));
    let mut gradient = vec![0.0; family.decisions];
    let value = oracle.value_and_gradient(&family.point(0).collect::<Vec<_>>(), &mut gradient)?;
    Ok(serde_json::json!({ "value": value, "gradient": gradient }))
}

fn time(family: &Family, points: usize, seconds: f64) -> Result<serde_json::Value, Failure> {
    let instances = family.instances(Kind::Trained, 1.0, 1)?;
    let instance = instances.first().ok_or("no context")?;
    let mut oracle = NetworkOracle::new(instance, &instance.bounds(family.domain()?.intervals()));
    let ys: Vec<f64> = (0..points).flat_map(|k| family.point(k)).collect();
    let (mut values, mut gradients) = (vec![0.0; points], vec![0.0; ys.len()]);
    let mut call = || match points {
        1 => oracle.value_and_gradient(&ys, &mut gradients).map(|value| values[0] = value),
        _ => oracle.values_and_gradients(&ys, &mut values, &mut gradients),
    };
    // Blocks of calls that take about a millisecond, so that reading the clock costs nothing.
    let clock = Instant::now();
    call()?;
    let calls = (1e-3 / clock.elapsed().as_secs_f64()).clamp(1.0, 1e6) as u32;
    let (clock, mut blocks) = (Instant::now(), vec![]);
    while blocks.len() < 3 || clock.elapsed() < Duration::from_secs_f64(seconds) {
        let block = Instant::now();
        for _ in 0..calls {
            call()?;
        }
        blocks.push(block.elapsed().as_secs_f64() / f64::from(calls));
    }
    blocks.sort_by(f64::total_cmp);
    Ok(serde_json::json!({ "seconds": blocks[blocks.len() / 2], "blocks": blocks.len() }))
}

/// The layout is the program's and made with the first oracle; what is left is counted.
fn context(family: &Family) -> Result<serde_json::Value, Failure> {
    let instances = family.instances(Kind::Trained, 1.0, 8)?;
    let domain = family.domain()?;
    let (mut bounds, mut oracles) = (vec![], vec![]);
    for turn in 0..26 {
        for instance in &instances {
            let clock = Instant::now();
            let intervals = instance.bounds(domain.intervals());
            let middle = clock.elapsed();
            let oracle = NetworkOracle::new(instance, &intervals);
            let end = clock.elapsed();
            if oracle.dimension() != family.decisions {
                return Err("the oracle has another dimension".into());
            }
            // The first turn makes what later ones share.
            if turn > 0 {
                bounds.push(middle.as_secs_f64());
                oracles.push((end - middle).as_secs_f64());
            }
        }
    }
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied()
    };
    Ok(serde_json::json!({ "bounds": median(&mut bounds), "oracle": median(&mut oracles) }))
}
