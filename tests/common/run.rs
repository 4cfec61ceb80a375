//! The program `icnn`, run from the repository's folder.
#![allow(dead_code)]

use std::process::Command;

use serde_json::Value;

/// How a run ended.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The JSON objects on stdout.
    pub fn json(&self) -> Vec<Value> {
        self.out.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
    }
}

/// Runs `icnn` to its end, which must not be a panic or a signal.
pub fn icnn(args: &[&str]) -> Ran {
    let done = Command::new(env!("CARGO_BIN_EXE_icnn"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("icnn runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let ran = Ran { code: done.status.code().unwrap_or(-1), out: text(done.stdout), err: text(done.stderr) };
    assert!(!ran.err.contains("panicked") && ran.code >= 0, "icnn {args:?}: {}", ran.err);
    ran
}

/// Exit code, stdout and stderr of such a run.
pub fn parts(args: &[&str]) -> (i32, String, String) {
    let ran = icnn(args);
    (ran.code, ran.out, ran.err)
}
