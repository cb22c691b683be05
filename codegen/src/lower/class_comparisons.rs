//! The comparison slot of extension types.

use super::Result;
use super::class_layout::look_up;
use super::class_slots::{Arg, slot, special};
use super::classes::Class;
use super::context::Context;
use crate::mir::{FuncId, GlobalInit, Type};

/// Comparisons in the order of Py_LT and so on.
const COMPARISONS: [&str; 6] = ["__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"];

impl<'t> Context<'t> {
    /// `tp_richcompare`, by a table of the six methods.
    pub(super) fn comparison_slot(
        &mut self,
        class: &Class<'t>,
        slots: &mut Vec<(i128, FuncId)>,
    ) -> Result<()> {
        use Arg::{Address, Param};
        if let Some(user) = self.special_wrapper(class.scope, "__richcmp__")? {
            slots.push((slot::TP_RICHCOMPARE, user));
            return Ok(());
        }
        if COMPARISONS
            .iter()
            .all(|name| special(class.scope, name).is_none())
        {
            return Ok(());
        }
        let total = class.scope.map("directives").iter().any(|(key, _)| {
            matches!(key, frontend_bridge::tree::Value::Str(key) if key == "total_ordering")
        });
        // The classes that Cython has code of; what comes above is asked at run time.
        let (mut known, mut outside) = (vec![class.scope], None);
        let mut next = class.ty.ty("base_type");
        while let Some(base) = next {
            if base.flag("is_builtin_type")
                || base.entry("entry").and_then(|e| e.text("visibility")) == Some("extern")
            {
                outside = Some(base);
                break;
            }
            known.extend(base.scope("scope"));
            next = base.ty("base_type");
        }
        let mut table = Vec::new();
        for name in COMPARISONS {
            let entry = known.iter().find_map(|scope| look_up(*scope, name));
            table.push(match entry {
                Some(entry) => GlobalInit::Function(self.wrapper_of(entry)?),
                None => GlobalInit::Zero,
            });
        }
        table.push(
            outside
                .map(|base| self.type_place_init(base))
                .transpose()?
                .unwrap_or(GlobalInit::Zero),
        );
        // The methods that the others follow from: an ordering, and an equality.
        let defined = |found: &GlobalInit| !matches!(found, GlobalInit::Zero);
        let source = [0, 1, 4, 5].map(|op| table[op].clone());
        let source = source.into_iter().find(defined);
        let complete = table[2..4].iter().any(defined);
        table.push(match source {
            Some(source) if total && complete => source,
            _ => GlobalInit::Zero,
        });
        let table = self.table(
            "comparisons",
            Type::Array(Box::new(Type::Ptr), 8),
            GlobalInit::List(table),
            true,
        );
        let args = vec![Address(Some(table)), Param(0), Param(1), Param(2)];
        let params = [Type::Ptr, Type::Ptr, Type::I32];
        let made = self.thunk(
            class,
            "richcompare",
            &params,
            Type::Ptr,
            "cyl_slot_richcompare",
            args,
        );
        slots.push((slot::TP_RICHCOMPARE, made));
        Ok(())
    }
}
