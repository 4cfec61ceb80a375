//! [`Derived`]: what a later stage makes of a program, or of an instance, once, kept with it.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A slot for one value of a type that the IR knows nothing of, and for the answer to one question.
#[derive(Clone, Default)]
pub(crate) struct Derived {
    made: OnceLock<Arc<dyn Any + Send + Sync>>,
    answer: OnceLock<bool>,
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
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived")
    }
}
