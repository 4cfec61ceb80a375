//! [`Session`]: one network over one domain at many contexts, with a warm start that does not depend on their order.

use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::network::Network;

use super::{Limits, Method, Solution};

/// What stays the same from context to context.
#[derive(Debug)]
pub struct Session {
    domain: Domain,
    method: Method,
    limits: Limits,
    #[cfg(feature = "highs")]
    start: Option<super::linear::Start>,
}

impl Session {
    /// A session without a warm start.
    pub fn new(domain: Domain, method: Method, limits: Limits) -> Session {
        Session {
            domain,
            method,
            limits,
            #[cfg(feature = "highs")]
            start: None,
        }
    }

    /// Solves at a reference context and keeps its basis as the start for all others. The reference depends on the set of
    /// contexts only (their coordinatewise median), so neither their order nor the number of threads changes an answer.
    ///
    /// A reference that cannot be solved leaves the session without a warm start.
    pub fn warm_up(&mut self, network: &Network, contexts: &[Vec<f64>]) {
        #[cfg(feature = "highs")]
        if self.method == Method::Lp && contexts.len() > 1 {
            let reference = network.given(&median(contexts));
            self.start =
                reference.ok().and_then(|i| super::linear::start(&i, &self.domain, &self.limits).ok().flatten());
        }
        #[cfg(not(feature = "highs"))]
        let _ = (network, contexts);
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// min f over the domain at one context. Errors as for [`Instance::minimize_with`].
    pub fn minimize(&self, instance: &Instance) -> Result<Solution, Error> {
        self.domain.check_dimension(instance.decisions())?;
        #[cfg(feature = "highs")]
        return super::linear::minimize(instance, &self.domain, self.method, &self.limits, self.start.as_ref());
        #[cfg(not(feature = "highs"))]
        {
            let (_, proof) = crate::check::prove(instance, &self.domain);
            crate::check::require_convex(instance, &proof)?;
            let _ = (self.method, &self.limits);
            Err(Error::MissingFeature("highs"))
        }
    }
}

/// Coordinatewise lower median.
#[cfg(feature = "highs")]
fn median(contexts: &[Vec<f64>]) -> Vec<f64> {
    let width = contexts.iter().map(Vec::len).min().unwrap_or(0);
    (0..width)
        .map(|j| {
            let mut column: Vec<f64> = contexts.iter().map(|x| x[j]).collect();
            column.sort_by(f64::total_cmp);
            column[(column.len() - 1) / 2]
        })
        .collect()
}
