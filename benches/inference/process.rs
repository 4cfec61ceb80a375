//! Processes seen from outside: seconds, and the largest resident memory that the kernel's files showed.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::families::Failure;

/// One run of a process.
pub struct Ran {
    pub seconds: f64,
    /// The high-water mark of resident memory in MB, read once a millisecond.
    pub megabytes: f64,
    pub output: Vec<u8>,
}

/// Runs a process to its end, its output kept or, if it is not `wanted`, thrown away.
///
/// Errors: it cannot be started, or does not end well.
pub fn run(command: &mut Command, wanted: bool) -> Result<Ran, Failure> {
    let clock = Instant::now();
    let child = command.stdout(if wanted { Stdio::piped() } else { Stdio::null() }).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let ended = AtomicBool::new(false);
    let (output, seconds, peak) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = 0.0f64;
            while !ended.load(Ordering::Relaxed) {
                peak = peak.max(megabytes(&status).unwrap_or(0.0));
                std::thread::sleep(Duration::from_millis(1));
            }
            peak
        });
        let output = child.wait_with_output();
        let seconds = clock.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        (output, seconds, watch.join().unwrap_or(0.0))
    });
    let output = output?;
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}", output.status).into());
    }
    Ok(Ran { seconds, megabytes: peak, output: output.stdout })
}

/// Seconds from the start of a process to each of the lines on stderr that contain one of `words`, in the order of the words.
///
/// Errors: it cannot be started, does not end well, or has no such line.
pub fn heard<const N: usize>(command: &mut Command, words: [&str; N]) -> Result<[f64; N], Failure> {
    let clock = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut seconds = [f64::NAN; N];
    for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).lines()) {
        let (line, now) = (line?, clock.elapsed().as_secs_f64());
        if let Some(k) = words.iter().position(|word| line.contains(word)) {
            seconds[k] = now;
        }
    }
    if !child.wait()?.success() || seconds.iter().any(|s| s.is_nan()) {
        return Err(format!("{command:?} did not say {words:?}, or failed").into());
    }
    Ok(seconds)
}

/// The high-water mark of resident memory in a status file of the kernel.
fn megabytes(status: &str) -> Option<f64> {
    let text = std::fs::read_to_string(status).ok()?;
    let kilobytes: f64 =
        text.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024.0)
}
