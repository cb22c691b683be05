//! Functions of a module as others see them: given to them, and described for them.

use std::collections::HashSet;

use inkwell::GlobalVisibility;
use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::module::{Linkage, Module};
use inkwell::values::FunctionValue;

/// What a caller has to know of a function, in LLVM's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    /// Whether the module holds the function's body.
    pub defined: bool,
    pub ret: String,
    pub params: Vec<String>,
    pub varargs: bool,
    /// Attributes that are part of the calling convention: the result's first, then each
    /// parameter's; a type attribute carries its type, `byval(%struct.x)`.
    pub abi: Vec<Vec<String>>,
}

/// Of the attributes, those that decide how a value is passed.
const ABI_FLAGS: [&str; 3] = ["signext", "zeroext", "inreg"];
const ABI_TYPES: [&str; 2] = ["byval", "sret"];
const ALIGN: &str = "align";

/// Makes functions with these names, as far as they have a body, visible to other libraries; the
/// names of those found.
///
/// Calls within the module stay direct: the symbols are protected, not to be replaced.
pub fn export_functions(module: &Module<'_>, names: &[String]) -> Vec<String> {
    let wanted: HashSet<&str> = names.iter().map(String::as_str).collect();
    let mut exported = Vec::new();
    for function in module.get_functions() {
        let name = name_of(&function);
        if function.count_basic_blocks() == 0 || !wanted.contains(name.as_str()) {
            continue;
        }
        function.set_linkage(Linkage::External);
        function
            .as_global_value()
            .set_visibility(GlobalVisibility::Protected);
        exported.push(name);
    }
    exported
}

/// The signatures of all functions, declared ones too, but intrinsics.
pub fn signatures(module: &Module<'_>) -> Vec<Signature> {
    module
        .get_functions()
        .filter(|function| !function.get_name().to_bytes().starts_with(b"llvm."))
        .map(|function| signature(&function))
        .collect()
}

fn signature(function: &FunctionValue<'_>) -> Signature {
    let kind = function.get_type();
    let ret = kind.get_return_type().map_or_else(
        || "void".to_owned(),
        |ret| ret.print_to_string().to_string(),
    );
    let params: Vec<String> = kind
        .get_param_types()
        .iter()
        .map(|param| param.print_to_string().to_string())
        .collect();
    let mut abi = vec![attributes(function, AttributeLoc::Return)];
    abi.extend(
        (0..kind.count_param_types()).map(|at| attributes(function, AttributeLoc::Param(at))),
    );
    Signature {
        name: name_of(function),
        defined: function.count_basic_blocks() != 0,
        ret,
        params,
        varargs: kind.is_var_arg(),
        abi,
    }
}

fn attributes(function: &FunctionValue<'_>, place: AttributeLoc) -> Vec<String> {
    let get =
        |name: &str| function.get_enum_attribute(place, Attribute::get_named_enum_kind_id(name));
    let mut found: Vec<String> = ABI_FLAGS
        .iter()
        .filter(|name| get(name).is_some())
        .map(|name| (*name).to_owned())
        .collect();
    for name in ABI_TYPES {
        if let Some(attribute) = get(name) {
            let kind = attribute.get_type_value();
            found.push(format!(
                "{name}({})",
                type_name(&kind.print_to_string().to_string())
            ));
        }
    }
    if let Some(attribute) = get(ALIGN) {
        found.push(format!("{ALIGN} {}", attribute.get_enum_value()));
    }
    found
}

/// LLVM prints a named struct with its body; the name is enough.
fn type_name(printed: &str) -> &str {
    printed
        .split_once(" = type")
        .map_or(printed, |(name, _)| name)
}

fn name_of(function: &FunctionValue<'_>) -> String {
    function.get_name().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use crate::OwnedModule;

    const TEXT: &str = r#"
%struct.s = type { i64, i64, i64 }
declare i32 @printf(ptr, ...)
define internal signext i8 @keep_one(i16 zeroext %a, ptr byval(%struct.s) align 8 %b) {
  ret i8 1
}
define internal void @other() {
  ret void
}
define i64 @uses() {
  %r = call signext i8 @keep_one(i16 zeroext 1, ptr byval(%struct.s) align 8 null)
  ret i64 0
}
"#;

    #[test]
    fn exported_functions_stay_and_are_described() {
        let mut module = OwnedModule::from_text(TEXT, "exports").expect("text");
        assert_eq!(
            module.export_functions(&["keep_one".to_owned(), "printf".to_owned()]),
            ["keep_one".to_owned()]
        );
        let found = module.signatures();
        let names: Vec<_> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["printf", "keep_one", "other", "uses"]);
        assert!(found[0].varargs && !found[0].defined);
        assert_eq!(
            (found[0].ret.as_str(), found[0].params.as_slice()),
            ("i32", &["ptr".to_owned()][..])
        );
        assert!(found[1].defined && !found[1].varargs);
        assert_eq!(found[1].abi[0], ["signext"]);
        assert_eq!(found[1].abi[1], ["zeroext"]);
        assert_eq!(found[1].abi[2], ["byval(%struct.s)", "align 8"]);
        assert_eq!(found[2].ret, "void");
        module.optimize(2).expect("optimised");
        let defined = module.symbols().defined;
        assert!(defined.contains(&"keep_one".to_owned()) && !defined.contains(&"other".to_owned()));
        assert!(module.object().is_ok());
    }
}
