//! [`Session`]: one network over one domain at many contexts, with a warm start that does not depend on their order.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use icnn_solvers::run::{Hint as KinksStart, Watch};
use rayon::prelude::*;

use crate::domain::Domain;
use crate::error::Error;
use crate::ir::instance::Instance;
use crate::network::Network;

use super::approximate::Task;
#[cfg(feature = "highs")]
use super::linear::Start;
use super::{Engine, Goal, Limits, METHODS, Method, Solution, Status};

/// Fewest contexts for which a warm start is tried: the trial costs four or five solves.
const WORTH_A_TRIAL: usize = 50;

/// Where one solve starts, and who looks on.
#[derive(Default)]
pub(super) struct Asked<'a, 'w> {
    /// A point.
    pub start: Option<&'a [f64]>,
    /// What a solve of a similar function left.
    pub from: Option<&'a KinksStart>,
    pub watch: Option<&'a mut Watch<'w>>,
}

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
    /// What the reference context left, for the method that holds kinks.
    reference: Option<Arc<KinksStart>>,
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
            reference: None,
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

    /// Solves at a reference context and keeps its basis, or the kinks that are held there, as the start for all others, if that pays:
    /// contexts that resemble each other need a fraction of the work, unrelated ones need more than without. Two of the contexts
    /// decide.
    ///
    /// The reference (the coordinatewise median) and the two depend on the set of contexts only, and work is counted instead of
    /// seconds, so neither order nor threads change an answer. A reference that cannot be solved, or fewer contexts than make the
    /// trial worth while, leave the session without a warm start.
    pub fn warm_up(&mut self, network: &Network, contexts: &[impl AsRef<[f64]>]) {
        if contexts.len() < WORTH_A_TRIAL {
            return;
        }
        match self.first(network, contexts[0].as_ref()) {
            Some(Method::ActiveSet) => self.reference = self.tried_reference(network, contexts),
            #[cfg(feature = "highs")]
            Some(Method::Lp) => self.start = self.tried_start(network, contexts),
            _ => {}
        }
        tracing::info!(kept = self.is_warm(), "warm start");
    }

    #[cfg(feature = "highs")]
    fn is_warm(&self) -> bool {
        self.reference.is_some() || self.start.is_some()
    }

    #[cfg(not(feature = "highs"))]
    fn is_warm(&self) -> bool {
        self.reference.is_some()
    }

    /// The method that is asked first.
    fn first(&self, network: &Network, context: &[f64]) -> Option<Method> {
        match self.method {
            Method::Auto => {
                let f = network.given(context).ok()?;
                super::auto::methods(&*folded(&f, &self.domain).ok()?, self).first().copied()
            }
            method => Some(method),
        }
    }

    /// What the reference leaves, if two contexts need no more passes from it than without.
    fn tried_reference(&self, network: &Network, contexts: &[impl AsRef<[f64]>]) -> Option<Arc<KinksStart>> {
        let solved = |x: &[f64], from: Option<&KinksStart>| {
            let limits = Limits { proof: Goal::Rigorous, ..self.limits.clone() };
            let f = network.given(x).ok()?;
            let asked = Asked { from, ..Asked::default() };
            let found = self.by(Method::ActiveSet, &limits, &*folded(&f, &self.domain).ok()?, asked).ok()?;
            (found.status == Status::Optimal).then_some(found)
        };
        let reference = solved(&median(contexts), None)?.left?;
        let passes = |x: &[f64], from| solved(x, from).map(|s| u64::from(s.work.forward) + u64::from(s.work.backward));
        let (one, other) = probes(contexts);
        let warm = passes(one, Some(&reference))? + passes(other, Some(&reference))?;
        (warm <= passes(one, None)? + passes(other, None)?).then_some(reference)
    }

    /// The basis of the reference, if two contexts together need no more iterations from it than one of them without.
    #[cfg(feature = "highs")]
    fn tried_start(&self, network: &Network, contexts: &[impl AsRef<[f64]>]) -> Option<Start> {
        let given = |x: &[f64]| folded(&network.given(x).ok()?, &self.domain).ok().map(Cow::into_owned);
        let start = super::linear::start(&given(&median(contexts))?, &self.domain, &self.limits).ok()??;
        let (one, other) = probes(contexts);
        let (one, other) = (given(one)?, given(other)?);
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
        self.asked(instance, Asked::default())
    }

    /// The same, from the solution at another context: of a method that holds kinks those that were held there are tried first, which
    /// takes a fraction of the passes where the two are near. Any solution will do, of this network or not: it is a guess.
    /// Errors as for [`minimize`](Self::minimize).
    pub fn minimize_from(&self, instance: &Instance, previous: &Solution) -> Result<Solution, Error> {
        self.asked(instance, Asked { from: previous.left.as_deref(), ..Asked::default() })
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
        self.asked(instance, Asked { start, from: None, watch })
    }

    fn asked(&self, instance: &Instance, asked: Asked<'_, '_>) -> Result<Solution, Error> {
        self.domain.check_dimension(instance.decisions())?;
        if let Some(y) = asked.start.filter(|y| y.len() != instance.decisions()) {
            let reason = format!("the start has {} entries, the network takes {}", y.len(), instance.decisions());
            return Err(Error::Point(reason));
        }
        let asked = Asked { from: asked.from.or(self.reference.as_deref()), ..asked };
        let Some((folded, place)) = instance.folded(self.domain.intervals())? else {
            let solution = self.solved(instance, asked)?;
            return Ok(super::promote::promoted(instance, &self.domain, &self.limits, solution));
        };
        let solution = self.solved(&folded, asked)?;
        let solution = super::promote::promoted(&folded, &self.domain, &self.limits, solution);
        if solution.proof == super::Proof::Exact {
            return Ok(solution);
        }
        super::fixed::as_given(instance, &place, &self.given, self.tau, &self.limits, solution)
    }

    /// [`minimize_watched`](Self::minimize_watched) of a function in which everything that is fixed is a constant.
    fn solved(&self, instance: &Instance, asked: Asked<'_, '_>) -> Result<Solution, Error> {
        match self.method {
            Method::Auto => super::auto::minimize(self, super::auto::methods(instance, self), instance, asked),
            Method::ActiveSet if asked.from.is_some() => {
                super::auto::minimize(self, &[Method::ActiveSet], instance, asked)
            }
            method => self.by(method, &self.limits, instance, asked),
        }
    }

    /// The same by one method of the table, within limits of its own.
    pub(super) fn by(
        &self,
        method: Method,
        limits: &Limits,
        instance: &Instance,
        asked: Asked<'_, '_>,
    ) -> Result<Solution, Error> {
        #[cfg_attr(not(feature = "clarabel"), allow(unused_variables))]
        let Asked { start, from, watch } = asked;
        match method.row().engine {
            Engine::Portfolio => {
                Err(Error::Method { method: method.name(), reason: "it is made of other methods".into() })
            }
            Engine::Oracle(run) => {
                let task = Task { method, limits, tau: self.tau, check: self.check, start, from, watch };
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
            #[cfg(feature = "highs")]
            Engine::Reduced => super::interrupt::watched(watch, limits.interrupt.as_ref(), |interrupt| {
                let limits = Limits { interrupt, ..limits.clone() };
                super::reduced::minimize(instance, &self.domain, &limits)
            }),
            #[cfg(not(feature = "highs"))]
            Engine::Linear(_) | Engine::Reduced => self.without("highs", instance),
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
fn folded<'a>(instance: &'a Instance, domain: &Domain) -> Result<Cow<'a, Instance>, Error> {
    let folded = instance.fold_fixed(domain.intervals())?;
    Ok(folded.map_or(Cow::Borrowed(instance), Cow::Owned))
}

/// Two contexts that do not depend on the order.
fn probes(contexts: &[impl AsRef<[f64]>]) -> (&[f64], &[f64]) {
    let mut order: Vec<&[f64]> = contexts.iter().map(AsRef::as_ref).collect();
    order.sort_by(|a, b| a.iter().zip(*b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal));
    (order[order.len() / 3], order[2 * order.len() / 3])
}

/// Coordinatewise lower median.
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
