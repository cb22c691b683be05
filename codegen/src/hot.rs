//! Bodies of the run-time library's small functions, brought into the modules that call them.
//!
//! The library is built with a second form of what callers had better inline: bitcode, from which a
//! module takes the bodies of what it declares.  They are inlined or dropped; the library has them
//! anyway.

use std::ffi::{CStr, CString, c_char, c_void};

use frontend_bridge::recovery;
use inkwell::llvm_sys::prelude::{LLVMMemoryBufferRef, LLVMModuleRef};
use inkwell::memory_buffer::MemoryBuffer;
use inkwell::module::Module;

use crate::CodegenError;

unsafe extern "C" {
    fn cyl_extract_hot(
        from: LLVMModuleRef,
        names: *const *const c_char,
        count: usize,
        refused: extern "C" fn(*mut c_void, *const c_char),
        user: *mut c_void,
    ) -> LLVMMemoryBufferRef;
    fn cyl_link_hot(into: LLVMModuleRef, data: *const c_char, size: usize) -> bool;
}

extern "C" fn on_refused(user: *mut c_void, name: *const c_char) {
    // SAFETY: `user` is the vector of the call below, `name` a string of its.
    let (list, name) = unsafe { (&mut *user.cast::<Vec<String>>(), CStr::from_ptr(name)) };
    list.push(name.to_string_lossy().into_owned());
}

/// Bitcode of the functions with these names, and the names of those that are not there or refer to
/// the module's own state.
pub fn extract(
    module: &Module<'_>,
    names: &[String],
) -> Result<(Vec<u8>, Vec<String>), CodegenError> {
    Ok(recovery::run(|| {
        let names: Vec<CString> = names
            .iter()
            .filter_map(|name| CString::new(name.as_str()).ok())
            .collect();
        let pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        let mut refused: Vec<String> = Vec::new();
        // SAFETY: the module, the names and the list outlive the call; the buffer is ours.
        let buffer = unsafe {
            MemoryBuffer::new(cyl_extract_hot(
                module.as_mut_ptr(),
                pointers.as_ptr(),
                pointers.len(),
                on_refused,
                (&raw mut refused).cast(),
            ))
        };
        let bytes = buffer.as_slice();
        (bytes.to_vec(), refused)
    })?)
}

/// Brings the bodies in for what the module declares.
pub fn link(module: &Module<'_>, bitcode: &[u8]) -> Result<(), CodegenError> {
    let done = recovery::run(|| {
        // SAFETY: both outlive the call, which reads the bytes only.
        unsafe { cyl_link_hot(module.as_mut_ptr(), bitcode.as_ptr().cast(), bitcode.len()) }
    })?;
    if done {
        Ok(())
    } else {
        Err(CodegenError::Optimizer(
            "the run-time library's bitcode cannot be read".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use crate::OwnedModule;

    const LIBRARY: &str = r#"
@state = internal global i64 0
@text = private unnamed_addr constant [3 x i8] c"ab\00"
declare void @far(ptr)
define internal void @helper() {
  call void @far(ptr @text)
  ret void
}
define i64 @small(i64 %a) {
  %b = add i64 %a, 41
  %rare = icmp eq i64 %b, 0
  br i1 %rare, label %cold, label %out
cold:
  call void @helper()
  br label %out
out:
  ret i64 %b
}
define i64 @stateful() {
  %a = load i64, ptr @state
  ret i64 %a
}
"#;

    #[test]
    fn bodies_are_inlined_and_dropped() {
        let mut library = OwnedModule::from_text(LIBRARY, "library").expect("text");
        let names = ["small", "stateful", "absent"].map(str::to_owned);
        let (bitcode, refused) = library.extract_hot(&names).expect("bitcode");
        assert_eq!(refused, ["stateful", "absent"]);
        let caller = "declare i64 @small(i64)\ndefine i64 @user() {\n %a = call i64 @small(i64 1)\n ret i64 %a\n}\n";
        let mut module = OwnedModule::from_text(caller, "caller").expect("text");
        module.link_hot(&bitcode).expect("linked");
        module.optimize(2).expect("optimised");
        let text = module.text().expect("text");
        assert!(text.contains("ret i64 42"), "{text}");
        assert_eq!(module.symbols().defined, ["user"]);
    }

    #[test]
    fn small_integers_do_not_keep_a_call() {
        let library = "define signext i8 @low(ptr %p, i8 signext %a, i16 zeroext %b) {\n %c = trunc i16 %b to i8\n \
                       %d = add i8 %a, %c\n ret i8 %d\n}\n";
        let mut library = OwnedModule::from_text(library, "library").expect("text");
        let (bitcode, _) = library.extract_hot(&["low".to_owned()]).expect("bitcode");
        let caller = "declare i32 @low(ptr, i32, i32)\ndefine i32 @user() {\n \
                      %a = call i32 @low(ptr null, i32 -3, i32 65535)\n ret i32 %a\n}\n";
        let mut module = OwnedModule::from_text(caller, "caller").expect("text");
        module.link_hot(&bitcode).expect("linked");
        module.optimize(2).expect("optimised");
        let text = module.text().expect("text");
        assert!(text.contains("ret i32 -4"), "{text}");
    }

    #[test]
    fn what_nobody_calls_stays_out() {
        let mut library = OwnedModule::from_text(LIBRARY, "library").expect("text");
        let (bitcode, _) = library.extract_hot(&["small".to_owned()]).expect("bitcode");
        let mut module =
            OwnedModule::from_text("define void @f() { ret void }", "other").expect("text");
        module.link_hot(&bitcode).expect("linked");
        assert!(!module.text().expect("text").contains("small"));
        assert!(module.link_hot(b"not bitcode").is_err());
    }
}
