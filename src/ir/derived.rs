//! [`Derived`]: what a later stage makes of a program, or of an instance, once, kept with it.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::bounds::Bounds;

/// A slot for one value of a type that the IR knows nothing of, for the answer to one question, and for the bounds that say nothing.
#[derive(Clone, Default)]
pub(crate) struct Derived {
    made: OnceLock<Arc<dyn Any + Send + Sync>>,
    answer: OnceLock<bool>,
    unknown: OnceLock<Arc<Bounds>>,
}

impl Derived {
    /// The value, made by `make` when it is asked for first. Where the slot holds a value of another type, a new one each
    /// time.
    pub fn get<T: Any + Send + Sync>(&self, make: impl Fn() -> T) -> Arc<T> {
        let kept = self.made.get_or_init(|| Arc::new(make())).clone();
        kept.downcast().unwrap_or_else(|_| Arc::new(make()))
    }

    /// The answer, found by `decide` when it is asked for first.
    pub fn is(&self, decide: impl FnOnce() -> bool) -> bool {
        *self.answer.get_or_init(decide)
    }

    /// The bounds, made by `make` when they are asked for first.
    pub fn unknown(&self, make: impl FnOnce() -> Bounds) -> Arc<Bounds> {
        self.unknown.get_or_init(|| Arc::new(make())).clone()
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived")
    }
}
