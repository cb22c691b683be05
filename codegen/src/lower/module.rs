//! A whole module.

use frontend_bridge::tree::Tree;

use super::context::Context;
use super::{LowerError, Missing, Result, ShimFacts, ShimRequest, Symbols, shims};
use crate::mir::Module;

/// What lowering a module gives.
#[derive(Debug)]
pub struct Lowered {
    /// The module; only to be used where nothing is missing.
    pub module: Module,
    /// Every construct that has no lowering yet, in the order met.
    pub missing: Vec<Missing>,
    /// C that the module needs.
    pub shims: Option<ShimRequest>,
}

/// Lowers a module.  An error means that the tree is not one: what is not supported is listed in the
/// result.
///
/// `facts` is what the C compiler has said of the module's headers so far.
pub fn lower(
    tree: &Tree,
    symbols: &Symbols,
    facts: ShimFacts,
) -> std::result::Result<Lowered, LowerError> {
    let mut context = Context::new(tree, symbols, facts);
    let done = lower_into(&mut context);
    if let Err(error) = done {
        context.note(error)?;
    }
    context.mir.asks_errno = shims::names_errno(tree)
        || context
            .mir
            .externs
            .iter()
            .any(|one| one.name == "perror" || one.name.contains("FromErrno"));
    Ok(Lowered {
        shims: context.shims.request(tree),
        module: context.mir,
        missing: context.missing,
    })
}

fn lower_into(context: &mut Context<'_>) -> Result<()> {
    context.refuse();
    context.declare_classes()?;
    context.declare_functions()?;
    context.lower_module()?;
    context.define_classes()?;
    if context.missing.is_empty() {
        context.unmet_lines();
    }
    Ok(())
}

impl Lowered {
    /// The missing constructs by how often they occur, most frequent first.
    pub fn missing_by_count(&self) -> Vec<(String, usize)> {
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        for Missing { construct, .. } in &self.missing {
            *counts.entry(construct).or_default() += 1;
        }
        let mut sorted: Vec<_> = counts
            .into_iter()
            .map(|(text, n)| (text.to_owned(), n))
            .collect();
        sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        sorted
    }
}
