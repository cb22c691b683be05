//! C that clang made for a module of the tree route, linked into it; and what its constants say.

use inkwell::module::{Linkage, Module};
use inkwell::values::AnyValue;

use crate::CodegenError;

/// How the symbols begin that are nobody else's.
const PREFIXES: [&[u8]; 2] = [b"cyl_shim_", b"cyl_fact_"];

/// Moves everything in `shims` into a module; what only the module uses is its own then.
pub fn link<'ctx>(module: &Module<'ctx>, shims: Module<'ctx>) -> Result<(), CodegenError> {
    module
        .link_in_module(shims)
        .map_err(|message| CodegenError::Unverified(message.to_string()))?;
    let own = |name: &[u8]| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    for function in module.get_functions() {
        if function.count_basic_blocks() > 0 && own(function.get_name().to_bytes()) {
            function.set_linkage(Linkage::Internal);
        }
    }
    for global in module.get_globals() {
        if global.get_initializer().is_some() && own(global.get_name().to_bytes()) {
            global.set_linkage(Linkage::Internal);
        }
    }
    Ok(())
}

/// The value of a constant integer.
pub fn number(module: &Module<'_>, symbol: &str) -> Option<i64> {
    let initial = module.get_global(symbol)?.get_initializer()?;
    let value = initial.as_any_value_enum();
    value
        .is_int_value()
        .then(|| value.into_int_value().get_sign_extended_constant())
        .flatten()
}

#[cfg(test)]
mod tests {
    use crate::OwnedModule;

    const SHIMS: &str = "
@cyl_fact_1 = constant i64 -7
define i64 @cyl_shim_1(i64 %a) {
  %b = add i64 %a, 1
  ret i64 %b
}
";
    const MODULE: &str = "
declare i64 @cyl_shim_1(i64)
define i64 @uses() {
  %a = call i64 @cyl_shim_1(i64 41)
  ret i64 %a
}
";

    #[test]
    fn shims_become_part_of_the_module() {
        let mut shims = OwnedModule::from_text(SHIMS, "shims").expect("text");
        assert_eq!(shims.number("cyl_fact_1"), Some(-7));
        assert_eq!(shims.number("cyl_fact_2"), None);
        let mut module = OwnedModule::from_text(MODULE, "module").expect("text");
        module
            .link(&shims.bitcode().expect("bitcode"))
            .expect("linked");
        module.optimize(2).expect("optimised");
        assert_eq!(module.symbols().defined, ["uses"]);
        assert!(module.text().expect("text").contains("ret i64 42"));
    }
}
