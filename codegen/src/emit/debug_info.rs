//! DWARF: functions and lines of the .pyx.

use std::collections::HashMap;

use inkwell::debug_info::{
    AsDIScope, DICompileUnit, DIFile, DIFlags, DIFlagsConstants, DISubprogram, DWARFEmissionKind,
    DWARFSourceLanguage, DebugInfoBuilder,
};
use inkwell::module::FlagBehavior;

use super::Emitter;
use crate::mir::Function;

/// The module's debug information while it is built.
pub(super) struct DebugInfo<'ctx> {
    builder: DebugInfoBuilder<'ctx>,
    unit: DICompileUnit<'ctx>,
    files: HashMap<u32, DIFile<'ctx>>,
}

impl<'ctx> DebugInfo<'ctx> {
    pub(super) fn new(emitter: &Emitter<'ctx, '_>) -> Self {
        let version = emitter.i32().const_int(3, false);
        emitter
            .llvm
            .add_basic_value_flag("Debug Info Version", FlagBehavior::Warning, version);
        let first = emitter.mir.sources.first().map_or("module", String::as_str);
        let (folder, name) = split(first);
        let (builder, unit) = emitter.llvm.create_debug_info_builder(
            true,
            DWARFSourceLanguage::C,
            name,
            folder,
            "cython-llvm",
            true,
            "",
            0,
            "",
            DWARFEmissionKind::Full,
            0,
            false,
            false,
            "",
            "",
        );
        let files = emitter
            .mir
            .sources
            .iter()
            .enumerate()
            .map(|(index, path)| {
                let (folder, name) = split(path);
                (index as u32, builder.create_file(name, folder))
            })
            .collect();
        Self {
            builder,
            unit,
            files,
        }
    }

    /// The function's scope; none for functions without a place in the source.
    pub(super) fn function(&self, function: &Function) -> Option<DISubprogram<'ctx>> {
        let (source, line) = function.source?;
        let file = *self.files.get(&source)?;
        let ty = self
            .builder
            .create_subroutine_type(file, None, &[], DIFlags::PUBLIC);
        Some(self.builder.create_function(
            self.unit.as_debug_info_scope(),
            &function.name,
            None,
            file,
            line,
            ty,
            true,
            true,
            line,
            DIFlags::PUBLIC,
            true,
        ))
    }

    /// Attaches a line to what is built next.
    pub(super) fn set_line(
        &self,
        emitter: &Emitter<'ctx, '_>,
        scope: DISubprogram<'ctx>,
        line: u32,
    ) {
        let place = self.builder.create_debug_location(
            emitter.context,
            line,
            0,
            scope.as_debug_info_scope(),
            None,
        );
        emitter.builder.set_current_debug_location(place);
    }

    pub(super) fn finish(self) {
        self.builder.finalize();
    }
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or((".", path))
}
