//! The texts of a module (its docstrings, names, constants), packed.

use inkwell::builder::Builder;
use inkwell::llvm_sys::core::LLVMIsAConstantDataArray;
use inkwell::module::{Linkage, Module};
use inkwell::values::{AsValueRef, BasicValueEnum, FunctionValue, GlobalValue};

use super::pack::pack;
use crate::CodegenError;

/// What the code that unpacks takes, more or less.
const OVERHEAD: usize = 220;
/// How the name of a table begins that is read byte by byte.
const TABLES: &str = "objects.packed";

/// The bytes of a constant that may lie anywhere, and change its place.
fn text<'ctx>(global: &GlobalValue<'ctx>) -> Option<Vec<u8>> {
    if !global.is_constant()
        || !global.has_unnamed_addr()
        || !matches!(global.get_linkage(), Linkage::Private | Linkage::Internal)
        || global.get_section().is_some()
        || global.get_comdat().is_some()
        || global.is_thread_local()
        || global.is_externally_initialized()
    {
        return None;
    }
    let Some(BasicValueEnum::ArrayValue(array)) = global.get_initializer() else {
        return None;
    };
    // SAFETY: a value of the module; the functions after this one are for values of this kind.
    if unsafe { LLVMIsAConstantDataArray(array.as_value_ref()) }.is_null()
        || !array.is_const_string()
    {
        return None;
    }
    let bytes = array.as_const_string()?;
    let ends = bytes.iter().position(|byte| *byte == 0) == Some(bytes.len() - 1);
    let table = global.get_name().to_bytes().starts_with(TABLES.as_bytes());
    (ends || table).then(|| bytes.to_vec())
}

/// Packs the module's texts, for the function `start` to unpack; whether that is worth it.
pub(super) fn pack_texts(
    module: &Module<'_>,
    start: FunctionValue<'_>,
) -> Result<bool, CodegenError> {
    let found: Vec<_> = module
        .get_globals()
        .filter_map(|global| Some((global, text(&global)?)))
        .collect();
    let all: Vec<u8> = found.iter().flat_map(|(_, text)| text).copied().collect();
    let packed = pack(&all);
    if packed.len() + OVERHEAD > all.len() {
        return Ok(false);
    }
    let context = module.get_context();
    let (byte, word) = (context.i8_type(), context.i64_type());
    let ty = byte.array_type(all.len() as u32);
    let texts = module.add_global(ty, None, "module.texts");
    texts.set_linkage(Linkage::Internal);
    texts.set_initializer(&ty.const_zero());
    texts.set_alignment(1);
    let data = context.const_string(&packed, false);
    let source = module.add_global(data.get_type(), None, "module.packed");
    source.set_linkage(Linkage::Private);
    source.set_constant(true);
    source.set_unnamed_addr(true);
    source.set_initializer(&data);
    source.set_alignment(1);
    let mut offset = 0;
    for (global, text) in &found {
        let index = word.const_int(offset, false);
        // SAFETY: the offset is within the array.
        let place = unsafe { texts.as_pointer_value().const_in_bounds_gep(byte, &[index]) };
        global.as_pointer_value().replace_all_uses_with(place);
        offset += text.len() as u64;
    }
    for (global, _) in found {
        // SAFETY: nothing refers to it any more.
        unsafe { global.delete() };
    }
    let pointer = context.ptr_type(inkwell::AddressSpace::default()).into();
    let ty = context
        .void_type()
        .fn_type(&[pointer, word.into(), pointer], false);
    let expand = module.add_function("cyl_expand", ty, None);
    let size = word.const_int(all.len() as u64, false);
    let builder = super::at_start(module, start);
    let args = [
        texts.as_pointer_value().into(),
        size.into(),
        source.as_pointer_value().into(),
    ];
    call(&builder, expand, &args)?;
    Ok(true)
}

pub(super) fn call<'ctx>(
    builder: &Builder<'ctx>,
    callee: FunctionValue<'ctx>,
    args: &[inkwell::values::BasicMetadataValueEnum<'ctx>],
) -> Result<(), CodegenError> {
    builder
        .build_call(callee, args, "")
        .map(|_| ())
        .map_err(|error| CodegenError::Optimizer(error.to_string()))
}

#[cfg(test)]
mod tests {
    use crate::OwnedModule;

    fn module(docs: usize) -> String {
        let mut text = String::from(
            "@table = constant [2 x ptr] [ptr @doc0, ptr null]\n\
             @objects.packed = private unnamed_addr constant [3 x i8] c\"\\01\\00\\02\"\n\
             @numbers = private unnamed_addr constant [3 x i8] c\"\\01\\00\\02\"\n\
             @named = internal constant [2 x i8] c\"x\\00\"\n\
             @none = private unnamed_addr constant [4 x i8] zeroinitializer\n\
             define ptr @PyInit_m() {\n  ret ptr @table\n}\n\
             define ptr @use(i1 %c) {\n  %r = select i1 %c, ptr @objects.packed, ptr @numbers\n\
             \x20 ret ptr %r\n}\n\
             define ptr @use2(i1 %c) {\n  %r = select i1 %c, ptr @named, ptr @none\n  ret ptr %r\n}\n",
        );
        for index in 0..docs {
            text += &format!(
                "@doc{index} = private unnamed_addr constant [54 x i8] \
                 c\">>> f({index:02})\\0ATraceback (most recent call last):\\0Aerror {index:02}\\00\"\n"
            );
        }
        text
    }

    #[test]
    fn texts_are_packed_where_that_is_less() {
        let mut many = OwnedModule::from_text(&module(40), "many").expect("text");
        many.finish_file().expect("finished");
        let text = many.text().expect("text");
        assert!(
            text.contains("@module.texts = internal global [2163 x i8] zeroinitializer"),
            "{text}"
        );
        assert!(
            text.contains("call void @cyl_expand(ptr @module.texts, i64 2163, ptr @module.packed)")
        );
        assert!(!text.contains("@doc") && !text.contains("@objects.packed"));
        for name in ["@numbers =", "@named =", "@none ="] {
            assert!(text.contains(name), "{text}");
        }
        let mut few = OwnedModule::from_text(&module(1), "few").expect("text");
        few.finish_file().expect("finished");
        let text = few.text().expect("text");
        assert!(text.contains("@doc0") && !text.contains("cyl_expand"));
        assert!(text.contains("call void @cyl_file_start()"));
    }
}
