//! What LLVM may do with floating-point operations: nothing that changes a result, unless the source asks
//! for it (the directives `fp_contract` and `fastmath`, or the compiler flags that mean the same).

use inkwell::values::{FastMathFlags, FunctionValue};

use crate::mir::FloatMath;

/// Marks a function's floating-point operations.
pub(super) fn allow(function: FunctionValue<'_>, math: FloatMath) {
    let flags = match math {
        FloatMath::Exact => return,
        FloatMath::Contract => FastMathFlags::AllowContract,
        FloatMath::Fast => {
            FastMathFlags::AllowContract
                | FastMathFlags::AllowReassoc
                | FastMathFlags::AllowReciprocal
                | FastMathFlags::ApproxFunc
                | FastMathFlags::NoSignedZeros
        }
    };
    for block in function.get_basic_blocks() {
        for instruction in block.get_instructions() {
            // Refused by those that take none, which is as it should be.
            let _ = instruction.set_fast_math_flags(flags);
        }
    }
}
