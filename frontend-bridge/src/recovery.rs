//! LLVM code run so that its crashes and fatal errors become values (DESIGN, decision 6).

use std::any::Any;
use std::ffi::{c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

unsafe extern "C" {
    fn cyl_run_recovered(
        body: extern "C" fn(*mut c_void),
        data: *mut c_void,
        message: *mut c_char,
        capacity: usize,
        length: *mut usize,
    ) -> c_int;
}

/// LLVM, clang or lld failed inside.  What the failed run had allocated is leaked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Crash(pub String);

struct Job<F, R> {
    body: Option<F>,
    result: Option<Result<R, Box<dyn Any + Send>>>,
}

/// Runs `body` on a thread with a large stack, under a crash-recovery context.
///
/// A Rust panic in `body` goes on in the caller; a signal or `report_fatal_error` becomes a
/// [`Crash`].
pub fn run<F: FnOnce() -> R, R>(body: F) -> Result<R, Crash> {
    let mut job = Job {
        body: Some(body),
        result: None,
    };
    let mut message = vec![0u8; 4096];
    let mut length = 0;
    // SAFETY: `job` and `message` outlive the call, which runs `trampoline` at most once and joins
    // its thread before it returns.
    let finished = unsafe {
        cyl_run_recovered(
            trampoline::<F, R>,
            std::ptr::from_mut(&mut job).cast::<c_void>(),
            message.as_mut_ptr().cast::<c_char>(),
            message.len(),
            &mut length,
        )
    };
    match job.result {
        Some(Ok(result)) if finished != 0 => Ok(result),
        Some(Err(panic)) => resume_unwind(panic),
        _ => {
            message.truncate(length);
            Err(Crash(String::from_utf8_lossy(&message).into_owned()))
        }
    }
}

extern "C" fn trampoline<F: FnOnce() -> R, R>(data: *mut c_void) {
    // SAFETY: `data` is the job that `run` owns and waits on.
    let job = unsafe { &mut *data.cast::<Job<F, R>>() };
    if let Some(body) = job.body.take() {
        job.result = Some(catch_unwind(AssertUnwindSafe(body)));
    }
}
