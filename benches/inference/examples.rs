//! The networks in examples/ that have an answer over a box, at their stored rows.

use std::path::Path;

use icnn::{Domain, Network};
use serde_json::Value;

use crate::families::{Failure, rows};
use crate::measure::Case;
use crate::table::Set;

/// Rows that are taken of each.
const ROWS: usize = 10;

/// Reads the cases of an example from its folder.
type Maker = fn(&Path) -> Result<Vec<Case>, Failure>;

/// The examples.
pub const NAMES: [&str; 5] = ["digits", "imputation", "diabetes", "detector", "plan"];

/// All sets whose name is `wanted`.
pub fn sets(wanted: impl Fn(&str) -> bool) -> Result<Vec<Set>, Failure> {
    let makers: [Maker; 5] = [digits, imputation, diabetes, detector, plan];
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let chosen = NAMES.iter().zip(makers).filter(|(name, _)| wanted(name));
    let sets = chosen.map(|(name, cases)| {
        let cases = cases(&examples.join(name)).map_err(|e| format!("{name}: {e}"))?;
        Ok(Set { family: (*name).into(), kind: "example".into(), cases, target: None, highs_seconds: 5.0 })
    });
    sets.collect()
}

/// The right halves of digits, from the left ones.
fn digits(folder: &Path) -> Result<Vec<Case>, Failure> {
    let network = Network::load(folder.join("digits.onnx"))?;
    let contexts = rows(&std::fs::read(folder.join("test-context.npy"))?)?;
    let domain = Domain::cube(network.decisions(), 0.0, 1.0)?;
    contexts.iter().take(ROWS).map(|x| Ok(Case { instance: network.given(x)?, domain: domain.clone() })).collect()
}

/// Missing pixels, the given ones fixed.
fn imputation(folder: &Path) -> Result<Vec<Case>, Failure> {
    let network = Network::load(folder.join("imputation.onnx"))?;
    let cube = Domain::cube(network.decisions(), 0.0, 1.0)?;
    let fixed = json(&folder.join("test-fix.json"))?;
    let case = |row: &Value| {
        let given = row.as_array().ok_or("a row that is no list")?;
        let fixed: Vec<(usize, f64)> = given.iter().enumerate().filter_map(|(j, v)| Some((j, v.as_f64()?))).collect();
        Ok(Case { instance: network.given(&[])?, domain: cube.clone().with_all_fixed(fixed)? })
    };
    fixed.as_array().ok_or("no rows")?.iter().take(ROWS).map(case).collect()
}

/// The setting of least predicted progression.
fn diabetes(folder: &Path) -> Result<Vec<Case>, Failure> {
    let network = Network::load(folder.join("diabetes.onnx"))?;
    let ends = |name: &str| numbers(&json(&folder.join(name))?);
    Ok(vec![Case { instance: network.given(&[])?, domain: Domain::new_box(ends("lower.json")?, ends("upper.json")?)? }])
}

/// The image that looks least like a six.
fn detector(folder: &Path) -> Result<Vec<Case>, Failure> {
    let network = Network::load(folder.join("detector.onnx"))?;
    Ok(vec![Case { instance: network.given(&[])?, domain: Domain::cube(network.decisions(), 0.0, 1.0)? }])
}

/// The cheapest output of each unit, within what a running one can do.
fn plan(folder: &Path) -> Result<Vec<Case>, Failure> {
    let network = Network::load(folder.join("plan.onnx"))?;
    let units = json(&folder.join("units.json"))?;
    let case = |unit: &Value| {
        let largest = 1.1 * unit["output"].as_f64().ok_or("a unit without output")?;
        let domain = Domain::cube(1, 0.4 * largest, largest)?;
        Ok(Case { instance: network.given(&numbers(&unit["x"])?)?, domain })
    };
    units.as_array().ok_or("no units")?.iter().map(case).collect()
}

fn json(path: &Path) -> Result<Value, Failure> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

fn numbers(list: &Value) -> Result<Vec<f64>, Failure> {
    let list = list.as_array().ok_or("no list of numbers")?;
    Ok(list.iter().map(|v| v.as_f64().ok_or("no number")).collect::<Result<_, _>>()?)
}
