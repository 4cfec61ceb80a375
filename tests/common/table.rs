//! Every network of ../shared/onnx and of examples/, and every kind of domain.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use icnn::build::build_outputs;
use icnn::ir::instance::Instance;
use icnn::{Domain, Network};

/// A network of the table at one context.
pub struct Entry {
    pub name: String,
    pub f: Instance,
}

/// All of them, with a context where they need one.
pub fn entries() -> Vec<Entry> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = vec![];
    let mut folders = vec![root.join("../shared/onnx")];
    folders.extend(std::fs::read_dir(root.join("examples")).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()));
    for folder in folders {
        let Ok(read) = std::fs::read_dir(&folder) else {
            println!("skipped: {} is not there", folder.display());
            continue;
        };
        files.extend(read.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "onnx")));
    }
    files.sort();
    let mut all = vec![];
    for path in files {
        let graph = icnn::load::onnx::read(&path).unwrap();
        let outputs = build_outputs(graph, None).unwrap();
        // Of many scores the first and the last one.
        let mut chosen = vec![0, outputs.len() - 1];
        chosen.dedup();
        for k in chosen {
            let program = Arc::new(outputs.program(k).unwrap());
            let x: Vec<f64> = (0..program.context_len()).map(|i| 0.3 - 0.1 * (i % 5) as f64).collect();
            let name = format!("{}[{k}]", path.file_name().unwrap().to_str().unwrap());
            all.push(Entry { name, f: Network::from((*program).clone()).given(&x).unwrap() });
        }
    }
    all
}

/// The domains of a network with p decisions, by name.
pub fn domains(p: usize) -> Vec<(&'static str, Domain)> {
    let cube = |l, u| Domain::cube(p, l, u).unwrap();
    let all: Vec<usize> = (0..p).collect();
    let mut out = vec![
        // Inside of this one y log y is as it should be, and sides differ.
        ("small box", Domain::new_box(vec![0.1; p], (0..p).map(|j| 0.4 + 0.05 * (j % 9) as f64).collect()).unwrap()),
        ("box", cube(-1.0, 1.0)),
        ("one fixed", cube(-1.0, 1.0).with_fixed(p - 1, 0.25).unwrap()),
        ("point", cube(0.5, 0.5)),
        ("simplex", Domain::everything(p).with_simplex("shares", &all, 1.0).unwrap()),
        ("half open", Domain::new_box(vec![-1.0; p], vec![f64::INFINITY; p]).unwrap()),
    ];
    if p > 1 {
        out.push(("budget", cube(-1.0, 1.0).with_sum("budget", &all, f64::NEG_INFINITY, 0.5).unwrap()));
    }
    out
}
