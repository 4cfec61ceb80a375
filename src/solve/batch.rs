//! [`Session`]: one network over one domain at many contexts, with a warm start that does not depend on their order.

#[cfg(feature = "highs")]
use std::borrow::Cow;
#[cfg(feature = "highs")]
use std::cmp::Ordering;

use icnn_solvers::run::Watch;
use rayon::prelude::*;

use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::network::Network;

#[cfg(feature = "highs")]
use super::Status;
use super::approximate::Task;
#[cfg(feature = "highs")]
use super::linear::Start;
use super::{Engine, Limits, METHODS, Method, Solution};

/// Fewest contexts for which a warm start is tried: the trial costs four solves.
#[cfg(feature = "highs")]
const WORTH_A_TRIAL: usize = 50;

/// What stays the same from context to context.
#[derive(Debug)]
pub struct Session {
    /// As it was given, and with what is fixed folded into its constraints.
    given: Domain,
    domain: Domain,
    method: Method,
    limits: Limits,
    tau: Option<f64>,
    check: bool,
    #[cfg(feature = "highs")]
    start: Option<Start>,
}

impl Session {
    /// A session without a warm start.
    pub fn new(domain: Domain, method: Method, limits: Limits) -> Session {
        // What cannot be folded is reported when it is used.
        let given = domain.clone();
        let domain = domain.clone().folded().unwrap_or(domain);
        Session {
            given,
            domain,
            method,
            limits,
            tau: None,
            check: false,
            #[cfg(feature = "highs")]
            start: None,
        }
    }

    /// Minimises f − τH instead of f, H the entropy of the box (scaled) and of simplices (paper eqs. 6, 7): another problem
    /// with another minimiser.
    ///
    /// Errors: τ that is not above 0; a method that solves the plain problem only.
    pub fn with_entropy(mut self, tau: f64) -> Result<Session, Error> {
        if !(tau > 0.0 && tau.is_finite()) {
            return Err(Error::Objective(format!("the weight of the entropy is {tau}; it has to be above 0")));
        }
        let row = self.method.row();
        if !row.entropic {
            let names: Vec<&str> = METHODS.iter().filter(|row| row.entropic).map(|row| row.name).collect();
            let reason = format!("it minimises f alone, not f − {tau}·H; {} minimise that", names.join(", "));
            return Err(Error::Method { method: row.name, reason });
        }
        self.tau = Some(tau);
        Ok(self)
    }

    /// Has every answer checked by a second solver, Clarabel, which gets the cuts behind the bound as a conic program. The
    /// answer's message says how it went; a contradiction is an error.
    ///
    /// Errors: a method other than [`Method::Bundle`]; a build without Clarabel.
    pub fn with_check(mut self) -> Result<Session, Error> {
        if self.method != Method::Bundle {
            let reason = format!("there is no second solver for its answers; {} has one", Method::Bundle.name());
            return Err(Error::Method { method: self.method.name(), reason });
        }
        if cfg!(not(feature = "highs")) {
            return Err(Error::MissingFeature("highs"));
        }
        self.check = true;
        Ok(self)
    }

    /// Solves at a reference context and keeps its basis as the start for all others, if that pays: contexts that resemble
    /// each other need a tenth of the iterations, unrelated ones need more than without. Two of the contexts decide.
    ///
    /// The reference (the coordinatewise median) and the two depend on the set of contexts only, and iterations are counted
    /// instead of seconds, so neither order nor threads change an answer. A reference that cannot be solved, or fewer
    /// contexts than make the trial worth while, leave the session without a warm start.
    pub fn warm_up(&mut self, network: &Network, contexts: &[impl AsRef<[f64]>]) {
        #[cfg(feature = "highs")]
        if contexts.len() >= WORTH_A_TRIAL && self.starts_with_lp(network, contexts) {
            self.start = self.tried_start(network, contexts);
            tracing::info!(kept = self.start.is_some(), "warm start");
        }
        #[cfg(not(feature = "highs"))]
        let _ = (network, contexts);
    }

    /// Whether the linear program is what is asked first.
    #[cfg(feature = "highs")]
    fn starts_with_lp(&self, network: &Network, contexts: &[impl AsRef<[f64]>]) -> bool {
        let first = |instance: &Instance| super::auto::methods(instance, &self.domain, self.tau)[0];
        match self.method {
            Method::Auto => contexts
                .first()
                .and_then(|x| folded(&network.given(x.as_ref()).ok()?, &self.domain).ok().map(|f| first(&f)))
                .is_some_and(|method| method == Method::Lp),
            method => method == Method::Lp,
        }
    }

