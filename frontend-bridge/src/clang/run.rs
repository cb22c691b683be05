//! One run of the shim: Rust values in, callbacks collected, a module taken over.

use std::ffi::{CStr, c_void};
use std::path::Path;

use inkwell::context::{AsContextRef, Context};
use inkwell::module::Module;

use super::ffi::{self, Callbacks, RawDiagnostic, RawRequest, Str, VirtualFile};
use super::{ClangError, Outcome, Request};
use crate::{Diagnostic, Severity};

/// Compiles, or writes a precompiled header where `pch_output` is given.
pub fn run<'ctx>(
    request: &Request<'_>,
    pch_output: Option<&Path>,
    context: Option<&'ctx Context>,
    outcome: &mut Outcome,
) -> Result<Option<Module<'ctx>>, ClangError> {
    // Clang keeps even a header's types in LLVM's terms; a throw-away context serves.
    let spare;
    let context_ref = match context {
        Some(context) => context.as_ctx_ref(),
        None => {
            spare = Context::create();
            (&spare).as_ctx_ref()
        }
    };
    let mut args = vec![b"-x".as_slice(), request.language.name().as_bytes()];
    args.extend(request.args.iter().map(|arg| arg.as_bytes()));
    let args: Vec<Str<'_>> = args.into_iter().map(Str::new).collect();
    let virtual_files: Vec<VirtualFile<'_>> = request
        .virtual_files
        .iter()
        .map(|(path, contents)| VirtualFile {
            path: Str::new(path.as_bytes()),
            contents: Str::new(contents),
        })
        .collect();
    let output = pch_output
        .map(|path| path.to_string_lossy().into_owned())
        .unwrap_or_default();
    let raw = RawRequest {
        source: Str::new(request.source),
        filename: Str::new(request.filename.as_bytes()),
        args: args.as_ptr(),
        num_args: args.len(),
        virtual_files: virtual_files.as_ptr(),
        num_virtual_files: virtual_files.len(),
        pch: Str::new(request.pch.unwrap_or_default().as_bytes()),
        pch_output: Str::new(output.as_bytes()),
    };
    let callbacks = Callbacks {
        user: std::ptr::from_mut(outcome).cast::<c_void>(),
        diagnostic: on_diagnostic,
        dependency: on_dependency,
    };
    let mut module = std::ptr::null_mut();
    // SAFETY: every pointer in `raw` and `callbacks` outlives the call; the shim calls back only
    // during it, from one thread at a time, and `outcome` is not touched here meanwhile.
    let status = unsafe { ffi::cyl_clang_run(&raw, &callbacks, context_ref, &mut module) };
    match status {
        // SAFETY: the shim hands over a module that lives in `context`, and nobody else owns it.
        0 if !module.is_null() && context.is_some() => Ok(Some(unsafe { Module::new(module) })),
        0 => Ok(None),
        2 => Err(ClangError::Crashed(std::mem::take(
            &mut outcome.diagnostics,
        ))),
        _ => Err(ClangError::Rejected(std::mem::take(
            &mut outcome.diagnostics,
        ))),
    }
}

extern "C" fn on_diagnostic(user: *mut c_void, raw: *const RawDiagnostic<'_>) {
    // SAFETY: `user` is the outcome that `run` passed in, `raw` lives until we return.
    let (outcome, raw) = unsafe { (&mut *user.cast::<Outcome>(), &*raw) };
    // SAFETY: the strings live as long as `raw`.
    let [message, file, source_line, option] =
        [raw.message, raw.file, raw.source_line, raw.option].map(|text| unsafe { text.to_text() });
    let some = |text: String| (!text.is_empty()).then_some(text);
    outcome.diagnostics.push(Diagnostic {
        severity: severity(raw.severity),
        message,
        file: some(file),
        line: raw.line,
        column: raw.column,
        source_line: some(source_line),
        option: some(option),
    });
}

extern "C" fn on_dependency(user: *mut c_void, path: Str<'_>) {
    // SAFETY: as in `on_diagnostic`.
    let (outcome, path) = unsafe { (&mut *user.cast::<Outcome>(), path.to_text()) };
    outcome.dependencies.push(path);
}

/// `clang::DiagnosticsEngine::Level` by number.
fn severity(level: u32) -> Severity {
    match level {
        0 | 2 => Severity::Remark,
        1 => Severity::Note,
        3 => Severity::Warning,
        4 => Severity::Error,
        _ => Severity::Fatal,
    }
}

pub fn version() -> &'static str {
    // SAFETY: the shim returns a static, NUL-terminated string.
    unsafe { CStr::from_ptr(ffi::cyl_clang_version()) }
        .to_str()
        .unwrap_or("unknown")
}
