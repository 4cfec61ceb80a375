//! What the benchmark's child processes do. Each prints one line of JSON.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::time::Instant;

use icnn::certificate::{Minorant, Multipliers};
use icnn::lower::linear;
use icnn::{Domain, Network};
use icnn_solvers::highs::Highs;
use icnn_solvers::{LinearProgram, LpOptions, Status};
use serde::{Deserialize, Serialize};
use sprs::CsMat;

use super::Failure;

/// HiGHS alone on a program from a file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Alone {
    /// Seconds to read the file; to be taken off what the process took.
    pub read: f64,
    /// Seconds to check the program and hand it to HiGHS.
    pub pass: f64,
    /// Seconds in HiGHS, and to copy its answer.
    pub run: f64,
    pub objective: f64,
    pub iterations: u64,
    /// Largest resident memory of this process in kB.
    pub peak: u64,
}

/// Seconds of the stages of `icnn solve` other than HiGHS, and the size of the program.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stages {
    /// From the file to the network.
    pub load: f64,
    /// Intervals and convexity.
    pub proof: f64,
    /// From the network to the linear program, without the proof.
    pub lower: f64,
    /// Forward and backward pass, and the bound.
    pub certificate: f64,
    pub rows: usize,
    pub columns: usize,
    pub nonzeros: usize,
}

pub fn alone(lp: &Path) -> Result<Alone, Failure> {
    let clock = Instant::now();
    let lp = read(lp)?;
    let read = clock.elapsed().as_secs_f64();
    let clock = Instant::now();
    let mut highs = Highs::new(&lp)?;
    let pass = clock.elapsed().as_secs_f64();
    drop(lp);
    let clock = Instant::now();
    let outcome = highs.solve(&LpOptions::default(), None)?;
    let run = clock.elapsed().as_secs_f64();
    if outcome.status != Status::Optimal {
        return Err(format!("HiGHS ended {:?}: {}", outcome.status, outcome.detail).into());
    }
    let peak = peak("/proc/self/status").ok_or("no VmHWM in /proc/self/status")?;
    Ok(Alone { read, pass, run, objective: outcome.objective, iterations: outcome.iterations, peak })
}

/// The stages one after the other through the library; leaves the program in the file `lp`.
pub fn stages(model: &Path, (lower, upper): (f64, f64), lp: &Path) -> Result<Stages, Failure> {
    let clock = Instant::now();
    let network = Network::load(model)?;
    let load = clock.elapsed().as_secs_f64();
    let instance = network.given(&[])?;
    let domain = Domain::cube(network.decisions(), lower, upper)?;

    let clock = Instant::now();
    let bounds = instance.bounds(domain.intervals());
    drop(instance.prove(&bounds));
    let proof = clock.elapsed().as_secs_f64();
    let clock = Instant::now();
    let lowered = linear(&instance, &domain)?;
    let lower = clock.elapsed().as_secs_f64() - proof;
    write(&lowered.lp, lp)?;

    let outcome = Highs::new(&lowered.lp)?.solve(&LpOptions::default(), None)?;
    let clock = Instant::now();
    let y = domain.clip(&lowered.decisions_of(&outcome.primal).ok_or("HiGHS gave no point")?);
    let trace = instance.forward(&y)?;
    let subgradient = Multipliers::subgradient(&instance, &trace);
    let multipliers = lowered.slopes(0, &instance, &outcome.row_dual, &outcome.column_dual, subgradient);
    let minorant = Minorant::new(&instance, &lowered.bounds[0], &multipliers).ok_or("no minorant")?;
    let bound = minorant.bound(&domain, &[], &y, 0.0);
    let certificate = clock.elapsed().as_secs_f64();
    if trace.value() - bound > 1e-6 * minorant.size(&y) {
        return Err(format!("value {} and bound {bound} differ", trace.value()).into());
    }
    let (rows, columns, nonzeros) = (lowered.lp.rows(), lowered.lp.columns(), lowered.lp.matrix.nnz());
    Ok(Stages { load, proof, lower, certificate, rows, columns, nonzeros })
}

/// The high-water mark of resident memory in kB, from a status file of the kernel.
pub fn peak(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

/// Writes a program as little-endian numbers: sizes, row starts, columns, then all reals.
fn write(lp: &LinearProgram, path: &Path) -> Result<(), Failure> {
    let mut file = BufWriter::new(File::create(path)?);
    let starts = lp.matrix.proper_indptr();
    let sizes = [lp.rows(), lp.columns(), lp.matrix.nnz()];
    for integer in sizes.iter().chain(starts.iter()).chain(lp.matrix.indices()) {
        file.write_all(&(*integer as u64).to_le_bytes())?;
    }
    let offset = [lp.offset];
    let reals = [&offset, lp.matrix.data(), &lp.objective, &lp.column_lower, &lp.column_upper, &lp.row_lower];
    for real in reals.into_iter().flatten().chain(&lp.row_upper) {
        file.write_all(&real.to_le_bytes())?;
    }
    Ok(file.flush()?)
}

/// Reads what [`write`] wrote, without a second copy in memory.
fn read(path: &Path) -> Result<LinearProgram, Failure> {
    let mut file = BufReader::new(File::open(path)?);
    let mut number = || -> Result<[u8; 8], Failure> {
        let mut bytes = [0; 8];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    let mut integers = |n: usize| (0..n).map(|_| Ok(u64::from_le_bytes(number()?) as usize)).collect();
    let sizes: Result<Vec<usize>, Failure> = integers(3);
    let sizes = sizes?;
    let (m, n, nonzeros) = (sizes[0], sizes[1], sizes[2]);
    let (starts, indices): (Result<_, Failure>, Result<_, Failure>) = (integers(m + 1), integers(nonzeros));
    let mut reals = |n: usize| (0..n).map(|_| Ok(f64::from_le_bytes(number()?))).collect::<Result<Vec<f64>, Failure>>();
    let offset = reals(1)?[0];
    let matrix = CsMat::try_new((m, n), starts?, indices?, reals(nonzeros)?).map_err(|e| e.3)?;
    let mut lp = LinearProgram::new(n);
    lp.offset = offset;
    lp.matrix = matrix;
    let parts = [&mut lp.objective, &mut lp.column_lower, &mut lp.column_upper];
    for part in parts {
        *part = reals(n)?;
    }
    (lp.row_lower, lp.row_upper) = (reals(m)?, reals(m)?);
    Ok(lp)
}
