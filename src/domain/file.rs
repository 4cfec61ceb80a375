//! [`DomainFile`]: a domain as a JSON file (docs/domains.md).
//!
//! ```json
//! {
//!   "version": 1,
//!   "lower": 0, "upper": [1, 1, null],
//!   "fixed": {"2": 0.5},
//!   "rows": [{"name": "budget", "coefficients": {"0": 2, "1": 3.5}, "upper": 4}],
//!   "sums": [{"name": "total", "of": [0, 1], "lower": 0.2}],
//!   "simplices": [{"name": "shares", "of": "all", "total": 1}],
//!   "networks": [{"name": "risk", "model": "risk.onnx", "context": "row", "at_most": 0.1}]
//! }
//! ```

use std::path::Path;

use serde::Deserialize;

use super::Domain;
use crate::error::Error;
use crate::loose::{self, Loose, Pairs, label};
use crate::network::{NamedNetwork, Network};

/// A domain whose learned constraints may depend on the context row.
#[derive(Debug, Clone)]
pub struct DomainFile {
    domain: Domain,
    by_row: Vec<(String, Network, f64)>,
    /// `FILE: `, for messages.
    file: String,
}

impl DomainFile {
    /// Reads a domain of `p` coordinates. Models are looked for beside the file. `base` is what the command line says
    /// of the box; the file narrows it.
    ///
    /// Errors: an unreadable or malformed file; a part that does not fit, named with its row and coordinate.
    pub fn read(path: &Path, base: Domain) -> Result<DomainFile, Error> {
        let prefix = format!("{}: ", path.display());
        let text = loose::text(path).map_err(Error::Domain)?;
        let read = DomainFile::parse(&text, path.parent().unwrap_or(Path::new("")), base);
        let mut file = read.map_err(|e| within(&prefix, e))?;
        file.file = prefix;
        Ok(file)
    }

    /// The same from the text of a file; `folder` is where models are looked for.
    pub fn parse(text: &[u8], folder: &Path, base: Domain) -> Result<DomainFile, Error> {
        let written: Written = serde_json::from_slice(text).map_err(|e| Error::Domain(e.to_string()))?;
        written.build(base, folder)
    }

    /// The domain at a context row.
    ///
    /// Errors: a constraint network that does not take this row.
    pub fn at(&self, x: &[f64]) -> Result<Domain, Error> {
        let mut domain = self.domain.clone();
        for (name, network, at_most) in &self.by_row {
            let wrong = |e: Error| Error::Domain(format!("{}constraint '{name}': {e}", self.file));
            let function = network.given(x).map_err(wrong)?;
            domain = domain.with_at_most(name, &function, *at_most)?;
        }
        Ok(domain)
    }

    /// The domain, if it is the same for all rows.
    pub fn fixed(&self) -> Option<&Domain> {
        self.by_row.is_empty().then_some(&self.domain)
    }

    /// What does not depend on the row: the whole domain but for constraints that take the context row.
    pub fn common(&self) -> &Domain {
        &self.domain
    }
}

impl From<Domain> for DomainFile {
    fn from(domain: Domain) -> DomainFile {
        DomainFile { domain, by_row: vec![], file: String::new() }
    }
}

/// A complaint about a part, with what the part belongs to in front.
fn within(what: &str, error: Error) -> Error {
    match error {
        Error::Domain(reason) => Error::Domain(format!("{what}{reason}")),
        other => other,
    }
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with \"version\": 1")]
struct Written {
    version: u64,
    lower: Option<Loose>,
    upper: Option<Loose>,
    fixed: Option<Loose>,
    #[serde(default)]
    rows: Vec<WrittenRow>,
    #[serde(default)]
    sums: Vec<WrittenSum>,
    #[serde(default)]
    simplices: Vec<WrittenSimplex>,
    #[serde(default)]
    networks: Vec<WrittenNetwork>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a row: an object with \"coefficients\"")]
struct WrittenRow {
    name: Option<String>,
    coefficients: Loose,
    lower: Option<Loose>,
    upper: Option<Loose>,
    equals: Option<Loose>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a sum: an object with \"of\"")]
struct WrittenSum {
    name: Option<String>,
    of: Loose,
    lower: Option<Loose>,
    upper: Option<Loose>,
    equals: Option<Loose>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a simplex: an object with \"of\"")]
struct WrittenSimplex {
    name: Option<String>,
    of: Loose,
    total: Option<Loose>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a network: an object with \"model\" and \"at_most\"")]
struct WrittenNetwork {
    name: Option<String>,
    model: String,
    at_most: Loose,
    /// A list of numbers, or "row": the context row of the network that is minimised.
    context: Option<Loose>,
    /// The decision input's name.
    y: Option<String>,
    /// The output component.
    output: Option<String>,
}

