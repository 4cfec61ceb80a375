//! Unit commitment with learned costs: a mixed-integer plan in which every cost is an input convex neural network, solved
//! by HiGHS and by a solver in Rust, and checked against the network.
//!
//!     cargo run --release --workspace --all-features --example plan

mod plan;

use std::error::Error;
use std::fs;
use std::path::Path;

use good_lp::solvers::highs::{HighsProblem, highs};
use good_lp::variable::UnsolvedProblem;
use good_lp::{WithMipGap, microlp};
use icnn::Network;
use plan::{DEMAND, HOURS, Schedule, Unit};

/// HiGHS without the relative gap of 1e-4 at which it stops otherwise.
fn exact_highs(problem: UnsolvedProblem) -> HighsProblem {
    highs(problem).with_mip_gap(0.0).expect("0 is a gap")
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/plan");
    let network = Network::load(folder.join("plan.onnx"))?;
    let units: Vec<Unit> = serde_json::from_str(&fs::read_to_string(folder.join("units.json"))?)?;

    let first = plan::solve(&network, &units, exact_highs)?;
    print(&units, &first);
    println!("\n{:10} {:>14} {:>14} {:>10} {:>9}", "", "objective", "networks say", "f - model", "seconds");
    let second = plan::solve(&network, &units, microlp)?;
    for (name, found) in [("HiGHS", &first), ("microlp", &second)] {
        let Schedule { objective, recomputed, gap, seconds, .. } = found;
        println!("{name:10} {objective:14.6} {recomputed:14.6} {gap:10.1e} {seconds:9.2}");
    }
    let difference = (first.objective - second.objective).abs() / first.objective.abs();
    println!("relative difference {difference:.1e}");
    if difference > 1e-6 {
        return Err("the solvers disagree".into());
    }
    Ok(())
}

/// The schedule as a table.
fn print(units: &[Unit], found: &Schedule) {
    let [columns, rows] = found.added;
    println!(
        "{} units, {} periods of {HOURS} h; the networks add {columns} variables and {rows} rows\n",
        units.len(),
        DEMAND.len()
    );
    let line = |name: &str, cells: &[String]| println!("{name:24}{}", cells.concat());
    line("GW from hour", &(0..DEMAND.len()).map(|t| format!("{:>7}", t as f64 * HOURS)).collect::<Vec<_>>());
    for (unit, output) in units.iter().zip(&found.output) {
        let cell = |output: &Option<f64>| output.map_or(format!("{:>7}", "-"), |y| format!("{y:7.2}"));
        let name = format!("row {}, fuel {:.1}", unit.row, unit.fuel);
        line(&name, &output.iter().map(cell).collect::<Vec<_>>());
    }
    line("demand", &DEMAND.map(|demand| format!("{demand:7.2}")));
}
