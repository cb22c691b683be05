use super::*;

const SMALL: &[u8] = include_bytes!("../../tests/data/small.json");

#[test]
fn the_sample_is_read() {
    let tree = Tree::from_json(SMALL).unwrap();
    assert_eq!(tree.root().kind(), "ModuleNode");
    assert!(tree.root().is_a("Node"));
}
