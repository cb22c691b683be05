//! One module's code in this process.

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::Mutex;

use frontend_bridge::recovery;

use crate::JitError;
use crate::ffi::{self, RawLibrary, Text};
use crate::memory::Range;
use crate::session::session;

/// Code loaded by [`Library::load_objects`].
///
/// Dropping a `Library` keeps its code: Python types, function objects and method tables may point
/// into it for as long as the process lives.  Code that nothing can have seen is freed by
/// [`Library::free`].
pub struct Library {
    raw: *mut RawLibrary,
    name: String,
}

// SAFETY: the JITDylib behind the pointer is owned by the session, which locks it.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

static LOADING: Mutex<()> = Mutex::new(());

impl Library {
    /// [`Library::load_objects`] for one object.
    pub fn load_object(
        object: &[u8],
        name: &str,
        libraries: &[String],
        builtins: Option<&str>,
    ) -> Result<Self, JitError> {
        Self::load_objects(&[object], name, libraries, builtins)
    }

    /// Adds ELF objects to the session as one library, under a name that shows in the debugger.
    ///
    /// A weak symbol is that of the first object that has it.  Symbols come from the process, then from `libraries` (paths or sonames, opened here), then
    /// from `builtins`, an archive of compiler builtins.  Nothing is resolved before the first
    /// [`Library::address`].
    pub fn load_objects(
        objects: &[&[u8]],
        name: &str,
        libraries: &[String],
        builtins: Option<&str>,
    ) -> Result<Self, JitError> {
        let session = session()?;
        let c_name = c_string(name)?;
        let names: Vec<CString> = libraries
            .iter()
            .map(|library| c_string(library))
            .collect::<Result<_, _>>()?;
        let starts: Vec<*const u8> = objects.iter().map(|object| object.as_ptr()).collect();
        let lengths: Vec<usize> = objects.iter().map(|object| object.len()).collect();
        let pointers: Vec<*const c_char> = names.iter().map(|library| library.as_ptr()).collect();
        let builtins = c_string(builtins.unwrap_or_default())?;
        let mut raw = std::ptr::null_mut();
        let mut text = Text::default();
        let guard = LOADING
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let code = recovery::run(|| {
            // SAFETY: every pointer outlives the call; the session is live for good.
            unsafe {
                ffi::cyl_jit_add(
                    session.raw(),
                    starts.as_ptr(),
                    lengths.as_ptr(),
                    starts.len(),
                    c_name.as_ptr(),
                    pointers.as_ptr(),
                    pointers.len(),
                    builtins.as_ptr(),
                    &mut raw,
                    text.user(),
                    ffi::on_output,
                )
            }
        })?;
        drop(guard);
        match code {
            0 => Ok(Self {
                raw,
                name: name.to_owned(),
            }),
            2 => Err(JitError::Unsupported(text.into_string())),
            _ => Err(load_error(text.into_string(), libraries)),
        }
    }

    /// The name given at loading.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Address of a symbol; the first call links the code.
    pub fn address(&self, symbol: &str) -> Result<u64, JitError> {
        let session = session()?;
        let symbol = c_string(symbol)?;
        let mut address = 0;
        let mut text = Text::default();
        // One lookup at a time: the session's reports must be those of this one.
        let _guard = LOADING
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let code = recovery::run(|| {
            // SAFETY: `self.raw` is a JITDylib of this session that has not been freed (`free`
            // takes self by value).
            unsafe {
                ffi::cyl_jit_lookup(
                    session.raw(),
                    self.raw,
                    symbol.as_ptr(),
                    &mut address,
                    text.user(),
                    ffi::on_output,
                )
            }
        })?;
        if code == 0 {
            Ok(address)
        } else {
            Err(JitError::from_orc(text.into_string()))
        }
    }

    /// Where the code and its data lie; empty before the first [`Library::address`].
    pub fn ranges(&self) -> Result<Vec<Range>, JitError> {
        extern "C" fn each(user: *mut c_void, start: u64, size: u64, writable: c_int) {
            // SAFETY: `user` is the vector below.
            unsafe {
                (*user.cast::<Vec<Range>>()).push(Range {
                    start,
                    size,
                    writable: writable != 0,
                });
            }
        }
        let session = session()?;
        let mut found: Vec<Range> = Vec::new();
        // SAFETY: the library has not been freed; `found` outlives the call.
        unsafe {
            ffi::cyl_jit_ranges(
                session.raw(),
                self.raw,
                (&raw mut found).cast::<c_void>(),
                each,
            );
        }
        Ok(found)
    }

    /// Frees the code.
    ///
    /// # Safety
    /// Nothing may hold an address inside it any more, and no thread may be running it.
    pub unsafe fn free(self) -> Result<(), JitError> {
        let session = session()?;
        let mut text = Text::default();
        let _guard = LOADING
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let code = recovery::run(|| {
            // SAFETY: as in `address`; the caller vouches that the code is unreachable.
            unsafe { ffi::cyl_jit_remove(session.raw(), self.raw, text.user(), ffi::on_output) }
        })?;
        if code == 0 {
            Ok(())
        } else {
            Err(JitError::Free(text.into_string()))
        }
    }
}

fn c_string(text: &str) -> Result<CString, JitError> {
    CString::new(text).map_err(|_| JitError::BadName)
}

/// Says which library it was, where dlopen's text names one.
fn load_error(text: String, libraries: &[String]) -> JitError {
    match libraries
        .iter()
        .find(|library| text.contains(library.as_str()))
    {
        Some(path) => JitError::Library {
            path: path.clone(),
            reason: text,
        },
        None => JitError::from_orc(text),
    }
}
