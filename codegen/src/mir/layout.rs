//! Where things lie in memory: as C lays them out on x86-64 (System V ABI, AMD64 supplement,
//! section 3.1.2).

use super::{Module, Type};

/// A scalar inside a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scalar {
    /// Bytes from the start of the value.
    pub at: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Its type: no struct, no array.
    pub ty: Type,
}

impl Module {
    /// Size and alignment in bytes; `Void` is one byte, as `sizeof(void)` with gcc.
    pub fn size_align(&self, ty: &Type) -> (u64, u64) {
        match ty {
            Type::Void => (1, 1),
            Type::Int(bits) => {
                let bytes = u64::from(*bits).div_ceil(8).next_power_of_two();
                (bytes, bytes.min(16))
            }
            Type::F32 => (4, 4),
            Type::F64 | Type::Ptr | Type::Object => (8, 8),
            Type::F80 => (16, 16),
            Type::Array(item, count) => {
                let (size, align) = self.size_align(item);
                (size.saturating_mul(*count), align)
            }
            Type::Struct(_) => {
                let (mut end, mut align) = (0_u64, 1);
                self.each_field(ty, |at, (size, to), _| {
                    end = at.saturating_add(size);
                    align = align.max(to);
                });
                (end.next_multiple_of(align), align)
            }
        }
    }

    /// The scalars of a value, in order.
    pub fn scalars(&self, ty: &Type) -> Vec<Scalar> {
        let mut found = Vec::new();
        self.add_scalars(ty, 0, &mut found);
        found
    }

    fn add_scalars(&self, ty: &Type, at: u64, found: &mut Vec<Scalar>) {
        match ty {
            Type::Array(item, count) => {
                let size = self.size_align(item).0;
                for index in 0..*count {
                    self.add_scalars(item, at + index * size, found);
                }
            }
            Type::Struct(_) => {
                self.each_field(ty, |place, _, field| {
                    self.add_scalars(field, at + place, found);
                });
            }
            _ => found.push(Scalar {
                at,
                size: self.size_align(ty).0,
                ty: ty.clone(),
            }),
        }
    }

    /// Where the fields of a struct are, in bytes from its start; none of other types.
    pub fn field_offsets(&self, ty: &Type) -> Vec<u64> {
        let mut found = Vec::new();
        self.each_field(ty, |at, _, _| found.push(at));
        found
    }

    /// Calls with the offset in bytes, the size and alignment there, and the type of each field.
    fn each_field(&self, ty: &Type, mut visit: impl FnMut(u64, (u64, u64), &Type)) {
        let Type::Struct(id) = ty else { return };
        let Some(structure) = self.structs.get(id.0 as usize) else {
            return;
        };
        let mut end = 0_u64;
        for field in &structure.fields {
            let (size, align) = self.size_align(field);
            let align = if structure.packed { 1 } else { align };
            let at = end.next_multiple_of(align);
            visit(at, (size, align), field);
            end = at.saturating_add(size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(fields: Vec<Type>, packed: bool) -> (Module, Type) {
        let mut module = Module::default();
        let Type::Struct(id) = Type::Struct(module.structure("s", || fields)) else {
            unreachable!()
        };
        module.structs[id.0 as usize].packed = packed;
        (module, Type::Struct(id))
    }

    #[test]
    fn fields_are_aligned_and_the_struct_padded() {
        let (module, ty) = with(vec![Type::Int(8), Type::I32, Type::Int(16)], false);
        assert_eq!(module.size_align(&ty), (12, 4));
        let places: Vec<_> = module.scalars(&ty).iter().map(|one| one.at).collect();
        assert_eq!(places, [0, 4, 8]);
    }

    #[test]
    fn fields_have_their_offsets() {
        let fields = || vec![Type::Int(8), Type::I32, Type::Int(16), Type::F64];
        let (module, ty) = with(fields(), false);
        assert_eq!(module.field_offsets(&ty), [0, 4, 8, 16]);
        let (module, ty) = with(fields(), true);
        assert_eq!(module.field_offsets(&ty), [0, 1, 5, 7]);
        assert!(module.field_offsets(&Type::F64).is_empty());
    }

    #[test]
    fn packed_fields_follow_each_other() {
        let (module, ty) = with(vec![Type::Int(8), Type::F64], true);
        assert_eq!(module.size_align(&ty), (9, 1));
        assert_eq!(module.scalars(&ty)[1].at, 1);
    }

    #[test]
    fn wide_scalars_are_aligned_to_sixteen_bytes() {
        let (module, ty) = with(vec![Type::BOOL, Type::F80, Type::Int(128)], false);
        assert_eq!(module.size_align(&ty), (48, 16));
        assert_eq!(module.scalars(&ty)[2].at, 32);
    }

    #[test]
    fn arrays_repeat_their_items() {
        let (module, ty) = with(vec![Type::Int(8)], false);
        let array = Type::Array(Box::new(ty), 3);
        assert_eq!(module.size_align(&array), (3, 1));
        assert_eq!(module.scalars(&array).len(), 3);
    }
}
