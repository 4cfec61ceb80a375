//! [`NamedNetwork`]: a network that a domain or objective file names.

use std::path::Path;

use super::Network;
use crate::build::Choice;
use crate::loose::Loose;

/// What such a file says of a network.
pub(crate) struct NamedNetwork<'a> {
    /// The model, beside the file.
    pub model: &'a str,
    /// The decision input's name.
    pub y: &'a Option<String>,
    /// The output component.
    pub output: &'a Option<String>,
    /// A list of numbers, or "row": the context row of the network that is minimised.
    pub context: &'a Option<Loose>,
}

impl NamedNetwork<'_> {
    /// The network, over `p` decisions, and its context unless that is the row's. `what` is what messages call it.
    ///
    /// Errors: a model that cannot be read, another number of decisions, a context that does not fit.
    pub fn load(&self, what: &str, p: usize, folder: &Path) -> Result<(Network, Option<Vec<f64>>), String> {
        let choice = Choice { decision: self.y.clone(), output: self.output.clone() };
        let network = Network::load_with(folder.join(self.model), &choice).map_err(|e| format!("{what}: {e}"))?;
        let q = network.decisions();
        if q != p {
            return Err(format!("{what} is about {q} decisions, there are {p}"));
        }
        let context = self.context.as_ref().unwrap_or(&Loose::Null).context(what)?;
        if let Some(context) = &context {
            network.given(context).map_err(|e| format!("{what}: {e}"))?;
        }
        Ok((network, context))
    }
}
