//! Reads CPython's headers (bindgen) and compiles the start-up code of linked modules.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=crt");
    let out = build_support::out_dir();
    layouts(&out)?;
    crt(&out)
}

/// CPython's layouts that this workspace reads or writes.
fn layouts(out: &Path) -> Result<(), Box<dyn Error>> {
    let include = build_support::python_include()?;
    let prefix = build_support::llvm_prefix();
    let prefix = prefix.display();
    if env::var_os("LIBCLANG_PATH").is_none() {
        // SAFETY: a build script is single-threaded here.
        unsafe { env::set_var("LIBCLANG_PATH", format!("{prefix}/lib")) };
    }
    bindgen::Builder::default()
        .header_contents("python.h", "#include <Python.h>\n")
        .clang_arg(format!("-I{include}"))
        .clang_args(["-resource-dir", &format!("{prefix}/lib/clang/22")])
        .allowlist_type("PyModuleDef")
        .allowlist_type("PyModuleDef_Slot")
        .allowlist_var("Py_mod_(create|exec)")
        .allowlist_var("PY_(MAJOR|MINOR)_VERSION")
        .allowlist_type("Py(List|Dict|Set|BaseException|Tuple|Long|Float|Complex)Object")
        .allowlist_type("Py(Bytes|ByteArray|Unicode|Slice|HeapType)?Object")
        .allowlist_type("PyTypeObject")
        .opaque_type("_typeobject")
        .layout_tests(true)
        .derive_default(false)
        .generate()?
        .write_to_file(out.join("layouts.rs"))?;
    Ok(())
}

fn crt(out: &Path) -> Result<(), Box<dyn Error>> {
    let objects = cc::Build::new()
        .file("crt/shared.c")
        .pic(true)
        .opt_level(2)
        .debug(false)
        .flag("-fno-stack-protector")
        .flag("-fno-asynchronous-unwind-tables")
        .try_compile_intermediates()?;
    match objects.as_slice() {
        [object] => fs::copy(object, out.join("crt_shared.o"))?,
        other => return Err(format!("expected one object file, not {}", other.len()).into()),
    };
    Ok(())
}
