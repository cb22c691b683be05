//! One run of lld's ELF driver over objects in memory and files on disk.

use std::ffi::{CString, c_char, c_int, c_void};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use frontend_bridge::{Diagnostic, recovery};

use super::messages;
use crate::CodegenError;

#[repr(C)]
struct RawResult {
    code: c_int,
    can_run_again: c_int,
}

unsafe extern "C" {
    fn cyl_lld_elf(
        args: *const *const c_char,
        num_args: usize,
        user: *mut c_void,
        output: extern "C" fn(*mut c_void, *const c_char, usize),
    ) -> RawResult;
}

/// lld keeps global state while it runs.
static LLD: Mutex<()> = Mutex::new(());
static POISONED: AtomicBool = AtomicBool::new(false);

/// Links a shared library, or a program where `-pie` is among the arguments.
///
/// `args` are ld's own (`-o`, `-L`, `-l`, `--as-needed`, paths of further inputs); `objects` are
/// ELF objects as bytes and come before them, the start-up object first.  Returns lld's warnings.
pub fn link_shared(args: &[String], objects: &[&[u8]]) -> Result<Vec<Diagnostic>, CodegenError> {
    let guard = LLD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if POISONED.load(Ordering::Relaxed) {
        return Err(CodegenError::LinkerPoisoned);
    }
    if let Some(index) = objects
        .iter()
        .position(|object| !object.starts_with(b"\x7fELF"))
    {
        return Err(CodegenError::Linker {
            message: format!("input {} is not an ELF object", index + 1),
            diagnostics: vec![],
        });
    }
    let mut files = vec![memory_file("crt.o", runtime_abi::CRT_SHARED)?];
    for (index, object) in objects.iter().enumerate() {
        files.push(memory_file(&format!("module{index}.o"), object)?);
    }
    let mut words = vec!["ld.lld".to_owned()];
    // A program (`cython --embed`) says so itself.
    if !args.iter().any(|arg| arg == "-pie") {
        words.push("-shared".to_owned());
    }
    let mut paths = files
        .iter()
        .map(|file| format!("/proc/self/fd/{}", file.as_raw_fd()));
    // The start-up code is there for those that refer to it.
    words.push("--start-lib".to_owned());
    words.extend(paths.next());
    words.push("--end-lib".to_owned());
    words.extend(paths);
    words.extend(args.iter().cloned());
    let words: Vec<CString> = words
        .into_iter()
        .map(|word| CString::new(word).map_err(|_| bad_argument()))
        .collect::<Result<_, _>>()?;
    let pointers: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
    let mut output = Vec::<u8>::new();
    let result = recovery::run(|| {
        // SAFETY: the arguments outlive the call, `output` is touched only by the callback, and
        // the lock keeps other runs out.
        unsafe {
            cyl_lld_elf(
                pointers.as_ptr(),
                pointers.len(),
                std::ptr::from_mut(&mut output).cast::<c_void>(),
                on_output,
            )
        }
    })
    .inspect_err(|_| POISONED.store(true, Ordering::Relaxed))?;
    if result.can_run_again == 0 {
        POISONED.store(true, Ordering::Relaxed);
    }
    drop(guard);
    let diagnostics = messages::parse(&String::from_utf8_lossy(&output));
    if result.code == 0 {
        return Ok(diagnostics);
    }
    let message = diagnostics
        .iter()
        .find(|diagnostic| diagnostic.is_error())
        .map_or_else(
            || "the linker failed without a message".to_owned(),
            |d| d.message.clone(),
        );
    Err(CodegenError::Linker {
        message,
        diagnostics,
    })
}

fn bad_argument() -> CodegenError {
    CodegenError::Linker {
        message: "a linker argument holds a NUL byte".to_owned(),
        diagnostics: vec![],
    }
}

/// lld reads files only; this one never touches a disk.
fn memory_file(name: &str, contents: &[u8]) -> Result<File, CodegenError> {
    let name = CString::new(name).map_err(|_| bad_argument())?;
    // SAFETY: a NUL-terminated name; the descriptor returned is ours alone.
    let mut file = unsafe {
        let descriptor = libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC);
        if descriptor < 0 {
            return Err(CodegenError::MemoryFile(std::io::Error::last_os_error()));
        }
        File::from_raw_fd(descriptor)
    };
    file.write_all(contents).map_err(CodegenError::MemoryFile)?;
    Ok(file)
}

extern "C" fn on_output(user: *mut c_void, text: *const c_char, length: usize) {
    if length == 0 {
        return;
    }
    // SAFETY: `user` is the vector of `link_shared`, and the text lives until we return.
    unsafe {
        let output = &mut *user.cast::<Vec<u8>>();
        output.extend_from_slice(std::slice::from_raw_parts(text.cast::<u8>(), length));
    }
}
