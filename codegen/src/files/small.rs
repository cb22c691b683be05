//! Modules for files: what runs once, or hardly ever, is small, where modules loaded into this process
//! have it compiled quickly.

use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::basic_block::BasicBlock;
use inkwell::module::{Linkage, Module};
use inkwell::values::{BasicValueEnum, CallSiteValue, FunctionValue, InstructionValue};

use crate::cycles::has_cycle;

/// Names of functions that pickling calls, by a part of them.
const PICKLING: [&str; 3] = [
    "__reduce_cython__",
    "__setstate_cython__",
    "__pyx_unpickle_",
];
/// How the names of Python functions' bodies begin.
const PYTHON: [&str; 2] = ["__pyx_pw_", "__pyx_pf_"];

/// Asks whether an object is a function of the module, whose body is called directly then: that is code
/// beside the call through the object.
const KNOWN_CALL: &str = "cyl_is_function";

/// Has functions optimised for size: those that were left out of optimisation, as they run once, those
/// for pickling, and below level 3 Python functions without loops; how many there are.
pub fn prefer_small(module: &Module<'_>, level: u8) -> usize {
    let context = module.get_context();
    let kind = |name: &str| Attribute::get_named_enum_kind_id(name);
    let place = AttributeLoc::Function;
    let mut count = 0;
    for function in module.get_functions() {
        if function.count_basic_blocks() == 0 {
            continue;
        }
        let name = function.get_name().to_string_lossy();
        let has = |name| function.get_enum_attribute(place, kind(name)).is_some();
        // Those with loops are optimised for speed elsewhere.
        let once =
            has("optnone") || has("cold") && function.get_linkage() != Linkage::AvailableExternally;
        function.remove_enum_attribute(place, kind("optnone"));
        let attributes: &[&str] = if once || PICKLING.iter().any(|part| name.contains(part)) {
            &["optsize", "minsize"]
        } else if level < 3
            && PYTHON.iter().any(|start| name.starts_with(start))
            && !has_loop(&function)
        {
            &["optsize"]
        } else {
            continue;
        };
        for name in attributes {
            function.add_attribute(place, context.create_enum_attribute(kind(name), 0));
        }
        call_through_objects(function);
        count += 1;
    }
    count
}

/// Leaves out direct calls of the module's functions.
fn call_through_objects(function: FunctionValue<'_>) {
    let asks = |instruction: &InstructionValue<'_>| {
        CallSiteValue::try_from(*instruction)
            .ok()
            .and_then(|call| call.get_called_fn_value())
            .is_some_and(|callee| callee.get_name().to_bytes() == KNOWN_CALL.as_bytes())
    };
    let asked: Vec<InstructionValue<'_>> = function
        .get_basic_block_iter()
        .flat_map(BasicBlock::get_instructions)
        .filter(asks)
        .collect();
    for instruction in asked {
        let Some(BasicValueEnum::IntValue(answer)) = CallSiteValue::try_from(instruction)
            .ok()
            .and_then(|call| call.try_as_basic_value().basic())
        else {
            continue;
        };
        answer.replace_all_uses_with(answer.get_type().const_zero());
        instruction.erase_from_basic_block();
    }
}

fn successors<'ctx>(block: BasicBlock<'ctx>) -> Vec<BasicBlock<'ctx>> {
    let Some(terminator) = block.get_terminator() else {
        return Vec::new();
    };
    (0..terminator.get_num_operands())
        .filter_map(|index| terminator.get_operand(index)?.block())
        .collect()
}

fn has_loop(function: &FunctionValue<'_>) -> bool {
    function
        .get_first_basic_block()
        .is_some_and(|entry| has_cycle(entry, successors))
}

#[cfg(test)]
mod tests {
    use crate::OwnedModule;

    const TEXT: &str = r#"
define i64 @once(i64 %a) noinline optnone {
  %p = alloca i64
  store i64 %a, ptr %p
  %b = load i64, ptr %p
  ret i64 %b
}
define i64 @__pyx_pw_straight(i64 %a) {
  %b = call i64 @once(i64 %a)
  ret i64 %b
}
define i64 @__pyx_pw_around(i64 %a) {
entry:
  br label %loop
out:
  ret i64 %a
loop:
  %n = phi i64 [ 0, %entry ], [ %m, %loop ]
  %m = add i64 %n, 1
  %x = call i64 @once(i64 %m)
  %c = icmp eq i64 %x, %a
  br i1 %c, label %out, label %loop
}
"#;

    #[test]
    fn what_runs_once_is_small() {
        let mut module = OwnedModule::from_text(TEXT, "small").expect("text");
        assert_eq!(module.begin_file(3), 1);
        module.optimize(2).expect("optimised");
        let text = module.text().expect("text");
        assert!(text.contains("minsize") && !text.contains("optnone") && !text.contains("alloca"));
    }

    const KNOWN: &str = r#"
declare i32 @cyl_is_function(ptr, ptr)
declare ptr @through(ptr)
declare ptr @direct(ptr)
define ptr @__pyx_pw_straight(ptr %f, ptr %m) {
entry:
  %known = call i32 @cyl_is_function(ptr %f, ptr %m)
  %is = icmp ne i32 %known, 0
  br i1 %is, label %yes, label %no
yes:
  %a = call ptr @direct(ptr %f)
  ret ptr %a
no:
  %b = call ptr @through(ptr %f)
  ret ptr %b
}
"#;

    #[test]
    fn small_functions_call_through_objects() {
        for (level, direct) in [(2, false), (3, true)] {
            let mut module = OwnedModule::from_text(KNOWN, "known").expect("text");
            module.begin_file(level);
            module.optimize(2).expect("optimised");
            let text = module.text().expect("text");
            assert_eq!(text.contains("call ptr @direct"), direct, "{text}");
            assert!(text.contains("call ptr @through"));
        }
    }

    #[test]
    fn loops_are_for_speed() {
        let mut module = OwnedModule::from_text(TEXT, "small").expect("text");
        assert_eq!(module.begin_file(2), 2);
    }
}
