//! The runtime's functions for operators of Python objects whose types are known, or half known.
//!
//! Cython has one for each pair of the types that are common: they look for small integers, floats
//! and strings first.

use frontend_bridge::tree::Type as TreeType;

use super::types;

/// The name that such functions have for a type; none for types that there are none for.
fn kind(ty: TreeType<'_>) -> Option<&str> {
    let ty = types::resolve(ty);
    if ty.flag("is_builtin_type") {
        let name = ty.text("name")?;
        return matches!(name, "int" | "float" | "str" | "bytes" | "bytearray").then_some(name);
    }
    (ty.kind() == "PyObjectType").then_some("object")
}

/// The function that compares objects of these types.
pub(super) fn comparison(
    operator: &str,
    left: TreeType<'_>,
    right: TreeType<'_>,
    as_object: bool,
) -> Option<String> {
    let op = match operator {
        "<" => "Lt",
        "<=" => "Le",
        "==" => "Eq",
        "!=" => "Ne",
        ">" => "Gt",
        ">=" => "Ge",
        _ => return None,
    };
    let result = if as_object { "" } else { "Bool" };
    let (left, right) = (kind(left)?, kind(right)?);
    Some(format!("__Pyx_PyObject_Compare{result}{op}_{left}_{right}"))
}

/// The function for an operator on numbers, named as the one of CPython for all objects is.
pub(super) fn binary(general: &str, left: TreeType<'_>, right: TreeType<'_>) -> Option<String> {
    let op = general.trim_start_matches("PyNumber_");
    let op = op.strip_prefix("InPlace").unwrap_or(op);
    if !matches!(op, "Add" | "Subtract" | "Multiply" | "Xor" | "And" | "Or") {
        return None;
    }
    let number = |ty| kind(ty).filter(|name| matches!(*name, "object" | "int" | "float"));
    let (left, right) = (number(left)?, number(right)?);
    Some(format!("__Pyx_{general}_{left}_{right}"))
}
