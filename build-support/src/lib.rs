//! What this workspace's build scripts share: where LLVM and Python are, how shims are compiled.

use std::env;
use std::io;
use std::path::PathBuf;
use std::process::Command;

/// Where LLVM lives: `LLVM_SYS_221_PREFIX`, as for llvm-sys, or Debian's place.
#[must_use]
pub fn llvm_prefix() -> PathBuf {
    println!("cargo:rerun-if-env-changed=LLVM_SYS_221_PREFIX");
    env::var_os("LLVM_SYS_221_PREFIX")
        .map_or_else(|| PathBuf::from("/usr/lib/llvm-22"), PathBuf::from)
}

/// Where cargo wants what a build script makes.
///
/// # Panics
///
/// Outside a build script.
#[must_use]
pub fn out_dir() -> PathBuf {
    PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"))
}

/// A build of a crate's `shim` folder, C++ against LLVM's headers and with LLVM's own flags; the
/// caller adds the files.
#[must_use]
pub fn shim() -> cc::Build {
    println!("cargo:rerun-if-changed=shim");
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        .include(llvm_prefix().join("include"))
        .flag("-fno-exceptions")
        .flag("-fvisibility=hidden")
        .define("_GNU_SOURCE", None)
        .define("__STDC_CONSTANT_MACROS", None)
        .define("__STDC_FORMAT_MACROS", None)
        .define("__STDC_LIMIT_MACROS", None)
        .warnings(false)
        .opt_level(1);
    build
}

/// Names static libraries of LLVM's to the linker, in link order: each before those it uses.
pub fn link(libraries: &[&str]) {
    let folder = llvm_prefix().join("lib");
    println!("cargo:rustc-link-search=native={}", folder.display());
    for library in libraries {
        println!("cargo:rustc-link-lib=static={library}");
    }
}

/// The headers of the interpreter to build for: of `CYTHON_LLVM_PYTHON`, else `PYO3_PYTHON`, else
/// `python3`.
///
/// # Errors
///
/// Where that interpreter does not run.
pub fn python_include() -> io::Result<String> {
    let variables = ["CYTHON_LLVM_PYTHON", "PYO3_PYTHON"];
    for variable in variables {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    let python = variables
        .iter()
        .find_map(|variable| env::var(variable).ok())
        .unwrap_or_else(|| "python3".to_owned());
    let script = "import sysconfig; print(sysconfig.get_path('include'))";
    let output = Command::new(python).args(["-c", script]).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
