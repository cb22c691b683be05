//! What a module needs so that its code can be replaced while it runs.

use inkwell::GlobalVisibility;
use inkwell::attributes::AttributeLoc;
use inkwell::module::{Linkage, Module};

use crate::incremental::own;

/// C functions of the user's begin like this on both routes.
const PREFIX: &str = "__pyx_f_";

/// Bytes before a function's entry, for an absolute jump; see `reload::redirect`.
const ROOM: &str = "14";
/// Bytes of the instruction at the entry that may be replaced at once.
const ENTRY: &str = "2";

/// Gives the user's C functions room for a redirection, and the module `data` under `symbol`.
///
/// With `repeated`, other objects of the module have the data too, and the first one counts.
/// `variables` can be found by their names, in the symbol table of a library too.
pub fn prepare(
    module: &Module<'_>,
    symbol: &str,
    data: &[u8],
    repeated: bool,
    variables: &[String],
) {
    for name in variables {
        for symbol in [name.clone(), own(name)] {
            let Some(global) = module.get_global(&symbol) else {
                continue;
            };
            // In all objects alike: the linker makes of several visibilities the narrowest.
            global.set_visibility(GlobalVisibility::Default);
            if !repeated && !global.is_declaration() {
                global.set_linkage(Linkage::External);
            }
        }
    }
    let context = module.get_context();
    let room = context.create_string_attribute("patchable-function-prefix", ROOM);
    let entry = context.create_string_attribute("patchable-function-entry", ENTRY);
    for function in module.get_functions() {
        let ours = function
            .get_name()
            .to_bytes()
            .starts_with(PREFIX.as_bytes());
        if ours && function.count_basic_blocks() > 0 {
            function.add_attribute(AttributeLoc::Function, room);
            function.add_attribute(AttributeLoc::Function, entry);
        }
    }
    if module.get_global(symbol).is_some() {
        return;
    }
    let text = context.const_string(data, true);
    let global = module.add_global(text.get_type(), None, symbol);
    global.set_initializer(&text);
    global.set_constant(true);
    global.set_linkage(if repeated {
        Linkage::WeakODR
    } else {
        Linkage::External
    });
    global.set_visibility(GlobalVisibility::Default);
}

#[cfg(test)]
mod tests {
    use super::*;
    use inkwell::context::Context;

    #[test]
    fn functions_get_room_and_the_module_its_data() {
        let context = Context::create();
        let module = context.create_module("m");
        let kind = context.void_type().fn_type(&[], false);
        let builder = context.create_builder();
        for name in ["__pyx_f_f", "other"] {
            let function = module.add_function(name, kind, None);
            builder.position_at_end(context.append_basic_block(function, "entry"));
            builder.build_return(None).expect("a return");
        }
        module.add_function("__pyx_f_elsewhere", kind, None);
        let variable = module.add_global(context.i32_type(), None, "kept");
        variable.set_initializer(&context.i32_type().const_zero());
        variable.set_linkage(Linkage::Internal);
        prepare(&module, "info", b"{}", false, &["kept".to_owned()]);
        prepare(&module, "info", b"{}", false, &[]);
        let text = module.print_to_string().to_string();
        assert_eq!(
            text.matches("patchable-function-prefix").count(),
            1,
            "{text}"
        );
        assert!(text.contains("@kept = dso_local global i32 0"), "{text}");
        assert!(
            text.contains("@info = constant [3 x i8] c\"{}\\00\""),
            "{text}"
        );
        assert!(text.contains("define void @__pyx_f_f() #0"), "{text}");
        assert!(text.contains("define void @other() {"), "{text}");
    }
}
