//! What `--range` and `--choose` add to an answer.

use icnn::ir::instance::Instance;
use icnn::solve::batch::Session;
use icnn::solve::face::{OptimalFace, Range};
use icnn::{Error, Limits, Solution, Status};
use serde::Serialize;

use super::Args;
use crate::cli::output;

/// What is known of all minimisers.
#[derive(Debug, Serialize)]
pub struct Face {
    /// Whether there is one only; `null` where that stays open.
    unique: Option<bool>,
    /// Values up to this much above the least one found count as least.
    range_slack: f64,
    /// For each coordinate what is proven and what is attained.
    range: Vec<Range>,
}

/// The answer at the chosen minimiser, and the ranges of all of them, as far as they are asked for and there are any.
pub fn of(args: &Args, solution: Solution, f: &Instance, session: &Session) -> Result<(Solution, Option<Face>), Error> {
    if (!args.range && args.choose.is_none()) || solution.status != Status::Optimal {
        return Ok((solution, None));
    }
    let limits = Limits { gap: args.gap, time: args.time_limit, iterations: args.iteration_limit, ..Limits::default() };
    let Some(face) = OptimalFace::new(f, session.domain(), &limits)? else {
        return Ok((noted(solution, "the optimal face was not found within the limits"), None));
    };
    let mut solution = solution;
    if let Some(choice) = args.choose {
        solution = match face.choose(choice)? {
            Some(y) => solution.moved_to(f, y, args.gap)?,
            None => noted(
                solution,
                "no minimiser was chosen: that way the face has no end, or the solver was not exact enough",
            ),
        };
    }
    if !args.range {
        return Ok((solution, None));
    }
    let range = face.ranges()?;
    let unique = OptimalFace::unique(&range);
    let note = match unique {
        Some(true) => "the minimiser is unique".to_string(),
        Some(false) => format!(
            "the minimiser is not unique: {} of {} coordinates can move, by up to {:.1e}",
            range.iter().filter(|r| r.moves()).count(),
            range.len(),
            range.iter().map(|r| r.inner[1] - r.inner[0]).fold(0.0, f64::max)
        ),
        None => "whether the minimiser is unique was left open".to_string(),
    };
    let note = format!("{note} (values within {:.1e} count as least)", face.slack());
    Ok((noted(solution, &note), Some(Face { unique, range_slack: face.slack(), range })))
}

fn noted(mut solution: Solution, note: &str) -> Solution {
    let message = solution.message.take().map_or(note.to_string(), |message| format!("{message}; {note}"));
    solution.message = Some(message);
    solution
}

impl Face {
    /// The coordinates that can move, one a line.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (j, Range { outer, inner }) in self.range.iter().enumerate().filter(|(_, r)| !r.settled()) {
            let [a, b, c, d] = [outer[0], outer[1], inner[0], inner[1]].map(output::decimal);
            text.push_str(&format!("\n  y[{j}] in [{a}, {b}], attained [{c}, {d}]"));
        }
        text
    }
}
