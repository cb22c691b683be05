//! Everything that depends on CPython's version or on the C runtime's conventions.
//!
//! [`layouts`] is generated from the headers of the interpreter that this build is for; another
//! version of Python is one more build.  [`CRT_SHARED`] is linked into every shared library that
//! `codegen::link` writes.  This crate calls nothing.

/// CPython's structs and constants, by bindgen.
#[allow(
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    dead_code,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    unsafe_op_in_unsafe_fn
)]
pub mod layouts {
    include!(concat!(env!("OUT_DIR"), "/layouts.rs"));
}

/// An ELF object with what `crtbeginS.o` and `libc_nonshared.a` usually bring.
pub static CRT_SHARED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/crt_shared.o"));

pub mod slots;
pub mod structs;
