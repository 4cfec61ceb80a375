//! What issue and paper ask of each family and kind.

use serde::Serialize;

use crate::families::Kind;
use crate::table::Row;

/// What a median has to stay below.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Target {
    /// So many passes over the network.
    Passes(f64),
    /// So many seconds, or a solve that is so many times faster than HiGHS on the full program.
    Seconds(f64, Option<f64>),
}

/// The target of a cold solve; none for kind U.
pub fn cold(family: &str, kind: Kind) -> Option<Target> {
    use Target::{Passes, Seconds};
    match (family, kind) {
        (_, Kind::Unbalanced) => None,
        ("rl6", _) => Some(Passes(20.0)),
        ("rl17", _) => Some(Passes(35.0)),
        ("mpc24", Kind::Trained) => Some(Passes(60.0)),
        ("mpc24", _) => Some(Passes(100.0)),
        ("bib159", Kind::Trained) => Some(Passes(100.0)),
        ("wide100" | "oli2048", Kind::Trained) => Some(Passes(60.0)),
        ("bib159" | "wide100", _) => Some(Seconds(0.015, Some(60.0))),
        ("oli2048", _) => Some(Seconds(1.0, None)),
        _ => None,
    }
}

/// The target of a solve that starts from the last one, contexts drifting by `step`, in passes.
pub fn warm(family: &str, step: f64) -> Option<f64> {
    let slow = step < 0.05;
    Some(match family {
        "rl6" => 5.0,
        "rl17" => {
            if slow {
                10.0
            } else {
                30.0
            }
        }
        "mpc24" => {
            if slow {
                20.0
            } else {
                40.0
            }
        }
        "bib159" => 60.0,
        "wide100" => 80.0,
        _ => return None,
    })
}

impl Target {
    /// Whether it is met.
    pub fn is_met_by(self, row: &Row) -> bool {
        match self {
            Target::Passes(most) => row.passes_worth <= most,
            Target::Seconds(most, times) => {
                row.median <= most || times.is_some_and(|times| row.times_faster.is_some_and(|t| t >= times))
            }
        }
    }

    /// In words.
    pub fn words(self) -> String {
        match self {
            Target::Passes(most) => format!("{most} GE"),
            Target::Seconds(most, None) => format!("{} ms", 1e3 * most),
            Target::Seconds(most, Some(times)) => format!("{} ms|{times}x", 1e3 * most),
        }
    }
}
