//! C that clang made for a module of the tree route, linked into it; and what its constants say.

use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::module::{Linkage, Module};
use inkwell::types::BasicMetadataTypeEnum;
use inkwell::values::{
    AnyValue, CallSiteValue, FunctionValue, InstructionOpcode, InstructionValue,
};

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
    // Inlining such a shim makes its call one of the function that uses it, which has the frame to return to.
    let twice = Attribute::get_named_enum_kind_id("returns_twice");
    for shim in functions(module).filter(|shim| instructions(*shim).any(returns_twice)) {
        let attribute = module.get_context().create_enum_attribute(twice, 0);
        shim.add_attribute(AttributeLoc::Function, attribute);
    }
    for global in module.get_globals() {
        if global.get_initializer().is_some() && own(global.get_name().to_bytes()) {
            global.set_linkage(Linkage::Internal);
        }
    }
    Ok(())
}

/// The shims of a module.
fn functions<'ctx>(module: &Module<'ctx>) -> impl Iterator<Item = FunctionValue<'ctx>> {
    module
        .get_functions()
        .filter(|function| function.get_name().to_bytes().starts_with(PREFIXES[0]))
}

fn instructions<'ctx>(
    function: FunctionValue<'ctx>,
) -> impl Iterator<Item = InstructionValue<'ctx>> {
    function
        .get_basic_blocks()
        .into_iter()
        .flat_map(|block| block.get_instructions().collect::<Vec<_>>())
}

/// Whether a shim leaves something behind in a frame that is gone when the shim returns: memory of the
/// stack (`alloca`).
pub fn outlive_their_frame(module: &Module<'_>) -> bool {
    functions(module)
        .flat_map(instructions)
        .any(asks_for_memory)
}

fn asks_for_memory(instruction: InstructionValue<'_>) -> bool {
    // A variable is one of its type; memory asked for is so many bytes.
    instruction.get_opcode() == InstructionOpcode::Alloca && {
        let count = instruction
            .get_operand(0)
            .and_then(|operand| operand.value())
            .map(|value| value.into_int_value().get_zero_extended_constant());
        count != Some(Some(1))
    }
}

/// Whether an instruction calls what may return a second time (`setjmp`).
fn returns_twice(instruction: InstructionValue<'_>) -> bool {
    let twice = Attribute::get_named_enum_kind_id("returns_twice");
    let Ok(call) = CallSiteValue::try_from(instruction) else {
        return false;
    };
    call.get_enum_attribute(AttributeLoc::Function, twice)
        .is_some()
        || call.get_called_fn_value().is_some_and(|called| {
            called
                .get_enum_attribute(AttributeLoc::Function, twice)
                .is_some()
        })
}

/// How a struct is passed by value: four bits for each eight bytes of it, as these are.
pub mod passed {
    /// An integer register.
    pub const INTEGER: i64 = 1;
    /// An SSE register, which holds a double.
    pub const DOUBLE: i64 = 2;
    /// One that holds a float.
    pub const FLOAT: i64 = 3;
    /// One that holds two floats.
    pub const FLOATS: i64 = 4;
    /// All of it in memory.
    pub const MEMORY: i64 = 15;
    /// In another way.
    pub const OTHER: i64 = -1;
}

/// The value of a constant integer; for a function of a struct, how that is passed.
pub fn number(module: &Module<'_>, symbol: &str) -> Option<i64> {
    if let Some(function) = module.get_function(symbol) {
        return Some(how_passed(function));
    }
    let initial = module.get_global(symbol)?.get_initializer()?;
    let value = initial.as_any_value_enum();
    value
        .is_int_value()
        .then(|| value.into_int_value().get_sign_extended_constant())
        .flatten()
}

/// What `passed` says of the struct that a function takes and returns.
fn how_passed(function: FunctionValue<'_>) -> i64 {
    let byval = Attribute::get_named_enum_kind_id("byval");
    let ty = function.get_type();
    let params = ty.get_param_types();
    let in_memory = |index: u32| {
        function
            .get_enum_attribute(AttributeLoc::Param(index), byval)
            .is_some()
    };
    if ty.get_return_type().is_none() {
        // The first parameter says where the result goes.
        return if params.len() == 2 && in_memory(1) {
            passed::MEMORY
        } else {
            passed::OTHER
        };
    }
    if params.len() > 2 || (0..params.len() as u32).any(in_memory) {
        return passed::OTHER;
    }
    let word = |ty: &BasicMetadataTypeEnum<'_>| match ty {
        BasicMetadataTypeEnum::IntType(_) | BasicMetadataTypeEnum::PointerType(_) => {
            Some(passed::INTEGER)
        }
        BasicMetadataTypeEnum::FloatType(ty) => match ty.get_bit_width() {
            64 => Some(passed::DOUBLE),
            32 => Some(passed::FLOAT),
            _ => None,
        },
        BasicMetadataTypeEnum::VectorType(ty) if ty.get_size() == 2 => Some(passed::FLOATS),
        _ => None,
    };
    let words: Option<Vec<i64>> = params.iter().map(word).collect();
    words.map_or(passed::OTHER, |words| {
        words.iter().rev().fold(0, |all, word| all << 4 | word)
    })
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
    fn what_a_shim_leaves_in_its_frame_is_noticed() {
        let of = |body: &str| {
            let text = format!(
                "declare i32 @_setjmp(ptr) returns_twice
                declare void @use(ptr)
                define void @cyl_shim_1(ptr %a, i64 %n) {{ {body} ret void }}
                define void @other(ptr %a) {{ %r = call i32 @_setjmp(ptr %a) ret void }}"
            );
            let module = OwnedModule::from_text(&text, "shims").expect("text");
            module.shims_outlive_their_frame()
        };
        assert!(!of("%v = alloca [16 x i8] call void @use(ptr %v)"));
        assert!(of("%v = alloca i8, i64 16 call void @use(ptr %v)"));
        assert!(of("%v = alloca i8, i64 %n call void @use(ptr %v)"));
        assert!(!of("%r = call i32 @_setjmp(ptr %a)"));
    }

    #[test]
    fn what_a_shim_jumps_back_to_is_its_callers_frame() {
        let jumps = "
            declare i32 @_setjmp(ptr) returns_twice
            define i64 @cyl_shim_1(i64 %a) alwaysinline {
              %place = inttoptr i64 %a to ptr
              %r = call i32 @_setjmp(ptr %place)
              %wide = zext i32 %r to i64
              ret i64 %wide
            }";
        let mut shims = OwnedModule::from_text(jumps, "shims").expect("text");
        let mut module = OwnedModule::from_text(MODULE, "module").expect("text");
        module
            .link(&shims.bitcode().expect("bitcode"))
            .expect("linked");
        module.optimize(2).expect("optimised");
        assert_eq!(module.symbols().defined, ["uses"]);
        assert!(module.text().expect("text").contains("call i32 @_setjmp"));
    }

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
