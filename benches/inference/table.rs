//! Rows of the table: what was seen of several instances, put together.

use serde::Serialize;

use crate::families::Failure;
use crate::measure::{Case, Seen, measure};
use crate::targets::Target;

/// Instances of one kind.
pub struct Set {
    /// The family or example, and what is special: R, U, T, or a word.
    pub family: String,
    pub kind: String,
    pub cases: Vec<Case>,
    pub target: Option<Target>,
    /// Seconds after which HiGHS is asked no more; 0 for not at all.
    pub highs_seconds: f64,
}

/// Figures of one set.
#[derive(Debug, Serialize)]
pub struct Row {
    pub family: String,
    pub kind: String,
    pub instances: usize,
    /// Median seconds of one forward and backward pass (GE).
    pub pass: f64,
    /// Seconds of solves, over all repetitions of all instances.
    pub least: f64,
    pub median: f64,
    pub p90: f64,
    /// Median over the instances of the fastest solve in passes; and without convexity proof and certificate.
    pub passes_worth: f64,
    pub method_worth: f64,
    pub target: Option<Target>,
    pub met: Option<bool>,
    /// Median over the instances of HiGHS' seconds in units of the fastest solve.
    pub times_faster: Option<f64>,
    /// The largest difference from HiGHS' value, relative, and how many were compared.
    pub difference: Option<f64>,
    pub compared: usize,
    /// The fastest solve in units of the paper's gradient descent; the error of that.
    pub over_descent: f64,
    pub descent_error: f64,
    /// The largest certified gap, relative.
    pub gap: f64,
    /// Whether all gaps are closed and no value disagrees with HiGHS.
    pub passed: bool,
    pub seen: Vec<Seen>,
}

impl Row {
    /// Measures a set.
    ///
    /// Errors: those of the solves; a set without instances.
    pub fn of(set: Set) -> Result<Row, Failure> {
        let mut left = set.highs_seconds;
        let seen = set.cases.iter().map(|case| measure(case, &mut left)).collect::<Result<Vec<Seen>, _>>();
        let seen = seen.map_err(|e| format!("{} {}: {e}", set.family, set.kind))?;
        let over = |f: &dyn Fn(&Seen) -> f64| quantile(seen.iter().map(f), 0.5);
        let all = || seen.iter().flat_map(|s| s.solves.iter().copied());
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NAN, f64::max);
        let compared = seen.iter().filter_map(|s| s.highs.as_ref()).count();
        let mut row = Row {
            instances: seen.len(),
            pass: over(&|s| s.pass),
            least: quantile(all(), 0.0),
            median: quantile(all(), 0.5),
            p90: quantile(all(), 0.9),
            passes_worth: over(&Seen::passes_worth),
            method_worth: over(&|s| s.method / s.pass),
            target: set.target,
            met: None,
            times_faster: (compared > 0)
                .then(|| quantile(seen.iter().filter_map(|s| Some(s.highs.as_ref()?.seconds / s.least())), 0.5)),
            difference: (compared > 0)
                .then(|| most(&mut seen.iter().filter_map(|s| Some(s.highs.as_ref()?.difference.abs())))),
            compared,
            over_descent: over(&|s| s.least() / s.descent),
            descent_error: over(&|s| s.descent_error),
            gap: most(&mut seen.iter().map(|s| s.gap)),
            passed: !seen.is_empty() && seen.iter().all(Seen::passed),
            family: set.family,
            kind: set.kind,
            seen,
        };
        row.met = row.target.map(|target| target.is_met_by(&row));
        Ok(row)
    }

    /// A median of what the record of the solves calls `name`; a dash where it does not tell.
    fn work(&self, name: &str) -> String {
        let told: Vec<f64> = self.seen.iter().filter_map(|s| s.work.get(name)?.as_f64()).collect();
        if told.is_empty() { "-".into() } else { format!("{:.0}", quantile(told.into_iter(), 0.5)) }
    }

    /// The heading of the table.
    pub fn heading() -> String {
        format!(
            "{:10} {:10} {:>3} {:>8} {:>9} {:>9} {:>9} {:>7} {:>7} {:>10} {:>4} {:>8} {:>8} {:>7} {:>8} {:>8} {:>4} {:>5} {:>5} {:>6}",
            "family",
            "kind",
            "n",
            "GE µs",
            "min µs",
            "med µs",
            "p90 µs",
            "GE",
            "method",
            "target",
            "met",
            "HiGHS x",
            "differ",
            "GD x",
            "GD err",
            "gap",
            "fwd",
            "rnds",
            "kinks",
            "steps"
        )
    }

    /// A line of the table.
    pub fn line(&self) -> String {
        let micro = |s: f64| format!("{:.1}", 1e6 * s);
        let small = |v: Option<f64>| v.map_or("-".into(), |v| format!("{v:.0e}"));
        let met = self.met.map_or("", |met| if met { "yes" } else { "NO" });
        format!(
            "{:10} {:10} {:3} {:>8} {:>9} {:>9} {:>9} {:7.1} {:7.1} {:>10} {:>4} {:>8} {:>8} {:7.2} {:>8} {:8.0e} {:>4} {:>5} {:>5} {:>6}{}",
            self.family,
            self.kind,
            self.instances,
            micro(self.pass),
            micro(self.least),
            micro(self.median),
            micro(self.p90),
            self.passes_worth,
            self.method_worth,
            self.target.map_or(String::new(), Target::words),
            met,
            self.times_faster.map_or("-".into(), |t| format!("{t:.0}")),
            small(self.difference),
            self.over_descent,
            small(Some(self.descent_error)),
            self.gap,
            self.work("forward"),
            self.work("rounds"),
            self.work("kinks"),
            self.work("steps"),
            if self.passed { "" } else { "  FAILED" }
        )
    }
}

/// The number below which a share `q` of the values lies, the upper one of two; NaN without values.
pub fn quantile(values: impl Iterator<Item = f64>, q: f64) -> f64 {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    let place = (q * all.len() as f64) as usize;
    all.get(place.min(all.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
