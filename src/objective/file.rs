//! [`ObjectiveFile`]: terms beside f as a JSON file (docs/domains.md).
//!
//! ```json
//! {
//!   "version": 1,
//!   "weight": 1,
//!   "networks": [{"name": "wear", "model": "wear.onnx", "weight": 0.2, "context": "row"}],
//!   "linear": {"0": 3.5},
//!   "quadratic": [1, 1, 0], "target": [0.5, 0.5, 0]
//! }
//! ```

use std::path::Path;

use serde::Deserialize;
use sprs::CsMat;

use super::Objective;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::loose::{self, Loose, label};
use crate::network::{NamedNetwork, Network};

/// Networks and terms to be added to f.
#[derive(Debug, Clone)]
pub struct ObjectiveFile {
    weight: f64,
    /// `FILE: `, for messages.
    file: String,
    /// What messages call it, weight, network, and its context where it is not the row's.
    networks: Vec<(String, f64, Network, Option<Vec<f64>>)>,
    linear: Option<Vec<f64>>,
    quadratic: Option<(CsMat<f64>, Vec<f64>)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with \"version\": 1")]
struct Written {
    version: u64,
    weight: Option<Loose>,
    #[serde(default)]
    networks: Vec<WrittenNetwork>,
    linear: Option<Loose>,
    quadratic: Option<Loose>,
    target: Option<Loose>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a network: an object with \"model\"")]
struct WrittenNetwork {
    name: Option<String>,
    model: String,
    weight: Option<Loose>,
    context: Option<Loose>,
    y: Option<String>,
    output: Option<String>,
}

impl ObjectiveFile {
    /// Reads terms over `p` decisions. Models are looked for beside the file.
    ///
    /// Errors: an unreadable or malformed file; a term that does not fit, named with its coordinate.
    pub fn read(path: &Path, p: usize) -> Result<ObjectiveFile, Error> {
        let file = format!("{}: ", path.display());
        let text = loose::text(path).map_err(Error::Objective)?;
        let read = ObjectiveFile::parse(&text, path.parent().unwrap_or(Path::new("")), p);
        let read = read.map_err(|e| Error::Objective(format!("{file}{e}")))?;
        Ok(ObjectiveFile { file, ..read })
    }

    /// The same from the text of a file; `folder` is where models are looked for. The error is what is wrong, in words.
    pub fn parse(text: &[u8], folder: &Path, p: usize) -> Result<ObjectiveFile, String> {
        let written: Written = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        written.build(p, folder)
    }

    /// weight·f and all terms, at a context row.
    ///
    /// Errors: a network that does not take this row; a term that does not fit.
    pub fn at(&self, f: &Instance, x: &[f64]) -> Result<Objective, Error> {
        let mut out = Objective::of(f).weighted(self.weight)?;
        for (name, weight, network, context) in &self.networks {
            let given = network.given(context.as_deref().unwrap_or(x));
            let given = given.map_err(|e| Error::Objective(format!("{}{name}: {e}", self.file)))?;
            out = out.with_network(*weight, &given)?;
        }
        if let Some(c) = &self.linear {
            out = out.with_linear(c)?;
        }
        match &self.quadratic {
            Some((q, target)) => out.with_quadratic(q.clone(), target),
            None => Ok(out),
        }
    }
}

impl Written {
    fn build(self, p: usize, folder: &Path) -> Result<ObjectiveFile, String> {
        if self.version != 1 {
            return Err(format!("version {}; this program reads version 1", self.version));
        }
        let weight = |what: &str, v: &Option<Loose>| match v.as_ref().map_or(Ok(1.0), |v| v.number(what))? {
            v if v >= 0.0 && v.is_finite() => Ok(v),
            v => Err(format!("{what} is {v}; weights are at least 0")),
        };
        let mut networks = vec![];
        for (k, written) in self.networks.iter().enumerate() {
            let what = label("network", &written.name, k);
            let WrittenNetwork { model, y, output, context, .. } = written;
            let (network, context) = NamedNetwork { model, y, output, context }.load(&what, p, folder)?;
            let weight = weight(&format!("{what}: \"weight\""), &written.weight)?;
            networks.push((what, weight, network, context));
        }
        let each = |what: &str, v: &Loose| -> Result<Vec<f64>, String> {
            let values: Vec<f64> = v.each(what, p)?.into_iter().map(|v| v.unwrap_or(0.0)).collect();
            match values.iter().position(|v| !v.is_finite()) {
                Some(j) => Err(format!("{what}, y[{j}] is {}", values[j])),
                None => Ok(values),
            }
        };
        let linear = self.linear.as_ref().map(|c| each("\"linear\"", c)).transpose()?;
        let target = self.target.as_ref().map(|t| each("\"target\"", t)).transpose()?;
        let quadratic = match (&self.quadratic, target) {
            (None, None) => None,
            (None, Some(t)) => Some((CsMat::eye(p), t)),
            (Some(q), t) => Some((q.matrix("\"quadratic\"", p)?, t.unwrap_or_else(|| vec![0.0; p]))),
        };
        if let Some((v, (i, j))) = quadratic.iter().flat_map(|(q, _)| q.iter()).find(|(v, _)| !v.is_finite()) {
            return Err(format!("\"quadratic\", row {i}, y[{j}] is {v}"));
        }
        let weight = weight("\"weight\"", &self.weight)?;
        Ok(ObjectiveFile { file: String::new(), weight, networks, linear, quadratic })
    }
}
