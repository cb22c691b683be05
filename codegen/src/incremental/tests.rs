use super::*;
use crate::mir;
use pretty_assertions::assert_eq;

const TEXT: &str = "";

#[test]
fn nothing_is_known_at_first() {
    assert!(Known::default().is_empty());
    assert_eq!(TEXT, "");
    let module = mir::Module::new("m");
    let first = plan(&module, &Known::default());
    assert_eq!((first.compiled, first.length), (0, 0));
}
