//! The local variables of a function, and which of them stay in memory.

use super::EmitError;
use super::function::FunctionEmitter;
use crate::mir::{Function, Type};

/// A function with this many pairs of an object variable and a way into one block has its object
/// variables in memory.
const IN_MEMORY: usize = 1000;

impl FunctionEmitter<'_, '_, '_> {
    /// Locals start as zeros, but for scratch: an unset C variable reads as 0, an unset object is null.
    pub(super) fn make_locals(&mut self) -> Result<(), EmitError> {
        let in_memory = objects_in_memory(self.mir);
        for local in &self.mir.locals {
            let Some(ty) = self.e.ty(&local.ty) else {
                return self.malformed("local of no type");
            };
            if let Some(field) = local.field {
                let (Some(frame), Some(id)) = (self.frame, self.mir.frame) else {
                    return self.malformed("a field of no scope object");
                };
                let ty = self.e.structure(self.e.mir.frames[id.0 as usize].structure);
                self.locals.push(
                    self.e
                        .builder
                        .build_struct_gep(ty, frame, field, &local.name)?,
                );
                continue;
            }
            let slot = self.e.builder.build_alloca(ty, &local.name)?;
            if in_memory && local.ty == Type::Object {
                // What is written this way once is not put into a register; LLVM still knows that
                // nobody else has the address, and reads what it has just written without a load.
                let store = self.e.builder.build_store(slot, ty.const_zero())?;
                let _ = store.set_volatile(true); // stores have that flag
            } else if !local.scratch {
                self.clear_local(slot, ty)?;
            }
            self.locals.push(slot);
        }
        Ok(())
    }
}

/// Whether object variables are better kept in memory.
///
/// All that a function's variables own is released in one place, to which every error in it leads.
/// In registers each of these ways would bring a value of its own for each variable, a null mostly:
/// LLVM needs time by the square of that, and code for each null.
fn objects_in_memory(function: &Function) -> bool {
    let objects = function
        .locals
        .iter()
        .filter(|local| local.ty == Type::Object && local.field.is_none())
        .count();
    objects * most_ways_in(function) >= IN_MEMORY
}

/// The number of ways that lead into the block with the most of them.
fn most_ways_in(function: &Function) -> usize {
    let mut ways = vec![0; function.blocks.len()];
    for block in &function.blocks {
        for to in block.terminator.successors() {
            ways[to.0 as usize] += 1;
        }
    }
    ways.into_iter().max().unwrap_or(0)
}
