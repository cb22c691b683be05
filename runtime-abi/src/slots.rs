//! The slots of a multi-phase module definition (PEP 489).

use std::ffi::{c_int, c_void};

use crate::layouts::{Py_mod_exec, PyModuleDef};

/// A `Py_mod_exec` function: takes the module (a borrowed `PyObject *`), returns 0, or -1 with an
/// exception set.
pub type ExecSlot = unsafe extern "C" fn(module: *mut c_void) -> c_int;

/// The definition's `Py_mod_exec` functions, in order.
///
/// # Safety
/// `def` must point at a live module definition whose slot array, where there is one, ends with a
/// zero entry.
pub unsafe fn exec_slots(def: *const PyModuleDef) -> Vec<ExecSlot> {
    let mut found = Vec::new();
    // SAFETY: the caller vouches for `def`.
    let mut slot = unsafe { (*def).m_slots };
    while !slot.is_null() {
        // SAFETY: the array ends with a zero entry, which stops the walk.
        let entry = unsafe { *slot };
        if entry.slot == 0 {
            break;
        }
        if entry.slot == Py_mod_exec as c_int && !entry.value.is_null() {
            // SAFETY: PEP 489 gives this slot's value exactly this signature.
            found.push(unsafe { std::mem::transmute::<*mut c_void, ExecSlot>(entry.value) });
        }
        // SAFETY: not yet at the end.
        slot = unsafe { slot.add(1) };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layouts::PyModuleDef_Slot;

    unsafe extern "C" fn first(_: *mut c_void) -> c_int {
        1
    }
    unsafe extern "C" fn second(_: *mut c_void) -> c_int {
        2
    }

    #[test]
    fn exec_slots_come_in_order_and_others_are_left_out() {
        let slot = |slot: c_int, value: *mut c_void| PyModuleDef_Slot { slot, value };
        let mut slots = [
            slot(crate::layouts::Py_mod_create as c_int, first as *mut c_void),
            slot(Py_mod_exec as c_int, first as *mut c_void),
            slot(Py_mod_exec as c_int, second as *mut c_void),
            slot(0, std::ptr::null_mut()),
            slot(Py_mod_exec as c_int, first as *mut c_void),
        ];
        // SAFETY: all-zero is a valid PyModuleDef: integers and nullable pointers.
        let mut def: PyModuleDef = unsafe { std::mem::zeroed() };
        def.m_slots = slots.as_mut_ptr();
        // SAFETY: `def` and `slots` live on, and the array ends with a zero entry.
        let found = unsafe { exec_slots(&def) };
        // SAFETY: these are the two functions above.
        let results: Vec<c_int> = found
            .iter()
            .map(|exec| unsafe { exec(std::ptr::null_mut()) })
            .collect();
        assert_eq!(results, [1, 2]);
    }

    #[test]
    fn a_definition_without_slots_has_none() {
        // SAFETY: as above.
        let def: PyModuleDef = unsafe { std::mem::zeroed() };
        // SAFETY: `def` lives on.
        assert!(unsafe { exec_slots(&def) }.is_empty());
    }
}
