//! [`Description`]: what the tensors of a safetensors file are.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::functions::Chain;
use super::presets;
use crate::load::error::LoadError;

/// What a description calls itself.
const FORMAT: &str = "icnn-layers";
/// The version that is read.
const VERSION: u64 = 1;

/// Which equation of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Equation 2, convex in its only input.
    Ficnn,
    /// Equation 3, with a context.
    Picnn,
}

/// How matrices are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// [outputs, inputs], as PyTorch does.
    #[default]
    #[serde(rename = "out,in")]
    OutIn,
    /// [inputs, outputs], as JAX and Keras do.
    #[serde(rename = "in,out")]
    InOut,
}

/// A factor of the z map.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a number, \"1/width\" or \"width\"")]
pub(super) enum Gain {
    /// The same in each layer.
    Number(f64),
    /// From the number of entries of z.
    Width(WidthGain),
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(super) enum WidthGain {
    #[serde(rename = "1/width")]
    Inverse,
    #[serde(rename = "width")]
    Times,
}

/// The names of the tensors in one role, layer by layer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a name with {i}, a list of names, or {\"first\", \"then\", \"last\"}")]
pub(super) enum Names {
    /// A template; layers whose name is not in the file do without.
    Template(String),
    /// One name a layer, null for none.
    List(Vec<Option<String>>),
    /// A template, and names of their own for the first and the last layer.
    Ends(Ends),
}

/// Names that differ at the ends.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ends {
    #[serde(default, deserialize_with = "given")]
    pub first: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub then: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub last: Option<Option<String>>,
}

/// Tells null from nothing.
fn given<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(d).map(Some)
}

/// Functions, layer by layer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a function, a list of functions, or {\"first\", \"then\", \"last\"} of these")]
pub(super) enum Chains {
    /// The same in all layers where nothing else is said.
    All(Chain),
    /// Others at the ends.
    Ends(ChainEnds),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChainEnds {
    pub first: Option<Chain>,
    pub then: Option<Chain>,
    pub last: Option<Chain>,
}

/// What every description begins with.
#[derive(Debug, Deserialize)]
struct Header {
    format: String,
    version: u64,
}

/// A description. Every field but `format` and `version` may come from a preset; what the file says itself goes first.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "version")]
    _version: u64,
    preset: Option<String>,
    kind: Option<Kind>,
    pub(super) layers: Option<usize>,
    layout: Option<Layout>,
    #[serde(default)]
    pub(super) roles: BTreeMap<String, Names>,
    positivity: Option<Chain>,
    gain: Option<Gain>,
    activation: Option<Chains>,
    y_activation: Option<Chains>,
    gate_activation: Option<Chain>,
    u_activation: Option<Chain>,
    quadratic: Option<f64>,
    /// Tensors that have no role; a name may end in `*`.
    #[serde(default)]
    pub(super) ignore: Vec<String>,
}

impl Description {
    /// Reads the JSON text of a description and fills in what its preset says.
    ///
    /// # Errors
    /// Text that is not JSON, of another format or version, with an unknown field or preset, or a number without meaning.
    pub fn parse(text: &[u8]) -> Result<Description, LoadError> {
        let wrong = |reason: String| LoadError::Malformed { reason: format!("description: {reason}") };
        let header: Header = serde_json::from_slice(text).map_err(|e| wrong(e.to_string()))?;
        if header.format != FORMAT || header.version != VERSION {
            let Header { format, version } = header;
            let reason =
                format!("its format is \"{format}\", version {version}; \"{FORMAT}\", version {VERSION} is read");
            return Err(wrong(reason));
        }
        let mut own: Description = serde_json::from_slice(text).map_err(|e| wrong(e.to_string()))?;
        if let Some(name) = own.preset.clone() {
            let preset = presets::text(&name).ok_or_else(|| {
                wrong(format!(
                    "there is no preset \"{name}\"; there are {}",
                    presets::presets().collect::<Vec<_>>().join(", ")
                ))
            })?;
            let preset: Description = serde_json::from_str(preset).map_err(|e| wrong(format!("preset {name}: {e}")))?;
            own.fill(preset);
        }
        if own.kind.is_none() {
            return Err(wrong("no \"kind\": \"ficnn\" or \"picnn\", and no \"preset\"".into()));
        }
        let all = [&own.activation, &own.y_activation].into_iter().flatten().flat_map(|c| match c {
            Chains::All(chain) => vec![chain],
            Chains::Ends(e) => [&e.first, &e.then, &e.last].into_iter().flatten().collect(),
        });
        let single = [&own.positivity, &own.gate_activation, &own.u_activation].into_iter().flatten();
        let fault: Option<String> = all.chain(single).find_map(Chain::fault);
        fault.map_or(Ok(own), |fault| Err(wrong(fault)))
    }

