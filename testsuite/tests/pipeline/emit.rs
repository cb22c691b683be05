use codegen::OwnedModule;
use codegen::target::host::Cpu;
use frontend_bridge::clang::Language;
use pretty_assertions::assert_eq;

use crate::{compile_c, compile_with};

const SUM: &str = "double sum(const double *x, int n) {\n\
                   double s = 0; for (int i = 0; i < n; i++) s += x[i]; return s; }\n";
const AXPY: &str = "void axpy(int n, float a, const float *restrict x, float *restrict y) {\n\
                    for (int i = 0; i < n; i++) y[i] = a * x[i] + y[i]; }\n";

#[test]
fn optimising_vectorises_and_retargeting_chooses_the_registers() {
    let (mut module, _) = compile_c(AXPY).expect("it compiles");
    module.retarget(&Cpu::named("x86-64-v3", ""));
    module.optimize(3).expect("it optimises");
    let assembly = String::from_utf8(module.assembly().expect("assembly")).expect("text");
    assert!(
        assembly.contains("%ymm"),
        "256-bit registers were expected:\n{assembly}"
    );
}

#[test]
fn no_fused_multiply_add_appears_by_itself() {
    let (mut module, _) = compile_with(
        AXPY,
        Language::C,
        &["-march=x86-64-v3", "-ffp-contract=off"],
    )
    .expect("it compiles");
    module.optimize(3).expect("it optimises");
    let assembly = String::from_utf8(module.assembly().expect("assembly")).expect("text");
    assert!(!assembly.contains("vfmadd"), "{assembly}");
}

#[test]
fn a_sum_is_not_reassociated() {
    let (mut module, _) = compile_c(SUM).expect("it compiles");
    module.optimize(3).expect("it optimises");
    assert!(!module.text().expect("text").contains("fadd reassoc"));
}

#[test]
fn bitcode_and_text_come_back_as_they_went() {
    let (mut module, _) = compile_c(SUM).expect("it compiles");
    let bitcode = module.bitcode().expect("bitcode");
    let text = module.text().expect("text");
    let mut from_bitcode = OwnedModule::from_bitcode(&bitcode, "sum").expect("readable");
    let mut from_text = OwnedModule::from_text(&text, "sum").expect("readable");
    let body = |text: String| text.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(body(from_bitcode.text().expect("text")), body(text.clone()));
    assert_eq!(body(from_text.text().expect("text")), body(text));
}

#[test]
fn damaged_bitcode_is_an_error_at_every_length() {
    let (mut module, _) = compile_c(SUM).expect("it compiles");
    let bitcode = module.bitcode().expect("bitcode");
    for length in [0, 1, 3, 4, 5, 64, bitcode.len() / 2, bitcode.len() - 4] {
        let found = OwnedModule::from_bitcode(&bitcode[..length], "cut");
        assert!(
            found.is_err(),
            "{length} of {} bytes were accepted",
            bitcode.len()
        );
    }
    let mut flipped = bitcode.clone();
    for at in (0..flipped.len()).step_by(97) {
        flipped[at] ^= 0x55;
        // Either answer is fine; what counts is that there is one.
        let _ = OwnedModule::from_bitcode(&flipped, "flipped");
        flipped[at] ^= 0x55;
    }
}

#[test]
fn assembly_that_does_not_assemble_is_an_error_not_an_exit() {
    let source = "void f(void) { __asm__ volatile(\"nosuchinstruction\"); }\n";
    let (mut module, _) = compile_c(source).expect("clang takes any text");
    module.optimize(0).expect("it optimises");
    let Err(error) = module.object() else {
        panic!("no such instruction")
    };
    assert_eq!(error.code(), "CYL1105");
    assert!(
        error.to_string().contains("invalid instruction mnemonic"),
        "{error}"
    );
}

#[test]
fn symbols_are_told_apart() {
    let source = "extern int there(int); static int own(int x) { return x; }\n\
                  int here(int x) { return there(own(x)); }\n";
    let (mut module, _) = compile_c(source).expect("it compiles");
    let symbols = module.symbols();
    assert_eq!(
        (symbols.defined, symbols.undefined),
        (vec!["here".into()], vec!["there".into()])
    );
}

#[test]
fn cold_functions_without_loops_stay_as_they_are() {
    let source = "static int once(int x) { return x + 1; }\n\
                  int once_loops(int n) { int s = 0; for (int i = 0; i < n; i++) s += i; return s; }\n\
                  int used(int x) { return once(x); }\n";
    let (mut module, _) = compile_c(source).expect("it compiles");
    assert_eq!(module.mark_cold(&["once".to_owned()]), 1);
    module.optimize(2).expect("it optimises");
    let text = module.text().expect("text");
    let used = text
        .split("@used(")
        .nth(1)
        .expect("kept")
        .split('}')
        .next()
        .expect("body");
    assert!(
        used.contains("@once(i32 noundef %0)"),
        "a cold function is not inlined:\n{text}"
    );
    let looping = text
        .split("@once_loops")
        .nth(1)
        .expect("kept")
        .split('}')
        .next()
        .expect("body");
    assert!(
        !looping.contains("alloca"),
        "a function with a loop is optimised:\n{text}"
    );
}
