//! What is written to and read from memory has the type of the place, where that is known: C converts
//! numbers that are assigned, and what forgot to would write half of a place, or beside it.

use std::collections::HashMap;

use super::{Function, Module, Op, Type, Value, VerifyError};

/// Checks stores and loads of numbers at addresses of variables and fields.  What is counted in bytes or
/// words, like the arguments of a launch, may hold anything.
pub(super) fn check(module: &Module, function: &Function) -> Result<(), VerifyError> {
    let places = places(module, function);
    for (number, block) in (0..).zip(&function.blocks) {
        for (at, instr) in block.instrs.iter().enumerate() {
            let (what, address, ty) = match &instr.op {
                Op::Store { address, value } => ("store", address, &function.value(*value).ty),
                Op::Load(ty, address) => ("load", address, ty),
                _ => continue,
            };
            let Some(place) = places.get(address) else {
                continue;
            };
            if number_type(place) && number_type(ty) && place != ty {
                return Err(VerifyError {
                    function: function.name.clone(),
                    block: number,
                    place: at.to_string(),
                    message: format!("{what} of {ty} at the address of {place}"),
                });
            }
        }
    }
    Ok(())
}

fn number_type(ty: &Type) -> bool {
    ty.is_int() || ty.is_float()
}

/// The types of what lies at addresses.
fn places(module: &Module, function: &Function) -> HashMap<Value, Type> {
    let mut found = HashMap::new();
    for instr in function.blocks.iter().flat_map(|block| &block.instrs) {
        let ty = match &instr.op {
            Op::LocalAddr(local) => Some(&function.locals[local.0 as usize].ty),
            Op::GlobalAddr(global) => Some(&module.globals[global.0 as usize].ty),
            Op::Field(_, structure, field) => module.structs[structure.0 as usize]
                .fields
                .get(*field as usize),
            _ => None,
        };
        if let (Some(result), Some(ty)) = (instr.result, ty) {
            found.insert(result, ty.clone());
        }
    }
    found
}
