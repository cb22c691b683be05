use pretty_assertions::assert_eq;

use super::{Code, Known, Plan, plan};
use crate::OwnedModule;
use crate::emit::EmitOptions;
use crate::mir::{Module, parse};

/// `f` calls `g`, `h` uses a constant; their numbers and the objects' depend on what comes before.
fn module(before: &str, objects: &str, first: usize, result: i64) -> Module {
    let text = format!(
        r#"module m
{objects}
{before}
func @g(i64) -> i64 {{
bb0:
  %0: i64 = const {result} i64
  return %0
}}

func @f(i64) -> i64 {{
bb0:
  %0: i64 = param 0
  %1: i64 = call @g(%0)
  return %1
}}

func @h() -> owned object {{
bb0:
  %0: object = object {first}
  %1: owned object = incref %0
  return %1
}}
"#
    );
    parse(&text).expect("text")
}

const ONE: &str = "object 0 = interned str \"one\"";
const TWO: &str = "object 0 = int 7\nobject 1 = interned str \"one\"";
const MORE: &str = "func @more(i64) -> i64 {\nbb0:\n  %0: i64 = param 0\n  return %0\n}\n";

fn compiled(module: &Module, plan: &Plan) -> Vec<String> {
    let named = module.functions.iter().zip(&plan.code);
    named
        .filter(|(_, code)| **code == Code::Here)
        .map(|(function, _)| function.name.clone())
        .collect()
}

#[test]
fn nothing_is_compiled_twice() {
    let first = module("", ONE, 0, 1);
    let made = plan(&first, &Known::default());
    assert_eq!(compiled(&first, &made), ["g", "f", "h"]);
    let again = plan(&first, &made.known);
    assert_eq!(compiled(&first, &again), [""; 0]);
    assert!(Known::default().is_empty() && !again.known.is_empty());
}

#[test]
fn callers_go_with_what_could_be_inlined_into_them() {
    let made = plan(&module("", ONE, 0, 1), &Known::default());
    let edited = module("", ONE, 0, 2);
    assert_eq!(compiled(&edited, &plan(&edited, &made.known)), ["g", "f"]);
}

#[test]
fn numbers_that_shift_change_nothing() {
    let made = plan(&module("", ONE, 0, 1), &Known::default());
    let edited = module(MORE, TWO, 1, 1);
    let next = plan(&edited, &made.known);
    assert_eq!(compiled(&edited, &next), ["more"]);
    // "one" stays where it was, 7 comes behind it.
    assert_eq!((next.places.clone(), next.length), (vec![1, 0], 2));
}

#[test]
fn only_what_is_new_is_defined() {
    let made = plan(&module("", ONE, 0, 1), &Known::default());
    let edited = module(MORE, TWO, 1, 1);
    let next = plan(&edited, &made.known);
    let mut code =
        OwnedModule::from_mir(&edited, EmitOptions::default(), Some(&next)).expect("a module");
    let symbols = code.symbols();
    assert!(symbols.defined.contains(&"more$".to_owned()), "{symbols:?}");
    assert!(!symbols.defined.contains(&"g$".to_owned()), "{symbols:?}");
}
