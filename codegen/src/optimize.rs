//! LLVM's default pipeline at a level, and the verifier before it.

use std::ffi::{CStr, CString, c_char};

use frontend_bridge::recovery;
use inkwell::llvm_sys::core::LLVMDisposeMessage;
use inkwell::llvm_sys::prelude::LLVMModuleRef;
use inkwell::llvm_sys::target_machine::LLVMTargetMachineRef;
use inkwell::module::Module;
use inkwell::targets::TargetMachine;

use crate::CodegenError;
use crate::target::host::{self, Machine};

unsafe extern "C" {
    /// Keeps loops around others from being unrolled, and loops that call libm from being vectorised.
    fn cyl_mark_loops(module: LLVMModuleRef);
    /// Makes choices between numbers in loops without branches, where floating-point numbers are compared.
    fn cyl_choose_numbers(module: LLVMModuleRef);
    /// Has nests of loops with few iterations unrolled as a whole.
    fn cyl_mark_small_nests(module: LLVMModuleRef);
    /// Has sums over calls in memory, where they are during the calls anyway.
    fn cyl_keep_sums_in_memory(module: LLVMModuleRef);
    /// Inlines small functions into themselves; whether there were any.
    fn cyl_unroll_recursion(module: LLVMModuleRef) -> bool;
    /// Sets LLVM's options that are the process's.
    fn cyl_set_options();
    /// Runs the passes that a text names, and passes of our own between them; a message where it
    /// names none.
    fn cyl_run_passes(
        module: LLVMModuleRef,
        machine: LLVMTargetMachineRef,
        passes: *const c_char,
        fast: bool,
    ) -> *mut c_char;
}

/// What makes of functions inlined into themselves one function again.
const AFTER_RECURSION: &str = "function(sroa,early-cse,instcombine<no-verify-fixpoint>,simplifycfg,gvn,correlated-propagation,jump-threading,instcombine<no-verify-fixpoint>,simplifycfg),globaldce";

/// Checks that the module is well formed.
pub fn verify(module: &Module<'_>) -> Result<(), CodegenError> {
    module
        .verify()
        .map_err(|message| CodegenError::Unverified(message.to_string()))
}

/// Runs `default<O0>` to `default<O3>`; vectorisers are on from level 2, as in clang.
pub fn optimize(module: &Module<'_>, level: u8, machine: &mut Machine) -> Result<(), CodegenError> {
    recovery::run(|| {
        verify(module)?;
        let machine = machine.get(host::module_cpu(module), level)?;
        let run = |passes: &str| run_passes(module, machine, passes, level >= 2);
        if level >= 3 {
            // SAFETY: the module outlives the call.
            unsafe { cyl_mark_small_nests(module.as_mut_ptr()) };
        }
        if level >= 2 {
            // SAFETY: the module outlives the call.
            unsafe { cyl_mark_loops(module.as_mut_ptr()) };
        }
        // SAFETY: writes flags of LLVM's, the same values each time.
        unsafe { cyl_set_options() };
        run(&format!("default<O{}>", level.min(3)))?;
        if level >= 2 {
            // SAFETY: the module outlives the call.
            unsafe { cyl_choose_numbers(module.as_mut_ptr()) };
        }
        // SAFETY: the module outlives the call.
        if level >= 3 && unsafe { cyl_unroll_recursion(module.as_mut_ptr()) } {
            run(AFTER_RECURSION)?;
        }
        if level >= 2 {
            // SAFETY: the module outlives the call.
            unsafe { cyl_keep_sums_in_memory(module.as_mut_ptr()) };
        }
        Ok(())
    })?
}

/// Runs passes; `fast` with unrolling and the vectorisers.
fn run_passes(
    module: &Module<'_>,
    machine: &TargetMachine,
    passes: &str,
    fast: bool,
) -> Result<(), CodegenError> {
    let passes =
        CString::new(passes).map_err(|error| CodegenError::Optimizer(error.to_string()))?;
    // SAFETY: module, machine and text outlive the call.
    let message = unsafe {
        cyl_run_passes(
            module.as_mut_ptr(),
            machine.as_mut_ptr(),
            passes.as_ptr(),
            fast,
        )
    };
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: a message is a C string, which is LLVM's to free.
    let text = unsafe {
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        LLVMDisposeMessage(message);
        text
    };
    Err(CodegenError::Optimizer(text))
}

