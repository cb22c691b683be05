//! Parallel regions in which Python runs: every thread holds the GIL, but for where it waits for
//! others.

use super::body::Body;
use crate::mir::{LocalId, Op, Type, Value};

/// OpenMP's description of an explicit barrier.
const BARRIER_PLACE: i128 = 0x22;

impl Body<'_, '_> {
    /// Lets go of the GIL in a loop that holds it; where the thread's state is.
    pub(super) fn pause(&mut self, holds: bool) -> Option<LocalId> {
        let place = holds.then(|| self.b.local("state", Type::Ptr));
        self.let_go(place);
        place
    }

    pub(super) fn let_go(&mut self, place: Option<LocalId>) {
        if let Some(place) = place {
            let state = self.op(Op::SaveThread);
            self.b.effect(Op::Set(place, state));
            self.gil = false;
        }
    }

    /// Takes the GIL again.
    pub(super) fn take_back(&mut self, place: Option<LocalId>) {
        if let Some(place) = place {
            let state = self.op(Op::Get(place));
            self.b.effect(Op::RestoreThread(state));
            self.gil = true;
        }
    }

    /// Waits for all threads after a loop that holds the GIL, as Cython does.
    pub(super) fn wait_without_gil(&mut self, place: Option<LocalId>, thread: Value) {
        if place.is_some() {
            let at = self.place_for_openmp(BARRIER_PLACE);
            let types = [Type::Ptr, Type::I32];
            self.openmp("__kmpc_barrier", &types, Type::Void, vec![at, thread]);
        }
    }
}
