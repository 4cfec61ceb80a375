//! [`Spare`]: room for passes that earlier runs over the same program have left. A solve of a small network is over in a tenth of a
//! millisecond, of which asking for memory again would be a twentieth.

use std::sync::{Mutex, PoisonError};

use super::kinks::Workbench;
use super::pass::Workspace;

/// Most rooms that are kept: one for each run at the same time, and of those no more than this.
const MOST: usize = 64;

/// Rooms with more numbers are given back.
const LARGE: usize = 1 << 18;

/// Rooms that nobody uses.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Vec<(Workspace, Option<Workbench>)>>);

impl Spare {
    /// One of them, or an empty one.
    pub fn take(&self) -> (Workspace, Option<Workbench>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Leaves a room for others.
    pub fn leave(&self, work: Workspace, bench: Option<Workbench>) {
        if work.numbers() + bench.as_ref().map_or(0, Workbench::numbers) <= LARGE {
            let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if rooms.len() < MOST {
                rooms.push((work, bench));
            }
        }
    }
}
