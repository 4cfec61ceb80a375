//! How the program is linked on x86-64 Linux: it starts sooner with less to load.
//!
//! What HiGHS needs of the C++ library becomes part of the program, where the compiler has it as an archive; so does what unwinds
//! the stack. At a fixed address, nothing has to be relocated either. Tests, benchmarks and programs that use the library are linked as ever.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let set = |name: &str| env::var(name).unwrap_or_default();
    let known =
        ["OS", "ENV", "ARCH"].map(|what| set(&format!("CARGO_CFG_TARGET_{what}"))) == ["linux", "gnu", "x86_64"];
    // Only of the machine's own compiler is it known where its archives are.
    if !known || set("TARGET") != set("HOST") || set("CARGO_CFG_TARGET_FEATURE").contains("crt-static") {
        return;
    }
    println!("cargo::rustc-link-arg-bins=-no-pie");
    let folder = Path::new(&set("OUT_DIR")).join("archives");
    if std::fs::create_dir_all(&folder).is_err() {
        return;
    }
    for (library, archive) in [("libstdc++.a", "libstdc++.a"), ("libgcc_s.a", "libgcc_eh.a")] {
        if let Some(archive) = found(archive) {
            println!("cargo::rerun-if-changed={}", archive.display());
            if std::fs::copy(archive, folder.join(library)).is_err() {
                return;
            }
        }
    }
    // Searched before the compiler's own folders, which have the shared libraries of these names.
    println!("cargo::rustc-link-arg-bins=-L{}", folder.display());
}

/// Where the compiler has an archive, if it does.
fn found(archive: &str) -> Option<PathBuf> {
    let answer = Command::new("cc").arg(format!("-print-file-name={archive}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    (path.is_absolute() && path.is_file()).then_some(path)
}
