//! How the program is linked on x86-64 Linux: it starts sooner with nothing to load beside it.
//!
//! What HiGHS needs of the C++ library becomes part of the program, where the compiler has it as an archive; so does what unwinds
//! the stack, and the C library. At a fixed address, nothing has to be relocated either. Tests, benchmarks and programs that use the
//! library are linked as ever.

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
    // What runs once before `main` lies side by side, apart from what is hardly ever run: fewer pages are looked up. A linker that
    // does not know the option goes on without.
    println!("cargo::rustc-link-arg-bins=-Wl,-z,keep-text-section-prefix");
    let cpp = archives(&[("libstdc++.a", "libstdc++.a"), ("libgcc_s.a", "libgcc_eh.a")]);
    // Since threads are part of the C library its archive has all that they need, and the one that they had is empty.
    let threads = found("libpthread.a").and_then(|archive| archive.metadata().ok());
    let c = ["libc.a", "libm.a", "libpthread.a", "libdl.a", "librt.a", "libutil.a"].map(|name| (name, name));
    let c = archives(&c).filter(|_| cpp.is_some() && threads.is_some_and(|archive| archive.len() == EMPTY));
    let whole = c.is_some();
    let folder = Path::new(&set("OUT_DIR")).join("archives");
    let _ = std::fs::remove_dir_all(&folder);
    if std::fs::create_dir_all(&folder).is_err() {
        return;
    }
    for (library, archive) in cpp.into_iter().chain(c).flatten() {
        println!("cargo::rerun-if-changed={}", archive.display());
        if std::fs::copy(archive, folder.join(library)).is_err() {
            return;
        }
    }
    // Searched before the compiler's own folders, which have the shared libraries of these names.
    println!("cargo::rustc-link-arg-bins=-L{}", folder.display());
    if whole {
        println!("cargo::rustc-link-arg-bins=-static");
        // What the C library's archive itself needs, for linkers that look into each archive once.
        for argument in ["-Wl,--start-group", "-lgcc", "-lgcc_eh", "-lc", "-Wl,--end-group"] {
            println!("cargo::rustc-link-arg-bins={argument}");
        }
    }
}

/// Bytes of an archive without members.
const EMPTY: u64 = b"!<arch>\n".len() as u64;

/// Libraries by the names they are looked for, each with the archive that stands in for it; `None` unless the compiler has all.
fn archives(names: &[(&'static str, &str)]) -> Option<Vec<(&'static str, PathBuf)>> {
    names.iter().map(|(library, archive)| Some((*library, found(archive)?))).collect()
}

/// Where the compiler has an archive, if it does.
fn found(archive: &str) -> Option<PathBuf> {
    let answer = Command::new("cc").arg(format!("-print-file-name={archive}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    (path.is_absolute() && path.is_file()).then_some(path)
}