    /// Takes from a preset what is not given.
    fn fill(&mut self, preset: Description) {
        self.kind = self.kind.or(preset.kind);
        self.layers = self.layers.or(preset.layers);
        self.layout = self.layout.or(preset.layout);
        for (role, names) in preset.roles {
            self.roles.entry(role).or_insert(names);
        }
        self.positivity = self.positivity.take().or(preset.positivity);
        self.gain = self.gain.or(preset.gain);
        self.activation = self.activation.take().or(preset.activation);
        self.y_activation = self.y_activation.take().or(preset.y_activation);
        self.gate_activation = self.gate_activation.take().or(preset.gate_activation);
        self.u_activation = self.u_activation.take().or(preset.u_activation);
        self.quadratic = self.quadratic.or(preset.quadratic);
        self.ignore.extend(preset.ignore);
    }

    /// Which equation.
    pub fn kind(&self) -> Kind {
        self.kind.unwrap_or(Kind::Ficnn)
    }

    /// How matrices are stored.
    pub fn layout(&self) -> Layout {
        self.layout.unwrap_or_default()
    }

    /// What is applied to W^z; nothing by default.
    pub(super) fn positivity(&self) -> &Chain {
        self.positivity.as_ref().unwrap_or(&Chain::IDENTITY)
    }

    /// The factor of the z map over `width` entries.
    pub(super) fn gain(&self, width: usize) -> f64 {
        match self.gain {
            None => 1.0,
            Some(Gain::Number(v)) => v,
            Some(Gain::Width(WidthGain::Inverse)) => 1.0 / width as f64,
            Some(Gain::Width(WidthGain::Times)) => width as f64,
        }
    }

    /// The activation of layer `i` of `k`: relu by default, nothing in the last layer.
    pub(super) fn activation(&self, i: usize, k: usize) -> &Chain {
        at(&self.activation, i, k, &Chain::RELU)
    }

    /// What is applied to W^y y + b alone; nothing by default.
    pub(super) fn y_activation(&self, i: usize, k: usize) -> &Chain {
        match &self.y_activation {
            Some(Chains::All(chain)) => chain,
            _ => at(&self.y_activation, i, k, &Chain::IDENTITY),
        }
    }

    /// What is applied to the gates of a PICNN; relu by default.
    pub(super) fn gate_activation(&self) -> &Chain {
        self.gate_activation.as_ref().unwrap_or(&Chain::RELU)
    }

    /// What is applied on the u path of a PICNN; relu by default.
    pub(super) fn u_activation(&self) -> &Chain {
        self.u_activation.as_ref().unwrap_or(&Chain::RELU)
    }

    /// c of the term c·‖y‖² added to the output.
    pub(super) fn quadratic(&self) -> f64 {
        self.quadratic.unwrap_or(0.0)
    }
}

fn at<'a>(chains: &'a Option<Chains>, i: usize, k: usize, default: &'a Chain) -> &'a Chain {
    let (first, then, last) = match chains {
        None => (None, None, None),
        Some(Chains::All(chain)) => (None, Some(chain), None),
        Some(Chains::Ends(e)) => (e.first.as_ref(), e.then.as_ref(), e.last.as_ref()),
    };
    if i + 1 == k {
        last.unwrap_or(&Chain::IDENTITY)
    } else if i == 0 {
        first.or(then).unwrap_or(default)
    } else {
        then.unwrap_or(default)
    }
}
