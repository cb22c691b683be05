//! What the verifier refuses: MIR as mutated lowering would make it.

use super::{parse, verify};

/// An object and a slice, each acquired, used where nothing was raised, and given back on both paths.
const TEXT: &str = r#"module m
struct 0 "slice" {ptr, ptr}
extern @make() -> owned object
extern @fill(ptr) -> i32

func @f() -> i32 {
  local $0 "slice": struct 0
bb0:
  %0: owned object = call @make()
  %1: ptr = addr $0
  %2: i32 = call @fill(%1)
  hold_slice %1
  check %2 raises negative bb2 else bb1
bb1 cold:
  give_slice %1
  decref %0
  %3: i32 = const -1 i32
  return %3
bb2:
  give_slice %1
  decref %0
  return %2
}
"#;

/// The message for the text with one piece replaced, the first of its kind.
fn refused(from: &str, to: &str) -> String {
    assert!(TEXT.contains(from));
    let mutated = TEXT.replacen(from, to, 1);
    let module = parse(&mutated).expect("text");
    verify(&module).expect_err("a defect").message
}

#[test]
fn the_text_is_right_as_it_is() {
    let module = parse(TEXT).expect("text");
    assert_eq!(super::print(&module), TEXT);
    verify(&module).expect("right");
}

#[test]
fn leaks_are_refused() {
    assert_eq!(
        refused("  decref %0\n", ""),
        "%0 is still owned at the return"
    );
    assert_eq!(
        refused("  give_slice %1\n", ""),
        "the slice at %1 is still held at the return"
    );
}

#[test]
fn numbers_lie_in_places_of_their_type() {
    let text = r#"module m
struct 0 "pair" {i32, f64}

func @f(ptr, f32) -> void {
bb0:
  %0: ptr = param 0
  %1: f32 = param 1
  %2: ptr = field %0 struct 0 1
  store %2 %1
  return
}
"#;
    let module = parse(text).expect("text");
    let message = verify(&module).expect_err("a defect").message;
    assert_eq!(message, "store of f32 at the address of f64");
}

#[test]
fn what_is_given_back_twice_is_refused() {
    assert_eq!(
        refused("  decref %0\n", "  decref %0\n  decref %0\n"),
        "%0 is used after it was given away"
    );
    assert_eq!(
        refused("  give_slice %1\n", "  give_slice %1\n  give_slice %1\n"),
        "the slice at %1 is not held"
    );
    assert_eq!(
        refused("  hold_slice %1\n", ""),
        "the slice at %1 is not held"
    );
    assert_eq!(
        refused("  hold_slice %1\n", "  hold_slice %1\n  hold_slice %1\n"),
        "the slice at %1 is acquired twice"
    );
}

#[test]
fn paths_that_meet_must_hold_the_same() {
    let end = "  give_slice %1\n  decref %0\n  %3: i32 = const -1 i32\n  return %3\n";
    assert_eq!(
        refused(end, "  give_slice %1\n  jump bb2\n"),
        "bb2 is reached with and without holding the slice at %1"
    );
}

/// A local keeps an object while something can raise.
const KEPT: &str = r#"module m
extern @make() -> owned object
extern @look(object) -> i32

func @f() -> i32 {
  local $0 "kept": object
bb0:
  %0: owned object = call @make()
  set $0 %0
  %1: object = get $0
  %2: i32 = call @look(%1)
  check %2 raises negative bb2 else bb1
bb1 cold:
  %3: owned object = take $0
  xdecref %3
  %4: i32 = const -1 i32
  return %4
bb2:
  %5: owned object = take $0
  xdecref %5
  return %2
}
"#;

#[test]
fn objects_that_locals_keep_are_to_be_taken_out() {
    verify(&parse(KEPT).expect("text")).expect("right");
    let refused = |from: &str, to: &str| {
        assert!(KEPT.contains(from));
        let module = parse(&KEPT.replacen(from, to, 1)).expect("text");
        verify(&module).expect_err("a defect").message
    };
    assert_eq!(
        refused("  %3: owned object = take $0\n  xdecref %3\n", ""),
        "$0 may own an object at the return"
    );
    assert_eq!(
        refused(
            "  set $0 %0\n",
            "  set $0 %0\n  %6: owned object = call @make()\n  set $0 %6\n"
        ),
        "$0 is set while it may own an object"
    );
}