#[cfg(test)]
mod tests {
    use crate::OwnedModule;

    /// What the texts begin with.
    const TARGET: &str = r#"
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-unknown-linux-gnu"
"#;

    /// Every pair of five numbers; COUNT is how many times the outer loop goes around.
    const PAIRS: &str = r#"
@numbers = internal global [16 x double] zeroinitializer
declare double @llvm.sqrt.f64(double)
define double @pairs(i64 %n) {
entry:
  br label %outer
outer:
  %i = phi i64 [ 0, %entry ], [ %i2, %next ]
  %s = phi double [ 0.0, %entry ], [ %t, %next ]
  %j0 = add i64 %i, 1
  br label %inner
inner:
  %j = phi i64 [ %j0, %outer ], [ %j2, %body ]
  %t = phi double [ %s, %outer ], [ %sum, %body ]
  %more = icmp slt i64 %j, COUNT
  br i1 %more, label %body, label %next
body:
  %p = getelementptr double, ptr @numbers, i64 %i
  %q = getelementptr double, ptr @numbers, i64 %j
  %a = load double, ptr %p
  %b = load double, ptr %q
  %d = fsub double %a, %b
  %d2 = fmul double %d, %d
  %r = call double @llvm.sqrt.f64(double %d2)
  %m = fdiv double %d, %r
  %m2 = fmul double %m, %d2
  %m3 = fdiv double %m2, %a
  %m4 = fmul double %m3, %b
  %m5 = fadd double %m4, %m2
  %m6 = fdiv double %m5, %m3
  %a2 = fadd double %a, %m6
  %b2 = fsub double %b, %m5
  store double %a2, ptr %p
  store double %b2, ptr %q
  %sum = fadd double %t, %m4
  %j2 = add i64 %j, 1
  br label %inner
next:
  %i2 = add i64 %i, 1
  %again = icmp slt i64 %i2, COUNT
  br i1 %again, label %outer, label %out
out:
  ret double %t
}
"#;

    fn optimized(text: &str) -> String {
        let text = format!("{TARGET}{text}");
        let mut module = OwnedModule::from_text(&text, "loops").expect("text");
        module.optimize(3).expect("optimised");
        module.text().expect("text")
    }

    fn branches(count: &str) -> usize {
        optimized(&PAIRS.replace("COUNT", count))
            .matches("br i1")
            .count()
    }

    #[test]
    fn nests_within_loops_stay_in_their_function() {
        let called = |attributes: &str| {
            let pairs = PAIRS
                .replace("COUNT", "5")
                .replace(
                    "define double @pairs(i64 %n) {\nentry:\n  br label %outer",
                    REPEATED,
                )
                .replace("ATTRIBUTES", attributes)
                .replace("0.0, %entry ]", "0.0, %step ]")
                .replace("%i = phi i64 [ 0, %entry ]", "%i = phi i64 [ 0, %step ]")
                .replace("br i1 %again, label %outer, label %out", AGAIN);
            optimized(&format!("{pairs}{CALLER}")).contains("call fastcc double @pairs")
        };
        assert!(called(""));
        assert!(!called("alwaysinline"));
        assert!(!called("inlinehint"));
    }

    const REPEATED: &str = "define internal double @pairs(i64 %n) ATTRIBUTES {
entry:
  br label %step
step:
  %k = phi i64 [ 0, %entry ], [ %k2, %rest ]
  br label %outer";
    const AGAIN: &str = "br i1 %again, label %outer, label %rest
rest:
  %k2 = add i64 %k, 1
  %more_steps = icmp slt i64 %k2, %n
  br i1 %more_steps, label %step, label %out";
    const CALLER: &str = "define double @steps(i64 %n) {
  %all = call double @pairs(i64 %n)
  ret double %all
}
";

    /// Steps of a number until it is large; STEP and START say how, of `%i` the outer loop's.
    const ESCAPES: &str = r#"
