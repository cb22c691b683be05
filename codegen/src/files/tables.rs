//! Tables of addresses (of methods, parameters, slots), packed: an address takes 4 bytes rather than
//! 8, and what is zero nothing.

use frontend_bridge::recovery;
use inkwell::llvm_sys::prelude::LLVMModuleRef;
use inkwell::module::{Linkage, Module};

use crate::CodegenError;

unsafe extern "C" {
    fn cyl_pack_tables(from: LLVMModuleRef) -> u32;
}

/// Whether nothing but its init function can be seen, or called, from outside.
pub(super) fn is_closed(module: &Module<'_>) -> bool {
    let open = |linkage: Linkage, name: &std::ffi::CStr| {
        !matches!(
            linkage,
            Linkage::Private | Linkage::Internal | Linkage::AvailableExternally
        ) && !name.to_bytes().starts_with(b"PyInit_")
    };
    module.get_global("llvm.global_ctors").is_none()
        && !module
            .get_functions()
            .any(|one| one.count_basic_blocks() != 0 && open(one.get_linkage(), one.get_name()))
        && !module.get_globals().any(|one| {
            !one.is_declaration()
                && !one.get_name().to_bytes().starts_with(b"llvm.")
                && open(one.get_linkage(), one.get_name())
        })
}

/// Packs the tables; how many there are.
pub fn pack_tables(module: &Module<'_>) -> Result<u32, CodegenError> {
    // SAFETY: the module outlives the call.
    Ok(recovery::run(|| unsafe {
        cyl_pack_tables(module.as_mut_ptr())
    })?)
}
