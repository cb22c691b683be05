//! Links the compression and call libraries that LLVM uses statically, where the machine has them
//! as archives: the wheel then needs only the C and C++ runtimes of the machine it lands on.  And
//! compiles the types that are written in C.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const ARCHIVES: &[&str] = &["libz.a", "libzstd.a", "libffi.a"];

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let folder = build_support::out_dir().join("static");
    std::fs::create_dir_all(&folder)?;
    for name in ARCHIVES {
        // gcc prints the bare name where it finds nothing.
        let output = Command::new("gcc")
            .arg(format!("-print-file-name={name}"))
            .output()?;
        let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let link = folder.join(name);
        if Path::new(&path).is_absolute() && std::fs::symlink_metadata(&link).is_err() {
            symlink(&path, &link)?;
        }
    }
    // A folder with archives only, searched before the system's: `-lz` finds the archive.
    println!("cargo:rustc-link-search=native={}", folder.display());
    types_in_c()
}

fn types_in_c() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=native");
    cc::Build::new()
        .files(["native/guards.c", "native/inline.c", "native/dispatcher.c"])
        .include(build_support::python_include()?)
        .flag("-fno-strict-aliasing")
        .flag("-fwrapv")
        .opt_level(2)
        .debug(false)
        .compile("cyl_types");
    Ok(())
}
