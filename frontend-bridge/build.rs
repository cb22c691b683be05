//! Builds the clang shim and names clang's static libraries to the linker.
//!
//! `LLVM_SYS_221_PREFIX` (as for llvm-sys) says where LLVM lives; the default is Debian's place.

use std::env;
use std::path::PathBuf;

/// In link order: a library comes before those it uses.
const CLANG_LIBRARIES: &[&str] = &[
    "clangCodeGen",
    "clangFrontend",
    "clangDriver",
    "clangParse",
    "clangSerialization",
    "clangSema",
    "clangAnalysis",
    "clangAnalysisLifetimeSafety",
    "clangAPINotes",
    "clangEdit",
    "clangASTMatchers",
    "clangAST",
    "clangLex",
    "clangOptions",
    "clangSupport",
    "clangBasic",
];

fn main() {
    println!("cargo:rerun-if-changed=shim");
    println!("cargo:rerun-if-env-changed=LLVM_SYS_221_PREFIX");
    let prefix = PathBuf::from(
        env::var("LLVM_SYS_221_PREFIX").unwrap_or_else(|_| "/usr/lib/llvm-22".to_owned()),
    );
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .files(["shim/clang.cpp", "shim/recovery.cpp"])
        .include(prefix.join("include"))
        .flag("-fno-exceptions")
        .flag("-fvisibility=hidden")
        .define("_GNU_SOURCE", None)
        .define("__STDC_CONSTANT_MACROS", None)
        .define("__STDC_FORMAT_MACROS", None)
        .define("__STDC_LIMIT_MACROS", None)
        .warnings(false)
        .opt_level(1)
        .compile("cyl_clang_shim");
    println!(
        "cargo:rustc-link-search=native={}",
        prefix.join("lib").display()
    );
    for library in CLANG_LIBRARIES {
        println!("cargo:rustc-link-lib=static={library}");
    }
}
