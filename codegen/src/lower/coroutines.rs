//! `async for`.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::cleanup::Frame;
use super::context::missing_node;

impl<'t> Body<'_, 't> {
    /// `AsyncForStatNode`.
    pub(super) fn lower_async_for(&mut self, node: Node<'t>) -> Result<()> {
        let (iterator, item) = (node.child("iterator")?, node.child("item")?);
        if iterator.kind() != "AsyncIteratorNode" {
            return missing_node(node, &format!("over {}", iterator.kind()));
        }
        let mut next = item;
        // The item may be converted for the target.
        while next.kind() != "AwaitIterNextExprNode" {
            next = match next.node("arg") {
                Some(inner) => inner,
                None => return missing_node(node, &format!("with {}", item.kind())),
            };
        }
        let source = self.expr(iterator.child("sequence")?)?;
        self.at(node);
        let state = self.rt_object("__Pyx_Coroutine_GetAsyncIter", "o:O", &[source])?;
        self.release(source);
        let (head, otherwise, broken, after) = (
            self.b.block(),
            self.b.block(),
            self.b.block(),
            self.b.block(),
        );
        self.b.jump(head);
        self.b.switch_to(head);
        self.at(node);
        let awaitable = self.rt_object("__Pyx_Coroutine_AsyncIterNext", "o:O", &[state])?;
        let value = self.delegate(next, awaitable, Some(otherwise))?;
        self.results.insert(next.id(), value);
        let value = if next == item {
            value
        } else {
            self.expr(item)?
        };
        self.assign(node.child("target")?, value)?;
        let depth = self.temps.len();
        self.frames.push(Frame::Loop {
            break_to: broken,
            continue_to: head,
            depth,
        });
        let done = self.stat(node.child("body")?);
        self.frames.pop();
        done?;
        self.b.jump(head);
        let temps = self.temps.clone();
        self.b.switch_to(otherwise);
        self.release(state);
        if let Some(clause) = node.node("else_clause") {
            self.stat(clause)?;
        }
        self.b.jump(after);
        self.temps = temps;
        self.b.switch_to(broken);
        self.release(state);
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }
}
