//! Lower bounds that hold whatever a solver says: from any multipliers, one backward pass over the original weights gives
//! an affine minorant of f, and its minimum over the domain is closed form. Imports no solver.

pub mod emptiness;
pub mod entropic;
pub mod exact;
pub mod file;
pub mod lagrangian;
pub mod minorant;
pub mod multipliers;
pub mod recession;
pub mod rigorous;
mod support;
pub mod tangent;

pub use emptiness::Farkas;
pub use lagrangian::Lagrangian;
pub use minorant::Minorant;
pub use multipliers::Multipliers;
