//! Builds the lld shim and names lld's static libraries to the linker.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Machines that this build makes code for.
const TARGETS: &[&str] = &["X86", "NVPTX"];

fn main() {
    build_support::shim()
        .files([
            "shim/accumulators.cpp",
            "shim/chains.cpp",
            "shim/choices.cpp",
            "shim/conversions.cpp",
            "shim/escapes.cpp",
            "shim/features.cpp",
            "shim/hot.cpp",
            "shim/lld.cpp",
            "shim/loops.cpp",
            "shim/nests.cpp",
            "shim/options.cpp",
            "shim/pipeline.cpp",
            "shim/recursion.cpp",
            "shim/tables.cpp",
            "shim/target.cpp",
            "shim/unroll.cpp",
        ])
        .file(no_other_targets(&build_support::llvm_prefix()))
        .compile("cyl_lld_shim");
    build_support::link(&["lldELF", "lldCommon"]);
    device_math();
}

/// Bitcode of C's mathematical functions for GPUs: rustc's LLVM is of the version that is used here.
fn device_math() {
    println!("cargo:rerun-if-changed=../devicemath");
    let out = build_support::out_dir();
    let target = out.join("devicemath");
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command
        .args(["rustc", "--release", "--lib", "--locked"])
        .args(["--manifest-path", "../devicemath/Cargo.toml"])
        .arg("--target-dir")
        .arg(&target)
        .args(["--", "--emit=llvm-bc"]);
    // Flags for this build are not for that one.
    for (name, _) in env::vars() {
        if name.starts_with("CARGO_") && name != "CARGO_HOME" || name.contains("RUSTFLAGS") {
            command.env_remove(name);
        }
    }
    let done = command.status();
    assert!(
        done.as_ref().is_ok_and(std::process::ExitStatus::success),
        "devicemath does not compile: {done:?}"
    );
    let folder = target.join("release/deps");
    let newest = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "bc"))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("devicemath")
        })
        .max_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok());
    let newest = newest.unwrap_or_else(|| panic!("no bitcode in {}", folder.display()));
    fs::copy(newest, out.join("devicemath.bc")).unwrap_or_else(|error| panic!("{error}"));
}

/// lld initialises every target that LLVM was built with.  Empty definitions for those not in
/// [`TARGETS`] keep their code generators (some 60 MB) out of the link.
fn no_other_targets(prefix: &Path) -> PathBuf {
    let kinds = [
        (
            "Targets.def",
            "LLVM_TARGET",
            &["TargetInfo", "Target", "TargetMC"][..],
        ),
        ("AsmPrinters.def", "LLVM_ASM_PRINTER", &["AsmPrinter"]),
        ("AsmParsers.def", "LLVM_ASM_PARSER", &["AsmParser"]),
        ("Disassemblers.def", "LLVM_DISASSEMBLER", &["Disassembler"]),
    ];
    let mut text = String::from("extern \"C\" {\n");
    for (file, entry, parts) in kinds {
        let path = prefix.join("include/llvm/Config").join(file);
        let list =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for line in list.lines() {
            let name = line
                .strip_prefix(entry)
                .and_then(|rest| rest.strip_prefix('('))
                .and_then(|rest| rest.split(')').next());
            let Some(name) = name.filter(|name| !TARGETS.contains(name)) else {
                continue;
            };
            for part in parts {
                writeln!(text, "void LLVMInitialize{name}{part}() {{}}").expect("a string");
            }
        }
    }
    text.push_str("}\n");
    let output = build_support::out_dir().join("no_targets.cpp");
    fs::write(&output, text).expect("OUT_DIR is writable");
    output
}
