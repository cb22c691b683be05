//! An LLVM context whose messages are kept instead of printed.
//!
//! LLVM's default handler prints errors and ends the process.

use std::ffi::{CStr, c_void};
use std::sync::{Arc, Mutex};

use frontend_bridge::{Diagnostic, Severity};
use inkwell::context::{AsContextRef, Context};
use inkwell::llvm_sys::LLVMDiagnosticSeverity;
use inkwell::llvm_sys::core::{
    LLVMContextSetDiagnosticHandler, LLVMDisposeMessage, LLVMGetDiagInfoDescription,
    LLVMGetDiagInfoSeverity,
};
use inkwell::llvm_sys::prelude::LLVMDiagnosticInfoRef;

/// The messages of one context, shared with its handler.
#[derive(Debug, Default)]
pub struct Messages(Arc<Mutex<Vec<Diagnostic>>>);

impl Messages {
    /// Takes what has come in since the last call.
    pub fn take(&self) -> Vec<Diagnostic> {
        match self.0.lock() {
            Ok(mut list) => std::mem::take(&mut list),
            Err(poisoned) => std::mem::take(&mut poisoned.into_inner()),
        }
    }
}

/// A context, and what it has said.
#[derive(Debug)]
pub struct Listened {
    // Before the list, which its handler refers to.
    context: Box<Context>,
    messages: Messages,
}

impl Listened {
    pub fn create() -> Self {
        let context = Box::new(Context::create());
        let messages = Messages::default();
        let user: *const Mutex<Vec<Diagnostic>> = Arc::as_ptr(&messages.0);
        // SAFETY: the list is dropped after the context (field order).
        unsafe {
            LLVMContextSetDiagnosticHandler(
                context.as_ref().as_ctx_ref(),
                Some(on_message),
                user.cast_mut().cast::<c_void>(),
            );
        }
        Listened { context, messages }
    }

    pub fn context(&self) -> &Context {
        &self.context
    }

    pub fn messages(&self) -> &Messages {
        &self.messages
    }
}

extern "C" fn on_message(info: LLVMDiagnosticInfoRef, user: *mut c_void) {
    // SAFETY: LLVM passes a live diagnostic; the description is ours to free.
    let (severity, message) = unsafe {
        let text = LLVMGetDiagInfoDescription(info);
        let message = CStr::from_ptr(text).to_string_lossy().into_owned();
        LLVMDisposeMessage(text);
        (LLVMGetDiagInfoSeverity(info), message)
    };
    let severity = match severity {
        LLVMDiagnosticSeverity::LLVMDSError => Severity::Error,
        LLVMDiagnosticSeverity::LLVMDSWarning => Severity::Warning,
        LLVMDiagnosticSeverity::LLVMDSNote => Severity::Note,
        LLVMDiagnosticSeverity::LLVMDSRemark => Severity::Remark,
    };
    // SAFETY: `user` is the list of a `Listened` whose context speaks here.
    let list = unsafe { &*user.cast::<Mutex<Vec<Diagnostic>>>() };
    if let Ok(mut list) = list.lock() {
        list.push(Diagnostic::plain(severity, message));
    }
}
