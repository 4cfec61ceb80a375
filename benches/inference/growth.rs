//! How the cost grows with the number of decisions, the width and the depth, on random networks (kind R).

use serde::Serialize;

use crate::families::{FAMILIES, Failure, Family, Kind};
use crate::measure::Case;
use crate::plot::{self, Curve};
use crate::table::{Row, Set, quantile};

/// Seeds of each size.
const SEEDS: u64 = 3;

/// HiGHS gets so many seconds a size, and no larger sizes once it has taken longer.
const HIGHS_SECONDS: f64 = 4.0;

/// What grows, in words; its values.
const DECISIONS: (&str, [usize; 7]) = ("p", [4, 8, 16, 32, 64, 128, 256]);
const WIDTHS: (&str, [usize; 7]) = ("width", [50, 100, 200, 400, 800, 1600, 3200]);
const DEPTHS: (&str, [usize; 7]) = ("depth", [2, 3, 4, 5, 6, 7, 8]);

/// What does not grow.
const P: usize = 16;
const WIDTH: usize = 200;
const DEPTH: usize = 2;

/// One series.
#[derive(Debug, Serialize)]
pub struct Series {
    /// What grows.
    pub grows: &'static str,
    pub sizes: Vec<usize>,
    pub rows: Vec<Row>,
    /// Exponents of the least-squares line through the logarithms: of our median seconds, of the same in passes, and of HiGHS.
    pub exponents: [Option<f64>; 3],
}

/// All three series, or the one called `name`; each row is handed to `tell`.
///
/// Errors: those of the solves.
pub fn series(name: Option<&str>, mut tell: impl FnMut(&Row)) -> Result<Vec<Series>, Failure> {
    let mut all = vec![];
    for (grows, sizes) in [DECISIONS, WIDTHS, DEPTHS].into_iter().filter(|(grows, _)| name.is_none_or(|n| n == *grows))
    {
        let (mut rows, mut highs_seconds): (Vec<Row>, f64) = (vec![], HIGHS_SECONDS);
        for n in sizes {
            let row = Row::of(set(grows, n, highs_seconds)?)?;
            if row.seen.iter().filter_map(|s| s.highs.as_ref()).any(|h| h.seconds > HIGHS_SECONDS) {
                highs_seconds = 0.0;
            }
            tell(&row);
            rows.push(row);
        }
        let exponents = [median, passes, highs].map(|of| exponent(&sizes, &rows, of));
        all.push(Series { grows, sizes: sizes.to_vec(), rows, exponents });
    }
    Ok(all)
}

/// Of every instance the fastest solve.
fn median(row: &Row) -> Option<f64> {
    Some(quantile(row.seen.iter().map(|s| s.least()), 0.5))
}

fn passes(row: &Row) -> Option<f64> {
    Some(row.passes_worth)
}

fn highs(row: &Row) -> Option<f64> {
    let seconds = row.seen.iter().filter_map(|s| Some(s.highs.as_ref()?.seconds));
    Some(quantile(seconds, 0.5)).filter(|s| s.is_finite())
}

/// Networks of one size.
fn set(grows: &'static str, n: usize, highs_seconds: f64) -> Result<Set, Failure> {
    let size = |what: &str, otherwise: usize| if grows == what { n } else { otherwise };
    // A few words for each size, kept to the end: families are constants elsewhere.
    let hidden = vec![size("width", WIDTH); size("depth", DEPTH)].leak();
    let family = Family { decisions: size("p", P), hidden, seed: n as u64, trained: false, ..FAMILIES[1] };
    let cases = (0..SEEDS).map(|k| {
        let (network, _) = Family { seed: family.seed + 10_000 * k, ..family }.network(Kind::Random)?;
        Ok(Case { instance: network.given(&[])?, domain: family.domain()? })
    });
    let cases = cases.collect::<Result<_, Failure>>()?;
    Ok(Set { family: grows.into(), kind: n.to_string(), cases, target: None, highs_seconds })
}

/// The slope of the line through (log size, log cost) with the least squares.
fn exponent(sizes: &[usize], rows: &[Row], cost: impl Fn(&Row) -> Option<f64>) -> Option<f64> {
    let points: Vec<(f64, f64)> =
        sizes.iter().zip(rows).filter_map(|(n, row)| Some(((*n as f64).ln(), cost(row)?.ln()))).collect();
    let n = points.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
    let (up, across) =
        points.iter().fold((0.0, 0.0), |(up, across), (a, b)| (up + (a - x) * (b - y), across + (a - x).powi(2)));
    (points.len() >= 3).then_some(up / across).filter(|e| e.is_finite())
}

impl Series {
    /// The exponents in words.
    pub fn line(&self) -> String {
        let [ours, passes, highs] = self.exponents.map(|e| e.map_or("-".into(), |e| format!("{e:.2}")));
        format!("{}: solve ~ {}^{ours}, in passes ^{passes}, HiGHS ^{highs}", self.grows, self.grows)
    }

    /// The series as a figure.
    pub fn picture(&self) -> String {
        let curve = |name: &str, of: &dyn Fn(&Row) -> Option<f64>| {
            let points = self.sizes.iter().zip(&self.rows).filter_map(|(n, row)| Some((*n as f64, of(row)?)));
            Curve { name: name.into(), points: points.collect() }
        };
        let fixed: Vec<String> = [("p", P), ("width", WIDTH), ("depth", DEPTH)]
            .iter()
            .filter(|(name, _)| *name != self.grows)
            .map(|(name, n)| format!("{name} {n}"))
            .collect();
        let curves = [
            curve("HiGHS, full linear program", &highs),
            curve("icnn, certified", &median),
            curve("paper's 30 iterations", &|row| Some(quantile(row.seen.iter().map(|s| s.descent), 0.5))),
            curve("one pass", &|row| Some(row.pass)),
        ];
        plot::figure(&format!("{} grows; {}", self.grows, fixed.join(", ")), self.grows, &curves)
    }
}
