//! What is fuzzed: one row for each kind of file. A target must not panic, hang, or take more than [`MEMORY`].

use std::path::Path;
use std::sync::{Arc, LazyLock};

use icnn::Domain;
use icnn::build::{Choice, build, build_outputs};
use icnn::domain::file::DomainFile;
use icnn::ir::instance::Instance;
use icnn::ir::program::Program;
use icnn::load::{onnx, program_json, safetensors};
use icnn::objective::file::ObjectiveFile;

use crate::certificate::certificate;
use crate::follow;
use crate::mutate;
use crate::tables::{csv, json, npy, parquet, table::Table};

/// Bytes that a run may hold at once. Inputs are a few kilobytes; what a small file may make is limited to 1 MB in a build
/// for fuzzing (`icnn::build`), and what follows loading takes several times that.
pub const MEMORY: u64 = 48 << 20;

/// A kind of file.
pub struct Target {
    /// Its name in `ICNN_FUZZ`, and that of its folder in corpus/.
    pub name: &'static str,
    /// Reads the bytes and does with the result what a command would; whether they could be read.
    pub run: fn(&[u8]) -> bool,
    /// Other bytes of the same structure; `None` leaves it to libFuzzer.
    pub mutate: fn(&[u8], u32) -> Option<Vec<u8>>,
}

/// All of them. A new kind of file is a row here, a folder in corpus/, and a dictionary if it is text.
pub const TARGETS: &[Target] = &[
    Target { name: "onnx", run: onnx, mutate: mutate::onnx::model },
    Target { name: "safetensors", run: safetensors, mutate: mutate::description },
    Target { name: "program", run: program, mutate: mutate::json::text },
    Target { name: "npy", run: npy, mutate: mutate::none },
    Target { name: "csv", run: csv, mutate: mutate::none },
    Target { name: "json", run: json, mutate: mutate::json::text },
    Target { name: "parquet", run: parquet, mutate: mutate::none },
    Target { name: "domain", run: domain, mutate: mutate::json::text },
    Target { name: "objective", run: objective, mutate: mutate::json::text },
    Target { name: "certificate", run: certificate, mutate: mutate::certificate::file },
];

/// Decisions and context entries of models/pieces.json.
const P: usize = 3;
const Q: usize = 1;

/// Where domain and objective files look for networks.
fn models() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/models"))
}

/// f(x, y) of models/pieces.json at x = 1/2.
static PIECES: LazyLock<Instance> = LazyLock::new(|| {
    let program = program_json::read(&models().join("pieces.json")).expect("models/pieces.json is a program");
    Arc::new(program).at(&[0.5; Q]).expect("one context entry")
});

fn onnx(bytes: &[u8]) -> bool {
    let Ok(graph) = onnx::parse(bytes, None) else { return false };
    follow::graph(graph)
}

/// A description, a zero byte, and the weights.
fn safetensors(bytes: &[u8]) -> bool {
    let Some(end) = bytes.iter().position(|b| *b == 0) else { return false };
    let Ok(graph) = safetensors::parse(&bytes[end + 1..], &bytes[..end]) else { return false };
    follow::graph(graph)
}

fn program(bytes: &[u8]) -> bool {
    let Ok(program) = program_json::parse(bytes) else { return false };
    follow::written_and_read(&program);
    follow::program(program);
    true
}

fn npy(bytes: &[u8]) -> bool {
    table(npy::read(bytes, None))
}

fn csv(bytes: &[u8]) -> bool {
    table(csv::read(bytes, Some(f64::NAN))) | table(csv::read(bytes, None))
}

fn json(bytes: &[u8]) -> bool {
    table(json::read(bytes, Some(f64::NAN))) | table(json::read(bytes, None))
}

fn parquet(bytes: &[u8]) -> bool {
    table(parquet::read(bytes.to_vec(), Some(0.0)))
}

/// What is done with a table: rows of a width that fits, and of one that does not; names for messages.
fn table(read: Result<Table, String>) -> bool {
    let Ok(table) = read else { return false };
    let total = table.values.len();
    for column in [0, 1, 7, usize::MAX] {
        let _ = table.names.hint(column);
    }
    let named = table.names.width();
    for width in [0, 1, 3, total, named, total / 2] {
        if let Ok(rows) = table.clone().rows_of(width)
            && width > 0
        {
            assert_eq!(rows.len() % width, 0, "rows of {width}");
        }
    }
    true
}

fn domain(bytes: &[u8]) -> bool {
    let base = Domain::cube(P, -4.0, 4.0).expect("a cube");
    let closed = DomainFile::parse(bytes, models(), base);
    let open = DomainFile::parse(bytes, models(), Domain::everything(P));
    let mut read = false;
    for file in [closed, open].into_iter().flatten() {
        read = true;
        let Ok(domain) = file.at(&[0.25; Q]) else { continue };
        follow::over(&PIECES, &domain);
    }
    read
}

fn objective(bytes: &[u8]) -> bool {
    let Ok(file) = ObjectiveFile::parse(bytes, models(), P) else { return false };
    let Ok(objective) = file.at(&PIECES, &[0.25; Q]) else { return false };
    let Ok(instance) = objective.build() else { return false };
    follow::over(&instance, &Domain::cube(P, -2.0, 2.0).expect("a cube"));
    true
}

/// The program of the only output, or of the first and last of several.
pub fn programs(graph: icnn::load::graph::Graph) -> Vec<Program> {
    if let Ok(program) = build(graph.clone(), &Choice::default()) {
        return vec![program];
    }
    // Without an input called y, the first one may be the decision.
    let first = graph.inputs.first().map(|i| i.name.clone());
    match build_outputs(graph, first.as_deref()) {
        Ok(outputs) if !outputs.is_empty() => {
            [0, outputs.len() - 1].iter().filter_map(|k| outputs.program(*k).ok()).collect()
        }
        _ => vec![],
    }
}
