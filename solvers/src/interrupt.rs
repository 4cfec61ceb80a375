//! [`Interrupt`]: a switch by which another thread stops a solver.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A switch shared by whoever may stop a solve and the solver that looks at it. Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// A switch that is off.
    pub fn new() -> Interrupt {
        Interrupt::default()
    }

    /// Switches it on, for good.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is on.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    #[cfg(feature = "highs")]
    pub(crate) fn flag(&self) -> &Arc<AtomicBool> {
        &self.0
    }
}

/// Two are equal if they are the same switch.
impl PartialEq for Interrupt {
    fn eq(&self, other: &Interrupt) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
