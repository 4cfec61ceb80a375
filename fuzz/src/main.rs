//! Coverage-guided fuzzing of everything that reads a file. README.md beside Cargo.toml says how to run it.
//!
//! One program for all targets: `ICNN_FUZZ` names the one that runs ([`targets::TARGETS`]).
#![no_main]

mod certificate;
mod follow;
mod mutate;
mod tables;
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use targets::Target;

/// The target that the environment names.
static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("ICNN_FUZZ").unwrap_or_default();
    targets::TARGETS.iter().find(|t| t.name == name).unwrap_or_else(|| {
        let names: Vec<&str> = targets::TARGETS.iter().map(|t| t.name).collect();
        eprintln!("ICNN_FUZZ is \"{name}\"; it should be one of {}", names.join(", "));
        std::process::exit(2);
    })
});

fuzz_target!(|data: &[u8]| -> Corpus {
    let mut read = false;
    let used = allocation_counter::measure(|| read = (TARGET.run)(data));
    let permitted = targets::MEMORY;
    assert!(used.bytes_max <= permitted, "{} bytes of memory for {} of input", used.bytes_max, data.len());
    // What is refused is kept as well: it may be one change away from what is read.
    let _ = read;
    Corpus::Keep
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    match (TARGET.mutate)(&data[..size], seed) {
        Some(bytes) if bytes.len() <= max_size && !bytes.is_empty() => {
            data[..bytes.len()].copy_from_slice(&bytes);
            bytes.len()
        }
        _ => libfuzzer_sys::fuzzer_mutate(data, size, max_size),
    }
});
