//! The C route end to end, below Python: text to module, object, shared library, running code.
//!
//! One binary, since each one links all of LLVM.

mod clang;
mod emit;
mod jit;
mod link;

use codegen::OwnedModule;
use frontend_bridge::clang::{ClangError, Language, Outcome, Request};

/// Flags that need no header on the machine.
pub fn freestanding() -> Vec<String> {
    [
        "--target=x86_64-unknown-linux-gnu",
        "-nostdinc",
        "-fPIC",
        "-O2",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Compiles C text named `/virtual/test.c` with the flags above.
pub fn compile_c(source: &str) -> Result<(OwnedModule, Outcome), ClangError> {
    compile_with(source, Language::C, &[])
}

pub fn compile_with(
    source: &str,
    language: Language,
    extra: &[&str],
) -> Result<(OwnedModule, Outcome), ClangError> {
    let mut args = freestanding();
    args.extend(extra.iter().map(|arg| (*arg).to_owned()));
    OwnedModule::compile(&Request {
        source: source.as_bytes(),
        filename: "/virtual/test.c",
        language,
        args: &args,
        ..Request::default()
    })
}

/// Optimised object code of C text that compiles.
pub fn object(source: &str) -> Vec<u8> {
    let (mut module, _) = compile_c(source).expect("the test's C compiles");
    module.optimize(2).expect("it optimises");
    module.object().expect("it has an object file")
}
