//! The process's one LLJIT, made on first use and never torn down: code of loaded modules may run
//! until the very end of the process.

use std::sync::OnceLock;

use crate::JitError;
use crate::ffi::{self, RawSession, Text};

pub struct Session(*mut RawSession);

// SAFETY: ORC sessions are safe to use from many threads; adding to the name counter is the shim's
// only state of its own, and `Library::load_object` serialises that.
unsafe impl Send for Session {}
// SAFETY: as above.
unsafe impl Sync for Session {}

impl Session {
    pub fn raw(&self) -> *mut RawSession {
        self.0
    }
}

/// The session; a failed start is remembered and reported each time.
pub fn session() -> Result<&'static Session, JitError> {
    static SESSION: OnceLock<Result<Session, String>> = OnceLock::new();
    let made = SESSION.get_or_init(|| {
        let mut text = Text::default();
        let raw = frontend_bridge::recovery::run(|| {
            // SAFETY: `text` outlives the call.
            Pointer(unsafe { ffi::cyl_jit_create(text.user(), ffi::on_output) })
        })
        .map_err(|crash| crash.0)?
        .0;
        if raw.is_null() {
            Err(text.into_string())
        } else {
            Ok(Session(raw))
        }
    });
    made.as_ref()
        .map_err(|reason| JitError::Start(reason.clone()))
}

struct Pointer(*mut RawSession);
