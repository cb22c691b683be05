//! Line numbers beside the code: an edit that moves a function leaves its code as it is.

use inkwell::values::{BasicValueEnum, GlobalValue};

use super::function::FunctionEmitter;
use super::{EmitError, Emitter};
use crate::incremental;
use crate::mir::{Instr, Linkage};

impl<'ctx> Emitter<'ctx, '_> {
    /// The tables, where there are any.
    pub(super) fn define_lines(&mut self) {
        let Some(plan) = self.plan else {
            return;
        };
        for (index, lines) in plan.lines.iter().enumerate() {
            let needed = plan.lines_defined[index] || self.has_body(index);
            let table = (!lines.is_empty() && needed)
                .then(|| self.line_table(&plan.functions[index], lines, plan.lines_defined[index]));
            self.lines.push(table);
        }
    }

    fn line_table(&self, function: &str, lines: &[u32], defined: bool) -> GlobalValue<'ctx> {
        let ty = self.i32().array_type(lines.len() as u32);
        let name = incremental::lines_symbol(function);
        let table = self.llvm.add_global(ty, None, &name);
        if defined {
            let values: Vec<_> = lines
                .iter()
                .map(|line| self.i32().const_int(u64::from(*line), false))
                .collect();
            table.set_initializer(&self.i32().const_array(&values));
        }
        // Not a constant: the code must ask for it.
        super::globals::shared(table, Linkage::Internal, defined);
        table
    }
}

impl<'ctx> FunctionEmitter<'_, 'ctx, '_> {
    /// The value of a line number that lies in the function's table.
    pub(super) fn line(&self, instr: &Instr) -> Result<Option<BasicValueEnum<'ctx>>, EmitError> {
        let (Some(plan), Some(line)) = (self.e.plan, self.mir.line_value(instr)) else {
            return Ok(None);
        };
        let table = self.e.lines.get(self.index).copied().flatten();
        let place = incremental::line_index(&plan.lines[self.index], line);
        let (Some(table), Some(place)) = (table, place) else {
            return self.malformed("a line that is in no table");
        };
        let place = self.e.i64().const_int(place as u64, false);
        // SAFETY: the table has every line of the function.
        let address = unsafe {
            self.e.builder.build_in_bounds_gep(
                self.e.i32(),
                table.as_pointer_value(),
                &[place],
                "line",
            )?
        };
        Ok(Some(self.e.builder.build_load(
            self.e.i32(),
            address,
            "line",
        )?))
    }
}
