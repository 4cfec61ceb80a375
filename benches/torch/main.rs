//! placeholder
#[path = "../families/mod.rs"]
mod families;
use families::*;
fn main() -> Result<(), Failure> {
    for f in &FAMILIES[..5] {
        for kind in [Kind::Random, Kind::Unbalanced, Kind::Trained] {
            if kind == Kind::Trained && !families::folder().join(format!("{}.npy", f.name)).exists() {
                continue;
            }
            for i in f.instances(kind, 10.0, 2)? {
                let d = f.domain()?;
                let b = i.bounds(d.intervals());
                let _proof = i.prove(&b);
                let y: Vec<f64> = d.intervals().iter().map(|i| 0.5 * (i.lower + i.upper)).collect();
                let t = i.forward(&y)?;
                println!("{} {} {} nodes {}", f.name, kind.letter(), t.value(), i.program().nodes().len());
                let s = icnn::check::require_convex(&i, &_proof);
                let _ = s.map_err(|e| println!("{e}"));
                break;
            }
        }
    }
    Ok(())
}