    /// The basis of the reference, if two contexts together need no more iterations from it than one of them without.
    #[cfg(feature = "highs")]
    fn tried_start(&self, network: &Network, contexts: &[impl AsRef<[f64]>]) -> Option<Start> {
        let given = |x: &[f64]| folded(&network.given(x).ok()?, &self.domain).ok().map(Cow::into_owned);
        let start = super::linear::start(&given(&median(contexts))?, &self.domain, &self.limits).ok()??;
        let mut order: Vec<&[f64]> = contexts.iter().map(AsRef::as_ref).collect();
        order.sort_by(|a, b| {
            a.iter().zip(*b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        });
        let (one, other) = (given(order[order.len() / 3])?, given(order[2 * order.len() / 3])?);
        let iterations = |instance: &Instance, start| {
            let solution = super::linear::minimize(instance, &self.domain, Method::Lp, &self.limits, start).ok()?;
            (solution.status == Status::Optimal).then_some(solution.work.iterations)
        };
        let warm = iterations(&one, Some(&start))? + iterations(&other, Some(&start))?;
        (warm <= iterations(&one, None)?).then_some(start)
    }

    /// The same question over another domain, without a warm start.
    pub fn over(&self, domain: Domain) -> Session {
        Session { tau: self.tau, check: self.check, ..Session::new(domain, self.method, self.limits.clone()) }
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// When to stop.
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// τ of the entropic problem.
    pub(super) fn tau(&self) -> Option<f64> {
        self.tau
    }

    /// min f over the domain at one context. Errors as for [`Instance::minimize_with`].
    pub fn minimize(&self, instance: &Instance) -> Result<Solution, Error> {
        self.minimize_watched(instance, None, None)
    }

    /// min f over the domain at every context, in the order given, on all cores (inside a rayon pool: on its threads).
    /// Errors are those of single contexts, as for [`minimize`](Self::minimize).
    pub fn minimize_all(
        &self,
        network: &Network,
        contexts: &[impl AsRef<[f64]> + Sync],
    ) -> Vec<Result<Solution, Error>> {
        contexts.par_iter().map(|x| self.minimize(&network.given(x.as_ref())?)).collect()
    }

    /// min f over the domain from a starting point (length p; moved into the domain), which methods that take the network apart do not
    /// use. `watch` is called at every step of a method that calls f, with the progress and the best point so far, and every
    /// 10 ms while HiGHS or Clarabel works, with the time alone; false stops it (PDLP at its end only), with status
    /// [`Stopped`](super::Status::Stopped). The starting point is not changed.
    ///
    /// Errors: as for [`minimize`](Self::minimize); a start of another length.
    pub fn minimize_watched(
        &self,
        instance: &Instance,
        start: Option<&[f64]>,
        watch: Option<&mut Watch<'_>>,
    ) -> Result<Solution, Error> {
        self.domain.check_dimension(instance.decisions())?;
        if let Some(y) = start.filter(|y| y.len() != instance.decisions()) {
            let reason = format!("the start has {} entries, the network takes {}", y.len(), instance.decisions());
            return Err(Error::Point(reason));
        }
        let Some((folded, place)) = instance.folded(self.domain.intervals())? else {
            let solution = self.solved(instance, start, watch)?;
            return Ok(super::promote::promoted(instance, &self.domain, &self.limits, solution));
        };
        let solution = self.solved(&folded, start, watch)?;
        let solution = super::promote::promoted(&folded, &self.domain, &self.limits, solution);
        if solution.proof == super::Proof::Exact {
            return Ok(solution);
        }
        super::fixed::as_given(instance, &place, &self.given, self.tau, &self.limits, solution)
    }

    /// [`minimize_watched`](Self::minimize_watched) of a function in which everything that is fixed is a constant.
    fn solved(
        &self,
        instance: &Instance,
        start: Option<&[f64]>,
        watch: Option<&mut Watch<'_>>,
    ) -> Result<Solution, Error> {
        match self.method {
            Method::Auto => super::auto::minimize(self, instance, start, watch),
            method => self.by(method, &self.limits, instance, start, watch),
        }
    }

    /// The same by one method of the table, within limits of its own.
    pub(super) fn by(
        &self,
        method: Method,
        limits: &Limits,
        instance: &Instance,
        start: Option<&[f64]>,
        watch: Option<&mut Watch<'_>>,
    ) -> Result<Solution, Error> {
        match method.row().engine {
            Engine::Portfolio => {
                Err(Error::Method { method: method.name(), reason: "it is made of other methods".into() })
            }
            Engine::Oracle(run) => {
                let task = Task { method, limits, tau: self.tau, check: self.check, start, watch };
                super::approximate::minimize(instance, &self.domain, run, task)
            }
            #[cfg(feature = "clarabel")]
            Engine::Conic => super::interrupt::watched(watch, limits.interrupt.as_ref(), |interrupt| {
                let limits = Limits { interrupt, ..limits.clone() };
                super::conic::minimize(instance, &self.domain, &limits, self.tau)
            }),
            #[cfg(not(feature = "clarabel"))]
            Engine::Conic => self.without("clarabel", instance),
            #[cfg(feature = "highs")]
            Engine::Linear(_) => super::interrupt::watched(watch, limits.interrupt.as_ref(), |interrupt| {
                let limits = Limits { interrupt, ..limits.clone() };
                super::linear::minimize(instance, &self.domain, method, &limits, self.start.as_ref())
            }),
            #[cfg(not(feature = "highs"))]
            Engine::Linear(_) => self.without("highs", instance),
        }
    }
}

#[cfg(not(all(feature = "clarabel", feature = "highs")))]
impl Session {
    /// What a method says whose solver this build lacks: that f is not convex comes first.
    fn without(&self, feature: &'static str, instance: &Instance) -> Result<Solution, Error> {
        let (_, proof) = crate::check::prove(instance, &self.domain);
        crate::check::require_convex(instance, &proof)?;
        Err(Error::MissingFeature(feature))
    }
}

/// The instance with constants in place of what the box fixes.
#[cfg(feature = "highs")]
fn folded<'a>(instance: &'a Instance, domain: &Domain) -> Result<Cow<'a, Instance>, Error> {
    let folded = instance.fold_fixed(domain.intervals())?;
    Ok(folded.map_or(Cow::Borrowed(instance), Cow::Owned))
}

/// Coordinatewise lower median.
#[cfg(feature = "highs")]
fn median(contexts: &[impl AsRef<[f64]>]) -> Vec<f64> {
    let width = contexts.iter().map(|x| x.as_ref().len()).min().unwrap_or(0);
    (0..width)
        .map(|j| {
            let mut column: Vec<f64> = contexts.iter().map(|x| x.as_ref()[j]).collect();
            column.sort_by(f64::total_cmp);
            column[(column.len() - 1) / 2]
        })
        .collect()
}
