//! Runs of the program that must be refused: exit 2, one message on stderr that names what it is about, nothing on stdout, no
//! panic, no hang, little memory.
#![allow(dead_code)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Megabytes of address space that every case must do with. Address space is at least what is resident, so a process that
/// ends as it should under this limit has never held more memory.
pub const MEMORY: usize = 200;

/// A case that takes longer hangs. Times are printed, not judged: the machine may be busy.
const HANG: Duration = Duration::from_secs(60);

/// One line of the table.
pub struct Case {
    /// Its name.
    pub what: &'static str,
    /// Arguments of `icnn`.
    pub args: Vec<String>,
    /// Where stdout goes.
    pub redirect: &'static str,
    /// What the message has to say.
    pub names: Vec<&'static str>,
}

/// How a run went.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    pub time: Duration,
}

/// Runs `icnn` within `megabytes` of address space.
pub fn icnn(case: &Case, megabytes: usize) -> Ran {
    let script = format!("ulimit -v {} && exec \"$@\" {}", megabytes * 1000, case.redirect);
    let started = Instant::now();
    let mut child = Command::new("sh")
        .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_icnn")])
        .args(&case.args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sh runs");
    // A message fits into a pipe, so the program can end before anybody reads it.
    while child.try_wait().expect("it can be waited for").is_none() {
        if started.elapsed() > HANG {
            child.kill().expect("it can be stopped");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let time = started.elapsed();
    let done = child.wait_with_output().expect("its output");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code: done.status.code(), out: text(done.stdout), err: text(done.stderr), time }
}

/// What is wrong with an answer, if anything.
pub fn fault(case: &Case, ran: &Ran) -> Option<String> {
    let (err, what) = (&ran.err, case.what);
    let fault = if ran.code != Some(2) {
        format!("exit {:?}", ran.code)
    } else if !ran.out.is_empty() {
        format!("stdout: {}", ran.out)
    } else if !err.starts_with("icnn: ") || err.matches("icnn: ").count() != 1 || err.contains("panicked") {
        "not one message".into()
    } else if err.len() > 1000 || !err.lines().skip(1).all(|l| l.is_empty() || l.starts_with(' ') || is_usage(l)) {
        "the message is not one line with hints below it".into()
    } else if let Some(missing) = case.names.iter().find(|n| !err.contains(**n)) {
        format!("the message does not say '{missing}'")
    } else {
        return None;
    };
    Some(format!("{what}: {fault}\n    {}", err.chars().take(1500).collect::<String>()))
}

/// What the argument parser adds to a message about arguments.
fn is_usage(line: &str) -> bool {
    line.starts_with("Usage:") || line.starts_with("For more information")
}
