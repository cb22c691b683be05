//! Locks in objects: what the runtime makes and takes away with them.

use super::{Module, Type};

/// Names of the structs that are locks.
pub const MUTEX: &str = "cyl_mutex";
pub const THREAD_LOCK: &str = "cyl_thread_lock";

impl Module {
    /// How the runtime is told of a lock in an object, at an offset: none where the type is no lock.
    pub fn lock_place(&self, ty: &Type, at: u64) -> Option<u64> {
        let Type::Struct(id) = ty else {
            return None;
        };
        match self.structs[id.0 as usize].name.as_str() {
            MUTEX => Some(at * 2 + 1),
            THREAD_LOCK => Some(at * 2),
            _ => None,
        }
    }
}
