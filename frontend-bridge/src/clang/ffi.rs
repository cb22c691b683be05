//! The C ABI of `shim/shim.h`, declared once.

use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomData;

use inkwell::llvm_sys::prelude::{LLVMContextRef, LLVMModuleRef};

/// A borrowed byte string.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str<'a> {
    data: *const u8,
    len: usize,
    borrow: PhantomData<&'a [u8]>,
}

impl<'a> Str<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            data: bytes.as_ptr(),
            len: bytes.len(),
            borrow: PhantomData,
        }
    }

    /// # Safety
    /// `data` and `len` must still name the bytes that the shim passed in.
    pub unsafe fn to_text(self) -> String {
        if self.data.is_null() || self.len == 0 {
            return String::new();
        }
        // SAFETY: the caller vouches for the range.
        let bytes = unsafe { std::slice::from_raw_parts(self.data, self.len) };
        String::from_utf8_lossy(bytes).into_owned()
    }
}

#[repr(C)]
pub struct RawDiagnostic<'a> {
    pub severity: u32,
    pub message: Str<'a>,
    pub file: Str<'a>,
    pub line: u32,
    pub column: u32,
    pub source_line: Str<'a>,
    pub option: Str<'a>,
}

#[repr(C)]
pub struct VirtualFile<'a> {
    pub path: Str<'a>,
    pub contents: Str<'a>,
}

#[repr(C)]
pub struct RawRequest<'a> {
    pub source: Str<'a>,
    pub filename: Str<'a>,
    pub args: *const Str<'a>,
    pub num_args: usize,
    pub virtual_files: *const VirtualFile<'a>,
    pub num_virtual_files: usize,
    pub pch: Str<'a>,
    pub pch_output: Str<'a>,
}

#[repr(C)]
pub struct Callbacks {
    pub user: *mut c_void,
    pub diagnostic: extern "C" fn(*mut c_void, *const RawDiagnostic<'_>),
    pub dependency: extern "C" fn(*mut c_void, Str<'_>),
}

unsafe extern "C" {
    pub fn cyl_clang_run(
        request: *const RawRequest<'_>,
        callbacks: *const Callbacks,
        context: LLVMContextRef,
        module: *mut LLVMModuleRef,
    ) -> c_int;
    pub fn cyl_clang_version() -> *const c_char;
}
