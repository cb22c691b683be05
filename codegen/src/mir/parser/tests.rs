use pretty_assertions::assert_eq;

use super::*;
use crate::mir::{print, verify};

const TEXT: &str = r#"module m
source 0 "m.pyx"
struct 0 "pair" {i32, f64}
object 0 = interned str "abc"
object 1 = tuple (0)
extern @PyNumber_Add(object, object) -> owned object
extern @_Py_NoneStruct
global @g: [i32 x 4] = zero
constant @text: [i8 x 3] = bytes "a\"\x00"
constant @row: struct 0 = [-1, 2.5]

external func @f(object, i64) -> owned object source 0:3 {
  local $0 "line": i32
bb0:
  %0: object = param 0
  %1: owned object = call @PyNumber_Add(%0, %0) ; line 4
  check %1 raises null bb1 else bb2 ; line 4
bb1:
  %2: i64 = param 1
  %3: i64 = const 3 i64
  %4: i64 = mul %2 %3
  %5: i1 = compare slt %4 %3
  branch %5 bb3 bb3
bb2 cold:
  %6: object = const null object
  %7: owned object = own %6
  return %7
bb3:
  switch %2 [1: bb4, -2: bb4] bb4
bb4:
  return %1
}

func @g2() -> void nogil {
bb0:
  %0: ptr = addr @g
  %1: f64 = const -0.5 f64
  check raises occurred bb1 else bb1
bb1:
  return
}

func @g3(f64) -> f64 nogil contract {
bb0:
  %0: f64 = param 0
  return %0
}

func @g4(f64) -> f64 nogil cold fastmath {
bb0:
  %0: f64 = param 0
  return %0
}
"#;

#[test]
fn what_is_printed_is_read_back() {
    let module = parse(TEXT).expect("the sample is MIR");
    assert_eq!(print(&module), TEXT);
    verify(&module).expect("the sample holds together");
}

#[test]
fn an_error_names_its_line() {
    let error = parse("module m\nfunc @f() -> void {\nbb0:\n  jump %1\n}\n").expect_err("not MIR");
    assert_eq!(
        error.to_string(),
        "line 4: expected a block, found Value(1)"
    );
}

#[test]
fn truncated_and_damaged_texts_are_errors_not_panics() {
    for end in 0..TEXT.len() {
        let _ = parse(&TEXT[..end]);
        let mut other = TEXT.as_bytes().to_vec();
        other[end] = other[end].wrapping_add(1);
        if let Ok(other) = String::from_utf8(other) {
            let _ = parse(&other);
        }
    }
}

/// The verifier's complaint about a function body.
fn complaint(body: &str) -> String {
    let text = format!(
        "module m\nextern @make() -> owned object\nextern @eat(steals object) -> void\n\
         func @f(object) -> owned object {{\n  local $0 \"x\": object\n{body}}}\n"
    );
    let module = parse(&text).expect("the text is MIR");
    verify(&module).expect_err("the verifier objects").message
}

#[test]
fn a_leak_a_double_release_and_a_use_after_are_found() {
    let leak =
        "bb0:\n  %0: owned object = call @make()\n  %1: owned object = call @make()\n  return %1\n";
    assert_eq!(complaint(leak), "%0 is still owned at the return");
    let twice =
        "bb0:\n  %0: owned object = call @make()\n  call @eat(%0)\n  decref %0\n  return %0\n";
    assert_eq!(complaint(twice), "%0 is used after it was given away");
    let borrowed = "bb0:\n  %0: object = param 0\n  return %0\n";
    assert_eq!(complaint(borrowed), "%0 is given away, but only borrowed");
    let one_side = "bb0:\n  %0: owned object = call @make()\n  %1: i1 = const 1 i1\n  \
                    branch %1 bb1 bb2\nbb1:\n  decref %0\n  jump bb2\nbb2:\n  unreachable\n";
    assert!(complaint(one_side).contains("with and without owning %0"));
    let undefined = "bb0:\n  %1: i1 = const 1 i1\n  branch %1 bb1 bb2\nbb1:\n  \
                     %0: owned object = call @make()\n  jump bb2\nbb2:\n  return %0\n";
    assert!(complaint(undefined).contains("%0"));
}

#[test]
fn counting_without_the_gil_is_found() {
    let text = "module m\nfunc @f(object) -> void nogil {\nbb0:\n  %0: object = param 0\n  \
                %1: owned object = incref %0\n  decref %1\n  return\n}\n";
    let module = parse(text).expect("the text is MIR");
    let error = verify(&module).expect_err("no GIL");
    assert_eq!(error.message, "a reference is counted without the GIL");
}