define i64 @steps(i64 %n, ptr %from) {
entry:
  br label %outer
outer:
  %i = phi i64 [ 0, %entry ], [ %i2, %next ]
  %sum = phi i64 [ 0, %entry ], [ %sum2, %next ]
  START
  br label %inner
inner:
  %x = phi double [ %x0, %outer ], [ %x3, %inner ]
  %k = phi i64 [ 0, %outer ], [ %k2, %inner ]
  %x1 = fmul double %x, %x
  %x2 = fadd double %x1, 0.3
  STEP
  %k2 = add i64 %k, 1
  %go_on = fcmp olt double %x3, 1000.0
  br i1 %go_on, label %inner, label %next
next:
  %sum2 = add i64 %sum, %k2
  %i2 = add nuw nsw i64 %i, 1
  %again = icmp ult i64 %i2, %n
  br i1 %again, label %outer, label %out
out:
  ret i64 %sum2
}
"#;

    #[test]
    fn loops_until_something_are_interleaved() {
        let interleaved = |start: &str, step: &str| {
            let text = ESCAPES.replace("START", start).replace("STEP", step);
            optimized(&text).contains("both:")
        };
        let number = "%x0 = uitofp i64 %i to double";
        let long = "%y = fdiv double 1.0, %x2\n  %x3 = fadd double %x2, %y";
        assert!(interleaved(number, long));
        // Too short a step; one that writes; a start that depends on the iteration before, or on memory.
        assert!(!interleaved(number, "%x3 = fadd double %x2, 0.1"));
        let writes = format!(
            "{long}\n  %q = getelementptr double, ptr %from, i64 %k\n  store double %x2, ptr %q"
        );
        assert!(!interleaved(number, &writes));
        assert!(!interleaved("%x0 = uitofp i64 %sum to double", long));
        let read = "%p = getelementptr double, ptr %from, i64 %i\n  %x0 = load double, ptr %p";
        assert!(!interleaved(read, long));
    }

    #[test]
    fn no_loop_is_left_of_two_iterations() {
        let number = "%x0 = uitofp i64 %i to double";
        let long = "%y = fdiv double 1.0, %x2\n  %x3 = fadd double %x2, %y";
        let text = ESCAPES.replace("START", number).replace("STEP", long);
        let found = optimized(&text.replace("ult i64 %i2, %n", "ult i64 %i2, 2"));
        assert!(!found.contains("both:"), "{found}");
    }

    #[test]
    fn what_is_marked_stays_as_it_is() {
        let kept = |attributes: &str| {
            let text = "define i64 @f(i64 %a) ATTRIBUTES {\n %p = alloca i64\n store i64 %a, ptr %p\n \
                        %b = load i64, ptr %p\n ret i64 %b\n}\n";
            optimized(&text.replace("ATTRIBUTES", attributes)).contains("alloca")
        };
        assert!(kept("noinline optnone"));
        assert!(!kept("noinline"));
    }

    #[test]
    fn short_loops_around_short_loops_are_unrolled() {
        assert_eq!(branches("6"), 0);
        assert_ne!(branches("16"), 0);
        assert_ne!(branches("%n"), 0);
    }
    /// A sum of what a function makes of numbers.
    const SUMMED: &str = r#"
declare double @made(double)
define double @sum(ptr %from, i64 %n) {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %i2, %loop ]
  %s = phi double [ 0.0, %entry ], [ %t, %loop ]
  %p = getelementptr double, ptr %from, i64 %i
  %x = load double, ptr %p
FIRST
  %i2 = add i64 %i, 1
  %again = icmp slt i64 %i2, %n
  br i1 %again, label %loop, label %out
out:
  ret double %t
}
"#;

    #[test]
    fn sums_of_converted_integers_are_not_vectorised() {
        let vectors = |ty: &str| {
            let text = SUMMED
                .replace("double, ptr %from", "TY, ptr %from")
                .replace("%x = load double", "%n0 = load TY");
            optimized(&text.replace("TY", ty).replace(
                "FIRST",
                &format!("  %x = sitofp {ty} %n0 to double\n  %y = fdiv double 1.0, %x\n  %t = fadd double %s, %y"),
            ))
            .contains("fdiv <")
        };
        assert!(vectors("i32"));
        assert!(!vectors("i64"));
    }

    #[test]
    fn sums_over_calls_are_in_memory() {
        let in_memory = |lines: &str| optimized(&SUMMED.replace("FIRST", lines)).contains("alloca");
        assert!(in_memory(
            "  %y = call double @made(double %x)\n  %t = fadd double %s, %y"
        ));
        // The sum itself is what the function takes, or nothing is called.
        assert!(!in_memory(
            "  %y = fadd double %s, %x\n  %t = call double @made(double %y)"
        ));
        assert!(!in_memory("  %t = fadd double %s, %x"));
    }

    /// A sum of numbers by their distance in memory, each of them cut off at two bounds.
    const CLIPPED: &str = r#"
