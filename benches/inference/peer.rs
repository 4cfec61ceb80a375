//! Our side of `make bench-peers`: reads requests, one a line, and answers each with a line of JSON.
//!
//! `write FAMILY KIND NUMBER FOLDER`: the network of an instance as files that every program reads. `solve FAMILY KIND NUMBER`: its minimum, from the
//! network in memory and a context. `entropy FAMILY KIND NUMBER`: the minimum of f − H.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use icnn::solve::batch::Session;
use icnn::{Limits, Method, Network};
use serde_json::{Value, json};

use crate::families::{Failure, Family, Kind, folder};
use crate::measure::{ASKED, OURS};
use crate::onnx_file::Measured;

/// Answers until the input ends.
///
/// Errors: a request that is none; those of the solves.
pub fn serve() -> Result<(), Failure> {
    for request in std::io::stdin().lock().lines() {
        let request = request?;
        let answer = match request.split_whitespace().collect::<Vec<_>>()[..] {
            ["write", name, kind, number, target] => Peer::of(name, kind, number)?.write(Path::new(target))?,
            ["solve", name, kind, number] => Peer::of(name, kind, number)?.solve()?,
            ["entropy", name, kind, number] => Peer::of(name, kind, number)?.entropy()?,
            _ => return Err(format!("'{request}' is no request").into()),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// An instance of a family.
struct Peer {
    family: Family,
    kind: Kind,
    network: Network,
    context: Vec<f64>,
}

impl Peer {
    fn of(name: &str, kind: &str, number: &str) -> Result<Peer, Failure> {
        let family = *Family::named(name).ok_or_else(|| format!("no family is called '{name}'"))?;
        let number: u64 = number.parse()?;
        let kind = [Kind::Random, Kind::Unbalanced, Kind::Trained].into_iter().find(|k| k.letter().to_string() == kind);
        let kind = kind.ok_or("a kind is R, U or T")?;
        let family =
            if kind == Kind::Trained { family } else { Family { seed: family.seed + 10_000 * number, ..family } };
        let (network, contexts) = family.network(kind)?;
        let place = if kind == Kind::Trained { number as usize } else { 0 };
        let context = contexts.get(place).cloned().ok_or_else(|| format!("{name} has no context {number}"))?;
        Ok(Peer { family, kind, network, context })
    }

    /// `model.onnx` and `context.json`, an empty list for networks without a context; and the box.
    fn write(&self, target: &Path) -> Result<Value, Failure> {
        let model = target.join("model.onnx");
        match self.kind {
            Kind::Trained => std::fs::copy(folder().join(format!("{}.onnx", self.family.name)), &model).map(|_| ())?,
            _ => std::fs::write(&model, Measured { family: self.family, repetitions: 1 }.onnx_of(self.kind))?,
        }
        let context = target.join("context.json");
        std::fs::write(&context, serde_json::to_string(&self.context)?)?;
        let (low, high) = self.family.ends;
        Ok(json!({ "model": model, "context": context, "low": low, "high": high }))
    }

    /// Seconds from the network in memory and a context to the certified answer.
    fn solve(&self) -> Result<Value, Failure> {
        let (mut seconds, mut last) = (f64::INFINITY, None);
        // The first call lays the program out, as the first of a service does; later ones find it there.
        let mut first = None;
        for _ in 0..3 {
            let clock = Instant::now();
            let session = Session::new(self.family.domain()?, OURS, Limits { gap: ASKED, ..Limits::default() });
            let solution = session.minimize(&self.network.given(&self.context)?)?;
            let taken = clock.elapsed().as_secs_f64();
            first.get_or_insert(taken);
            (seconds, last) = (seconds.min(taken), Some(solution));
            if taken > 1.0 {
                break;
            }
        }
        let solution = last.ok_or("no solve")?;
        let (value, gap, y) = (solution.value, solution.gap, &solution.y);
        Ok(json!({ "seconds": seconds, "first": first, "value": value, "gap": gap, "y": y, "status": solution.status }))
    }

    /// The minimum of f − H, H the entropy of the box.
    fn entropy(&self) -> Result<Value, Failure> {
        let limits = Limits { gap: 1e-8, time: Some(std::time::Duration::from_secs(20)), ..Limits::default() };
        let session = Session::new(self.family.domain()?, Method::ActiveSet, limits).with_entropy(1.0)?;
        let instance = self.network.given(&self.context)?;
        let clock = Instant::now();
        let solution = session.minimize(&instance)?;
        let seconds = clock.elapsed().as_secs_f64();
        Ok(json!({ "seconds": seconds, "value": solution.value, "gap": solution.gap, "status": solution.status }))
    }
}
