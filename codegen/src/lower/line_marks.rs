//! The directive `linetrace`: tracers are told of lines where Cython's C tells them.
//!
//! The places come with the tree (`python/cython_llvm/linemarks.py`).  One that lowering does not come
//! by is a construct that is missing.

use std::collections::{HashMap, HashSet};

use frontend_bridge::tree::{LineMark, Node, NodeId, Tree};

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::cleanup::Exit;
use super::context::{Context, missing_node};
use super::error::Missing;
use crate::mir::{Op, Type};

/// When a line is told of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum When {
    /// Before a node's own code.
    Start,
    /// Behind it.
    End,
    /// Before an iteration of the loop whose body the node is.
    Iteration,
    /// Where a `switch` gets to a case with this condition.
    Case,
}

/// The places of a module.
#[derive(Default, Debug)]
pub(super) struct LineMarks {
    places: HashMap<(NodeId, When), Vec<usize>>,
    marks: Vec<LineMark>,
    met: HashSet<usize>,
    /// Met in two places, of which C may have told in one.
    ambiguous: HashSet<usize>,
    /// Functions that are lowered.
    functions: HashSet<NodeId>,
    /// Whether all places are known.
    known: bool,
}

impl LineMarks {
    pub fn new(tree: &Tree) -> LineMarks {
        let mut made = LineMarks::default();
        let Some(marks) = tree.line_marks() else {
            return made;
        };
        made.known = true;
        made.marks = marks.to_vec();
        for (index, mark) in marks.iter().enumerate() {
            let when = match mark.when.as_str() {
                "start" => When::Start,
                "end" => When::End,
                "iteration" => When::Iteration,
                "case" => When::Case,
                _ => continue,
            };
            if let Some(node) = mark.node {
                made.places.entry((node, when)).or_default().push(index);
            }
        }
        made
    }

    /// The mark of a place, in a copy of `finally` clauses.
    fn find(
        &mut self,
        function: Option<NodeId>,
        (node, when): (NodeId, When),
        copies: &str,
    ) -> Option<(u32, bool)> {
        let found = self.places.get(&(node, when))?;
        let index = *found.iter().find(|index| {
            let mark = &self.marks[**index];
            mark.function == function && mark.copies == copies
        })?;
        if !self.met.insert(index) && copies.is_empty() {
            self.ambiguous.insert(index);
        }
        Some((self.marks[index].line, self.marks[index].nogil))
    }
}

impl Context<'_> {
    /// Whether the places where lines are told of are known.
    pub(super) fn lines_known(&self) -> bool {
        self.line_marks.known
    }

    /// Notes the places that lowering has not come by.
    pub(super) fn unmet_lines(&mut self) {
        let marks = &self.line_marks;
        let mut lines: Vec<_> = marks
            .marks
            .iter()
            .enumerate()
            .filter(|(index, mark)| {
                let lowered = mark.function.is_none_or(|id| marks.functions.contains(&id));
                lowered && (!marks.met.contains(index) || marks.ambiguous.contains(index))
            })
            .map(|(_, mark)| {
                let node = mark.node.map(|id| self.tree.node(id));
                let position = node.and_then(|node| node.position());
                (
                    node.map_or("of no node", |node| node.kind()),
                    mark.line,
                    position,
                )
            })
            .collect();
        lines.sort_by_key(|(_, line, _)| *line);
        for (kind, line, position) in lines {
            let position = position.map(|at| frontend_bridge::tree::Position { line, ..at });
            let construct = format!("linetrace: a line within {kind}");
            self.missing.push(Missing::new(construct, position));
        }
    }
}

impl<'t> Body<'_, 't> {
    /// The body is that of a function, or of the module.
    pub(super) fn tells_lines_of(&mut self, function: Node<'t>) {
        self.function = Some(function.id());
        self.m.line_marks.functions.insert(function.id());
    }

    /// Tells of a line where C does.
    pub(super) fn tell_line(&mut self, node: Node<'t>, when: When) -> Result<()> {
        if self.m.line_marks.places.is_empty() {
            return Ok(());
        }
        let Some((line, nogil)) =
            self.m
                .line_marks
                .find(self.function, (node.id(), when), &self.copies)
        else {
            return Ok(());
        };
        if self.b.ended() || (nogil && !self.m.macros.nogil) {
            return Ok(());
        }
        // Without one, the function runs without the GIL where tracers do not hear of that.
        let Some(local) = self.traces_into() else {
            return Ok(());
        };
        if nogil == self.gil {
            return missing_node(node, "told of to a tracer with another state of the GIL");
        }
        let trace = self.op(Op::LocalAddr(local));
        let index = self.int(ACTIVE, 64);
        let active = self.op(Op::Index(trace, Type::I32, index));
        let active = self.op(Op::Load(Type::I32, active));
        let active = self.truth(active)?;
        let back = std::mem::replace(&mut self.b.line, line);
        let done = self.if_unlikely(active, |body| {
            let line = body.int(line.into(), 32);
            let nogil = body.int(nogil.into(), 32);
            body.rt_status("cyl_trace_line", "pii:i", &[trace, line, nogil], NEGATIVE)?;
            Ok(())
        });
        self.b.line = back;
        done
    }

    /// Whether a tracer is told of a condition of a case.
    pub(super) fn line_of_case(&self, condition: Node<'t>) -> bool {
        let key = (condition.id(), When::Case);
        self.m.line_marks.places.contains_key(&key)
    }

    /// Lowers a copy of a `finally` clause; `exit`: the letter of how it is got to.
    pub(super) fn finally_copy(&mut self, body: Node<'t>, exit: char) -> Result<()> {
        self.copies.push(exit);
        let done = self.stat(body);
        self.copies.pop();
        done
    }
}

/// The word of `struct cyl_trace` that says whether there is anything to tell.
const ACTIVE: i128 = 2;

/// A copy of a `finally` clause at the end of a body, and after an exception.
pub(super) const NORMAL: char = 'n';
pub(super) const EXCEPTION: char = 'e';

/// The letter of a copy of a `finally` clause on the way out.
pub(super) fn copy_by(exit: Exit) -> char {
    match exit {
        Exit::Return => 'r',
        Exit::Break => 'b',
        Exit::Continue => 'c',
    }
}