define double @clipped(ptr %from, i64 %apart, i64 %n, double %low, double %high) {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %i2, %next ]
  %s = phi double [ 0.0, %entry ], [ %t, %next ]
  %at = mul i64 %i, %apart
  %p = getelementptr i8, ptr %from, i64 %at
  %v = load double, ptr %p
  %below = fcmp olt double %v, CUT
  br i1 %below, label %under, label %other
under:
  br label %next
other:
  %above = fcmp ogt double %v, %high
  br i1 %above, label %over, label %next
over:
  br label %next
next:
  %c = phi double [ RESULT, %under ], [ %high, %over ], [ %v, %other ]
  %t = fadd double %s, TERM
  %i2 = add i64 %i, 1
  %again = icmp slt i64 %i2, %n
  br i1 %again, label %loop, label %out
out:
  ret double %t
}
"#;

    /// A function of a number, for [`SUMMED`] to call.
    const TERM: &str = r#"
declare double @NAME(double) nounwind willreturn memory(none)
define internal double @term(double %x) {
  %y = call double @NAME(double %x) nounwind willreturn memory(none)
  %z = fmul double %x, %y
  %w = fdiv double %z, 3.5
  ret double %w
}
"#;

    #[test]
    fn a_loop_that_calls_sin_is_not_vectorised() {
        let called = SUMMED.replace(
            "FIRST",
            "  %y = call double @term(double %x)\n  %t = fadd double %s, %y",
        );
        let sum_of = |name: &str| optimized(&(TERM.replace("NAME", name) + &called));
        for name in ["sin", "llvm.sin.f64"] {
            let text = sum_of(name);
            assert!(!text.contains(" x double>"), "{text}");
        }
        for name in ["sqrt", "llvm.sqrt.f64"] {
            let text = sum_of(name);
            assert!(text.contains(" x double>"), "{text}");
        }
    }

    /// A polynomial by Horner's rule, of each number.
    const POLYNOMIAL: &str = r#"
define void @polynomials(ptr noalias %from, ptr noalias %to, i64 %n) {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %i2, %loop ]
  %p = getelementptr double, ptr %from, i64 %i
  %x = load double, ptr %p
TERMS
  %q = getelementptr double, ptr %to, i64 %i
  store double %sLAST, ptr %q
  %i2 = add i64 %i, 1
  %again = icmp slt i64 %i2, %n
  br i1 %again, label %loop, label %out
out:
  ret void
}
"#;

    #[test]
    fn chains_are_interleaved() {
        let products = |degree: usize| {
            let mut terms = String::from("  %s0 = fadd double %x, 3.0\n");
            for term in 1..=degree {
                let before = term - 1;
                terms += &format!(
                    "  %m{term} = fmul double %s{before}, %x\n  %s{term} = fadd double %m{term}, 3.0\n"
                );
            }
            let text = POLYNOMIAL
                .replace("TERMS", &terms)
                .replace("LAST", &degree.to_string());
            let blocks = optimized(&text);
            blocks
                .split("\n\n")
                .map(|block| block.matches("fmul <").count())
                .max()
        };
        // Of 16 registers more are not to be had.
        for degree in [15, 20, 30] {
            assert_eq!(products(degree), Some(7 * degree));
        }
    }

    #[test]
    fn floats_are_chosen_without_branches() {
        let text = CLIPPED
            .replace("CUT", "%low")
            .replace("RESULT", "%low")
            .replace("TERM", "%c");
        let text = optimized(&text);
        assert!(!text.contains("br i1 %below,"), "{text}");
        assert!(!text.contains("br i1 %above,"), "{text}");
        // What is not a number is neither below nor above.
        assert!(text.contains("fcmp olt double %v, %low"), "{text}");
    }

    #[test]
    fn a_choice_that_the_next_depends_on_is_a_branch() {
        // The sum itself is cut off.
        let text = CLIPPED
            .replace(
                "%v = load double, ptr %p",
                "%x = load double, ptr %p\n  %v = fadd double %s, %x",
            )
            .replace("CUT", "%low")
            .replace("RESULT", "%low")
            .replace("%t = fadd double %s, TERM", "%t = fmul double %c, 1.0");
        let text = optimized(&text);
        assert!(text.contains("br i1 %below"), "{text}");
    }
}
