use crate::mir::{Terminator, parse, print, verify};
use crate::passes::{frames, suspend};

/// `item` is yielded while `held` is alive, and given back afterwards.
const TEXT: &str = r#"module m
struct 0 "scope" {i64, ptr, object}
struct 1 "cyl_closure" {ptr, i64, ptr, i32, i32, ptr}
extern @make() -> owned object
extern @use(object) -> void
global @type: struct 1 = zero
constant @name: [i8 x 2] = bytes "m\x00"
frame struct 0 0 1 [2] keep

func @body(ptr, ptr, object) -> owned object frame 0 {
  local $0 "count": i64
bb0:
  %0: owned object = call @make()
  %1: owned object = call @make()
  %2: i64 = const 7 i64
  set $0 %2
  suspend %1 bb1
bb1:
  %3: object = param 2
  check %3 raises null bb2 else bb3
bb2:
  call @use(%0)
  %4: i64 = get $0
  set $0 %4
  return %0
bb3 cold:
  xdecref %0
  %5: object = const null object
  %6: owned object = own %5
  return %6
}
"#;

/// `result` is read at the end, and never written before a suspension; `kept` is.
const UNWRITTEN: &str = r#"module m
struct 0 "scope" {i64, ptr, object}
struct 1 "cyl_closure" {ptr, i64, ptr, i32, i32, ptr}
extern @make() -> owned object
global @type: struct 1 = zero
constant @name: [i8 x 2] = bytes "m\x00"
frame struct 0 0 1 [2] keep

func @body(ptr, ptr, object) -> owned object frame 0 {
  local $0 "result": object
  local $1 "kept": object
bb0:
  %0: owned object = call @make()
  %1: owned object = call @make()
  set $1 %1
  suspend %0 bb1
bb1:
  %2: owned object = take $1
  xdecref %2
  %3: owned object = call @make()
  suspend %3 bb2
bb2:
  %4: owned object = take $0
  xdecref %4
  %5: owned object = call @make()
  set $0 %5
  %6: owned object = take $0
  return %6
}
"#;

#[test]
fn what_is_zero_at_every_suspension_stays_where_it_is() {
    let mut module = parse(UNWRITTEN).expect("text");
    verify(&module).expect("before");
    suspend(&mut module);
    verify(&module).expect("after");
    // One new field, for `kept`.
    assert_eq!(module.structs[0].fields.len(), 4);
    assert_eq!(module.frames[0].objects, [2, 3]);
}

#[test]
fn what_lives_across_a_suspension_moves_into_the_scope_object() {
    let mut module = parse(TEXT).expect("text");
    assert_eq!(print(&module), TEXT);
    verify(&module).expect("before");
    suspend(&mut module);
    frames(&mut module);
    verify(&module).expect("after");
    // The object held and the count are new fields; what is yielded is not kept.
    assert_eq!(module.structs[0].fields.len(), 5);
    assert_eq!(module.frames[0].objects.len(), 2);
    let body = &module.functions[0];
    assert!(
        matches!(&body.blocks[0].terminator, Terminator::Switch(_, cases, _) if cases.len() == 2)
    );
    assert!(
        body.blocks
            .iter()
            .all(|block| !matches!(block.terminator, Terminator::Suspend { .. }))
    );
}
