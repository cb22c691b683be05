//! The C ABI of `shim/jit.cpp`, declared once.

use std::ffi::{c_char, c_int, c_void};

#[repr(C)]
pub struct RawSession {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct RawLibrary {
    _opaque: [u8; 0],
}

pub type Output = extern "C" fn(*mut c_void, *const c_char, usize);

unsafe extern "C" {
    pub fn cyl_jit_create(user: *mut c_void, output: Output) -> *mut RawSession;
    pub fn cyl_jit_add(
        session: *mut RawSession,
        objects: *const *const u8,
        lengths: *const usize,
        count: usize,
        name: *const c_char,
        libraries: *const *const c_char,
        num_libraries: usize,
        builtins: *const c_char,
        library: *mut *mut RawLibrary,
        user: *mut c_void,
        output: Output,
    ) -> c_int;
    pub fn cyl_jit_lookup(
        session: *mut RawSession,
        library: *mut RawLibrary,
        symbol: *const c_char,
        address: *mut u64,
        user: *mut c_void,
        output: Output,
    ) -> c_int;
    pub fn cyl_jit_ranges(
        session: *mut RawSession,
        library: *mut RawLibrary,
        user: *mut c_void,
        each: extern "C" fn(*mut c_void, u64, u64, c_int),
    );
    pub fn cyl_jit_remove(
        session: *mut RawSession,
        library: *mut RawLibrary,
        user: *mut c_void,
        output: Output,
    ) -> c_int;
}

/// The text that a call of the shim gave back.
#[derive(Default)]
pub struct Text(Vec<u8>);

impl Text {
    pub fn user(&mut self) -> *mut c_void {
        std::ptr::from_mut(self).cast::<c_void>()
    }

    pub fn into_string(self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

pub extern "C" fn on_output(user: *mut c_void, text: *const c_char, length: usize) {
    if length == 0 {
        return;
    }
    // SAFETY: `user` is the Text that the caller passed in, and the bytes live until we return.
    unsafe {
        (*user.cast::<Text>())
            .0
            .extend_from_slice(std::slice::from_raw_parts(text.cast::<u8>(), length));
    }
}
