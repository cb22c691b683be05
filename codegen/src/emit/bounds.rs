//! Addresses of elements that are within their array, as nothing is done with them but access.
//!
//! LLVM optimises what it knows to be in bounds better.  It may be said where an access would be undefined
//! anyway: of an array that is a variable, or a part of a struct.  An address that is kept, compared or
//! passed on may lie anywhere, as may a pointer that elements are counted from.

use crate::mir::{Function, Op, Value};
use crate::passes::read_by;

/// Which values are such addresses; empty where there are none.
pub(super) fn in_bounds(function: &Function) -> Vec<bool> {
    let mut defined: Vec<Option<&Op>> = vec![None; function.values.len()];
    let instrs = || function.blocks.iter().flat_map(|block| &block.instrs);
    for instr in instrs() {
        if let Some(value) = instr.result {
            defined[value.0 as usize] = Some(&instr.op);
        }
    }
    let of_array = |value: Value| match defined[value.0 as usize] {
        Some(Op::Index(base, _, _)) => matches!(
            defined[base.0 as usize],
            Some(Op::GlobalAddr(_) | Op::LocalAddr(_) | Op::Field(..))
        ),
        _ => false,
    };
    let mut found: Vec<bool> = (0..function.values.len() as u32)
        .map(|index| of_array(Value(index)))
        .collect();
    if !found.contains(&true) {
        return Vec::new();
    }
    // Addresses of fields that are used otherwise, and so the elements that they are in.
    let mut escaped = Vec::new();
    for instr in instrs() {
        match &instr.op {
            Op::Load(..) | Op::Field(..) => {}
            Op::Store { value, .. } => escaped.push(*value),
            other => escaped.extend(other.operands()),
        }
    }
    for block in &function.blocks {
        escaped.extend(read_by(&block.terminator));
    }
    while let Some(value) = escaped.pop() {
        found[value.0 as usize] = false;
        if let Some(Op::Field(base, ..)) = defined[value.0 as usize] {
            escaped.push(*base);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::in_bounds;
    use crate::mir::parse;

    /// The values that are in bounds, of a function whose %2 is an element of a global array.
    fn found(rest: &str) -> Vec<usize> {
        let text = format!(
            "module m\nstruct 0 \"pair\" {{i32, f64}}\nextern @use(ptr) -> void\nglobal @a: [struct 0 x 4] = zero\n\n\
             func @f(i64, ptr) -> ptr {{\nbb0:\n  %0: ptr = addr @a\n  %1: i64 = param 0\n  \
             %2: ptr = index %0 struct 0 %1\n{rest}}}\n"
        );
        let module = parse(&text).expect("text");
        let found = in_bounds(&module.functions[0]);
        (0..found.len()).filter(|at| found[*at]).collect()
    }

    const END: &str = "  %9: ptr = const null ptr\n  return %9\n";

    #[test]
    fn elements_that_are_read_and_written() {
        let field = "  %3: ptr = field %2 struct 0 1\n  %4: f64 = load f64 %3\n  store %3 %4\n";
        assert_eq!(found(&format!("{field}{END}")), [2]);
    }

    #[test]
    fn addresses_that_go_elsewhere_may_be_anywhere() {
        assert_eq!(found("  return %2\n"), [0; 0]);
        for other in [
            "  call @use(%2)\n",
            "  %3: ptr = field %2 struct 0 1\n  call @use(%3)\n",
            "  %3: ptr = index %2 f64 %1\n  %4: f64 = load f64 %3\n",
            "  %3: ptr = param 1\n  store %3 %2\n",
        ] {
            assert_eq!(found(&format!("{other}{END}")), [0; 0], "{other}");
        }
    }

    #[test]
    fn pointers_may_be_anywhere() {
        let pointer = "  %3: ptr = param 1\n  %4: ptr = index %3 f64 %1\n  %5: f64 = load f64 %4\n";
        assert_eq!(found(&format!("{pointer}{END}")), [2]);
    }
}
