//! Calls of the interpreter's functions through their addresses, not through a table of jumps: each
//! function takes less in a file, and a call less time.  The loader finds all of them when it loads the
//! library, which for functions that any interpreter has makes no difference.

use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::module::{FlagBehavior, Module};

/// How the names of the interpreter's functions begin.
const INTERPRETER: [&[u8]; 2] = [b"Py", b"_Py"];

/// Has functions that the module declares be called directly: the interpreter's, or `all` of them.
pub fn call_directly(module: &Module<'_>, all: bool) {
    let context = module.get_context();
    let kind = Attribute::get_named_enum_kind_id("nonlazybind");
    for function in module.get_functions() {
        let name = function.get_name().to_bytes();
        if function.count_basic_blocks() == 0
            && function.get_intrinsic_id() == 0
            && (all || INTERPRETER.iter().any(|start| name.starts_with(start)))
        {
            let attribute = context.create_enum_attribute(kind, 0);
            function.add_attribute(AttributeLoc::Function, attribute);
        }
    }
    // What LLVM makes of intrinsics: memset and the like.
    let yes = context.i32_type().const_int(1, false);
    module.add_basic_value_flag("RtLibUseGOT", FlagBehavior::Warning, yes);
}

#[cfg(test)]
mod tests {
    use crate::OwnedModule;

    const TEXT: &str = r#"
target triple = "x86_64-unknown-linux-gnu"
declare void @PyErr_Clear()
declare void @of_the_user()
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
define void @f(ptr %p, i64 %n) {
  call void @PyErr_Clear()
  call void @of_the_user()
  call void @llvm.memset.p0.i64(ptr %p, i8 0, i64 %n, i1 false)
  ret void
}
"#;

    #[test]
    fn the_interpreters_functions_are_called_directly() {
        let mut module = OwnedModule::from_text(TEXT, "direct").expect("text");
        module.begin_file(2);
        module.optimize(2).expect("optimised");
        let bytes = module.assembly().expect("assembly");
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("*PyErr_Clear@GOTPCREL(%rip)"), "{text}");
        assert!(text.contains("*memset@GOTPCREL(%rip)"), "{text}");
        assert!(text.contains("of_the_user@PLT"), "{text}");
    }
}
