//! C functions whose address others hold go on at another address.
//!
//! `codegen::live` leaves 14 bytes before such a function and makes its first instruction one of two
//! bytes that does nothing.  The 14 bytes become a jump to the new place, the two bytes a jump to
//! that one: both are single stores, so that a thread that runs the function meanwhile runs the one
//! or the other.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::JitError;

const ROOM: u64 = 14;
/// `jmp *0(%rip)`; the address follows.
const JUMP: [u8; 6] = [0xff, 0x25, 0, 0, 0, 0];
/// `xchg %ax,%ax`
const UNTOUCHED: u16 = u16::from_le_bytes([0x66, 0x90]);
/// `jmp .-14`, from the entry to the room before it.
const BACK: u16 = u16::from_le_bytes([0xeb, 0xf0]);
const NOP: u8 = 0x90;

static PATCHING: Mutex<()> = Mutex::new(());

/// Whether the function at `address` was compiled so that it can be redirected.
///
/// # Safety
/// `address` must be that of a function in live code, not the first of its mapping.
pub unsafe fn redirectable(address: u64) -> bool {
    if !address.is_multiple_of(2) {
        return false;
    }
    // SAFETY: the caller vouches for the entry and what lies before it.
    unsafe {
        let entry = AtomicU16::from_ptr(address as *mut u16).load(Ordering::Relaxed);
        let room = std::slice::from_raw_parts((address - ROOM) as *const u8, ROOM as usize);
        match entry {
            UNTOUCHED => room.iter().all(|byte| *byte == NOP),
            BACK => room.starts_with(&JUMP),
            _ => false,
        }
    }
}

/// Makes calls of the function at `from` run the one at `to`.
///
/// # Safety
/// Both must be functions of one signature, in code that stays.
pub unsafe fn redirect(from: u64, to: u64) -> Result<(), JitError> {
    // SAFETY: the caller vouches for `from`.
    if !unsafe { redirectable(from) } {
        return Err(JitError::Redirect(
            "it was compiled without room for a jump".to_owned(),
        ));
    }
    let _guard = PATCHING
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    protect(from, libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC)?;
    // SAFETY: just made writable; the slot and the entry each lie in one aligned 16 bytes, so that
    // each store is seen whole.
    unsafe {
        std::ptr::write_volatile((from - 8) as *mut Unaligned, Unaligned(to));
        let entry = AtomicU16::from_ptr(from as *mut u16);
        if entry.load(Ordering::Relaxed) == UNTOUCHED {
            std::ptr::copy_nonoverlapping(JUMP.as_ptr(), (from - ROOM) as *mut u8, JUMP.len());
            entry.store(BACK, Ordering::SeqCst);
        }
    }
    protect(from, libc::PROT_READ | libc::PROT_EXEC)
}

#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Unaligned(u64);

fn protect(address: u64, access: i32) -> Result<(), JitError> {
    const PAGE: u64 = 4096;
    let start = (address - ROOM) & !(PAGE - 1);
    let end = (address + 2).next_multiple_of(PAGE);
    // SAFETY: these pages hold the function's entry, and stay executable throughout.
    let failed =
        unsafe { libc::mprotect(start as *mut libc::c_void, (end - start) as usize, access) } != 0;
    if failed {
        return Err(JitError::Redirect(
            std::io::Error::last_os_error().to_string(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages with two functions that return 1 and 2, the first with room before it.
    fn code() -> (u64, u64) {
        // SAFETY: fresh anonymous memory of a page.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                4096,
                libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(page, libc::MAP_FAILED);
        let mut bytes = vec![NOP; 14];
        bytes.extend([0x66, 0x90, 0xb8, 1, 0, 0, 0, 0xc3]); // mov $1, %eax; ret
        bytes.resize(32, 0xcc);
        bytes.extend([0xb8, 2, 0, 0, 0, 0xc3]);
        // SAFETY: fits into the page.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), page.cast::<u8>(), bytes.len()) };
        (page as u64 + 14, page as u64 + 32)
    }

    fn call(address: u64) -> i32 {
        // SAFETY: one of the functions above.
        unsafe { std::mem::transmute::<usize, extern "C" fn() -> i32>(address as usize)() }
    }

    #[test]
    fn a_function_is_redirected_again_and_again() {
        let ((first, second), (_, third)) = (code(), code());
        assert_eq!(call(first), 1);
        for target in [second, third, second] {
            // SAFETY: three functions of one signature.
            unsafe { redirect(first, target) }.expect("redirected");
            assert_eq!(call(first), 2);
        }
    }

    #[test]
    fn other_code_is_left_alone() {
        let (_, plain) = code();
        // SAFETY: code that stays.
        assert!(unsafe { redirect(plain, plain) }.is_err());
        assert_eq!(call(plain), 2);
    }
}