/// Both ends of a row, from `lower`, `upper` or `equals`.
fn ends(what: &str, lower: &Option<Loose>, upper: &Option<Loose>, equals: &Option<Loose>) -> Result<(f64, f64), Error> {
    let end = |side: &str, v: &Option<Loose>, none| match v {
        None | Some(Loose::Null) => Ok(none),
        Some(v) => v.number(&format!("{what}: \"{side}\"")).map_err(Error::Domain),
    };
    match (lower, upper, equals) {
        (None, None, None) => Err(Error::Domain(format!("{what} has none of \"lower\", \"upper\" and \"equals\""))),
        (l, u, None) => Ok((end("lower", l, f64::NEG_INFINITY)?, end("upper", u, f64::INFINITY)?)),
        (None, None, Some(v)) => v.number(&format!("{what}: \"equals\"")).map(|v| (v, v)).map_err(Error::Domain),
        _ => Err(Error::Domain(format!("{what} has \"equals\" beside another end"))),
    }
}

impl Written {
    fn build(self, base: Domain, folder: &Path) -> Result<DomainFile, Error> {
        if self.version != 1 {
            return Err(Error::Domain(format!("version {}; this program reads version 1", self.version)));
        }
        let mut domain = base;
        self.add_box(&mut domain)?;
        self.add_rows(&mut domain)?;
        domain.tighten();
        let mut file = DomainFile::from(domain);
        for (k, network) in self.networks.iter().enumerate() {
            let name = network.name.clone().unwrap_or_else(|| format!("network {k}"));
            let what = network.name.as_ref().map_or_else(|| name.clone(), |n| format!("constraint '{n}'"));
            network.add(&mut file, name, &what, folder)?;
        }
        Ok(file)
    }

    fn add_box(&self, domain: &mut Domain) -> Result<(), Error> {
        let p = domain.dimension();
        let sides = [("\"lower\"", &self.lower), ("\"upper\"", &self.upper)];
        for (side, (what, values)) in sides.into_iter().enumerate() {
            let Some(values) = values else { continue };
            for (j, v) in values.each(what, p).map_err(Error::Domain)?.into_iter().enumerate() {
                let Some(v) = v else { continue };
                let (l, u) = if side == 0 { (v, f64::INFINITY) } else { (f64::NEG_INFINITY, v) };
                domain.narrow(j, l, u).map_err(|e| within(&format!("{what}: "), e))?;
            }
        }
        let Some(fixed) = &self.fixed else { return Ok(()) };
        for (j, v) in fixed.pairs("\"fixed\"", p).map_err(Error::Domain)? {
            domain.narrow(j, v, v).map_err(|e| within("\"fixed\": ", e))?;
        }
        Ok(())
    }

    fn add_rows(&self, domain: &mut Domain) -> Result<(), Error> {
        let p = domain.dimension();
        let named = |name: &Option<String>, kind: &str, k: usize| name.clone().unwrap_or_else(|| format!("{kind} {k}"));
        for (k, simplex) in self.simplices.iter().enumerate() {
            let (name, what) = (named(&simplex.name, "simplex", k), label("simplex", &simplex.name, k));
            let total = simplex.total.as_ref().map_or(Ok(1.0), |t| t.number(&format!("{what}: \"total\"")));
            let of = simplex.of.coordinates(&what, p).map_err(Error::Domain)?;
            domain.add_simplex(&what, &name, &of, total.map_err(Error::Domain)?)?;
        }
        for (k, row) in self.rows.iter().enumerate() {
            let (name, what) = (named(&row.name, "row", k), label("row", &row.name, k));
            let (lower, upper) = ends(&what, &row.lower, &row.upper, &row.equals)?;
            let coefficients = row.coefficients.pairs(&what, p).map_err(Error::Domain)?;
            domain.add_row(&what, &name, &coefficients, lower, upper)?;
        }
        for (k, sum) in self.sums.iter().enumerate() {
            let (name, what) = (named(&sum.name, "sum", k), label("sum", &sum.name, k));
            let (lower, upper) = ends(&what, &sum.lower, &sum.upper, &sum.equals)?;
            let ones: Pairs =
                sum.of.coordinates(&what, p).map_err(Error::Domain)?.into_iter().map(|j| (j, 1.0)).collect();
            domain.add_row(&what, &name, &ones, lower, upper)?;
        }
        Ok(())
    }
}

impl WrittenNetwork {
    fn add(&self, file: &mut DomainFile, name: String, what: &str, folder: &Path) -> Result<(), Error> {
        let at_most = self.at_most.number(&format!("{what}: \"at_most\"")).map_err(Error::Domain)?;
        let WrittenNetwork { model, y, output, context, .. } = self;
        let named = NamedNetwork { model, y, output, context };
        let (network, context) = named.load(what, file.domain.dimension(), folder).map_err(Error::Domain)?;
        let Some(context) = context else {
            if !at_most.is_finite() {
                return Err(Error::Domain(format!("{what}: its level is {at_most}")));
            }
            file.by_row.push((name, network, at_most));
            return Ok(());
        };
        let given = network.given(&context)?;
        file.domain = file.domain.clone().with_at_most(&name, &given, at_most)?;
        Ok(())
    }
}
