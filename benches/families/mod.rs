//! The benchmark families: networks of six sizes and three kinds, with fixed seeds.
//!
//! R and U are random FICNNs, made here; T are trained PICNNs, read from the files that train.py left beside this one.
// Each benchmark uses a part of this.
#![allow(dead_code)]

pub mod random;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use icnn::ir::builder::Builder;
use icnn::ir::instance::Instance;
use icnn::ir::program::Program;
use icnn::network::Ficnn;
use icnn::{Domain, Network};

/// What can go wrong in a benchmark.
pub type Failure = Box<dyn std::error::Error>;

/// Where the weights come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// R: random, with biases that centre the pre-activations.
    Random,
    /// U: random, with small biases of no particular kind.
    Unbalanced,
    /// T: trained, at a stored context.
    Trained,
}

impl Kind {
    /// R, U or T
    pub fn letter(self) -> char {
        match self {
            Kind::Random => 'R',
            Kind::Unbalanced => 'U',
            Kind::Trained => 'T',
        }
    }
}

/// A size of network and its box.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// What benchmarks call it.
    pub name: &'static str,
    /// Number of decisions p.
    pub decisions: usize,
    /// Widths of the hidden layers.
    pub hidden: &'static [usize],
    /// The same interval for every decision.
    pub ends: (f64, f64),
    /// Seed of kinds R and U.
    pub seed: u64,
    /// Whether there is a trained one.
    pub trained: bool,
}

const fn family(name: &'static str, decisions: usize, hidden: &'static [usize], low: f64, seed: u64) -> Family {
    Family { name, decisions, hidden, ends: (low, 1.0), seed, trained: true }
}

/// All families, smallest first.
pub const FAMILIES: [Family; 6] = [
    family("rl6", 6, &[200, 200], -1.0, 6),
    family("rl17", 17, &[200, 200], -1.0, 17),
    family("mpc24", 24, &[100, 100, 100], -1.0, 24),
    family("bib159", 159, &[600, 159], 0.0, 159),
    family("wide100", 100, &[512, 512, 512], -1.0, 512),
    family("oli2048", 2048, &[512, 512], 0.0, 2048),
];

impl Family {
    /// The family called `name`.
    pub fn named(name: &str) -> Option<&'static Family> {
        FAMILIES.iter().find(|family| family.name == name)
    }

    /// `24; 100/100/100`
    pub fn size(&self) -> String {
        let hidden: Vec<String> = self.hidden.iter().map(usize::to_string).collect();
        format!("{}; {}", self.decisions, hidden.join("/"))
    }

    /// The box.
    pub fn domain(&self) -> Result<Domain, Failure> {
        Ok(Domain::cube(self.decisions, self.ends.0, self.ends.1)?)
    }

    /// Point `k` of a golden-section sequence over the box (length p).
    pub fn point(&self, k: usize) -> impl Iterator<Item = f64> {
        let ((low, high), p) = (self.ends, self.decisions);
        (0..p).map(move |j| low + (high - low) * (0.618_033_988_749_894_8 * (k * p + j + 1) as f64).fract())
    }

    /// The random network of kind R or U.
    pub fn ficnn(&self, kind: Kind) -> Ficnn {
        random::ficnn(self, kind)
    }

    /// The network of a kind, and the contexts to take it at.
    pub fn network(&self, kind: Kind) -> Result<(Network, Vec<Vec<f64>>), Failure> {
        match kind {
            Kind::Trained => {
                let file = |extension: &str| folder().join(format!("{}.{extension}", self.name));
                Ok((Network::load(file("onnx"))?, rows(&std::fs::read(file("npy"))?)?))
            }
            _ => Ok((Network::from(self.ficnn(kind).program()?), vec![vec![]])),
        }
    }

    /// `scale`·f: of kind T at the first `count` stored contexts, of the others with `count` seeds.
    pub fn instances(&self, kind: Kind, scale: f64, count: usize) -> Result<Vec<Instance>, Failure> {
        let times = |network: Network| match scale {
            1.0 => Ok(network),
            _ => scaled(network.program(), scale),
        };
        if kind == Kind::Trained {
            let (network, rows) = self.network(kind)?;
            let network = times(network)?;
            return rows.iter().take(count).map(|x| Ok(network.given(x)?)).collect();
        }
        (0..count as u64)
            .map(|k| {
                let (network, _) = Family { seed: self.seed + 10_000 * k, ..*self }.network(kind)?;
                Ok(times(network)?.given(&[])?)
            })
            .collect()
    }
}

/// The folder of this file.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/families")
}

/// `scale`·f
pub fn scaled(program: &Arc<Program>, scale: f64) -> Result<Network, Failure> {
    let mut builder = Builder::from_program(program);
    let output = builder.scale_by(program.output(), scale)?;
    Ok(Network::from(builder.finish(output)?))
}

/// The rows of a matrix of f32 in an NPY file of version 1.
pub fn rows(bytes: &[u8]) -> Result<Vec<Vec<f64>>, Failure> {
    let (length, rest) = bytes.get(8..).and_then(|b| b.split_at_checked(2)).ok_or("a short NPY file")?;
    let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
    let (header, data) = rest.split_at_checked(length).ok_or("a short NPY file")?;
    let header = std::str::from_utf8(header)?;
    if !(header.contains("'<f4'") && header.contains("'fortran_order': False")) {
        return Err(format!("an NPY file with header {header}").into());
    }
    let shape =
        header.split_once("'shape': (").and_then(|(_, s)| s.split_once(')')).ok_or("an NPY file without shape")?.0;
    let shape: Vec<usize> = shape.split(',').filter_map(|extent| extent.trim().parse().ok()).collect();
    let [count, width] = shape[..] else { return Err(format!("{} axes in an NPY file, not 2", shape.len()).into()) };
    if width == 0 || data.len() != 4 * count * width {
        return Err(format!("{} bytes for {count}×{width} numbers", data.len()).into());
    }
    let numbers: Vec<f64> = data.as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect();
    Ok(numbers.chunks_exact(width).map(<[f64]>::to_vec).collect())
}
