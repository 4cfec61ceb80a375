//! A folder of small models and other files for the tests of the command line.
#![allow(dead_code)]

use std::fs;
use std::path::Path;

use icnn::ir::program::Program;
use icnn::load::program_json;

use crate::onnx::ModelBuilder;

/// A temporary folder.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Where a file of this name is, or would be.
    pub fn at(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("UTF-8").into()
    }

    /// Writes a file; returns where it is.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.at(name);
        fs::write(&path, contents).expect("a temporary file");
        path
    }

    /// Writes the program that `text` lists, as a model that `icnn` reads.
    pub fn program(&self, name: &str, text: &str) -> String {
        let program: Program = text.parse().expect("a program");
        self.file(name, program_json::write(&program).expect("a program of numbers"))
    }

    /// Writes h(x, y) = Σ|yⱼ| + x, of p decisions and one context entry.
    pub fn sum_of_sizes(&self, name: &str, p: usize) -> String {
        let model = ModelBuilder::new(17)
            .input("x", &[Some(1), Some(1)])
            .input("y", &[Some(1), Some(p as i64)])
            .initializer("ones", &[p as i64, 1], &vec![1.0; p])
            .node("Abs", &["y"], &["a"], vec![])
            .node("MatMul", &["a", "ones"], &["s"], vec![])
            .node("Add", &["s", "x"], &["h"], vec![])
            .output("h");
        self.file(name, model.bytes())
    }

    /// How many files there are.
    pub fn count(&self) -> usize {
        fs::read_dir(self.0.path()).expect("a folder").count()
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
