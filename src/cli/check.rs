//! `icnn check`: proven, refuted or unknown, for one output component or all of them.

use clap::Args as ClapArgs;
use icnn::check::{Check, SearchEffort, Verdict, check, prove};
use icnn::ir::instance::Instance;
use icnn::refute::Witness;
use icnn::{Domain, Network};
use serde::Serialize;

use super::input::{Rows, Source, context};
use super::model::Model;
use super::problem::Set;
use super::{Stop, code, output};

/// Context rows among those that were not proven at which a counterexample is searched.
const SEARCHED: usize = 16;

/// Arguments of `icnn check`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  icnn check net.onnx --lower 0 --upper 1 -v\n\n\
    Without --context the proof is for every context. Without --output every output component is checked.\n\
    Exit 0 if all is proven, 1 otherwise. -v prints the proof node by node on stderr.\n\
    A refutation's points are in the witness of --json: u, v and point, each a list that `icnn eval --at` reads from a file.")]
pub struct Args {
    #[command(flatten)]
    model: Model,
    /// Context rows to prove it for: a number for all entries, or a .json, .npy, .csv or .parquet file [default: every context].
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    context: Option<Source>,
    #[command(flatten)]
    set: Set,
    /// One JSON object a component: verdict, reason, witness.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<&'a str>,
    verdict: Verdict,
    reason: &'a str,
    witness: &'a Option<Witness>,
}

/// Checks the components asked for.
pub fn run(args: &Args, listing: bool) -> Result<u8, Stop> {
    let outputs = args.model.outputs()?;
    let components = match args.model.output.as_deref() {
        None => (0..outputs.len()).collect(),
        chosen => vec![outputs.find(chosen)?],
    };
    let several = components.len() > 1;
    let mut counts = [0; 3];
    for k in components {
        let network = Network::from(outputs.program(k)?);
        let domain = args.set.read(network.decisions())?.common().clone();
        let rows = args.context.as_ref().map(|source| context(Some(source), &network)).transpose()?;
        let name = several.then(|| outputs.name(k));
        let found = component(&network, &domain, rows.as_ref(), listing, name)?;
        counts[found.verdict as usize] += 1;
        if args.json {
            let line = Line { component: name, verdict: found.verdict, reason: &found.reason, witness: &found.witness };
            output::json(&line)?;
        } else {
            output::line(&text(&found, name, rows.is_none() && network.context_len() > 0))?;
        }
    }
    let [proven, refuted, unknown] = counts;
    if several && !args.json {
        output::line(&format!("{proven} proven, {refuted} refuted, {unknown} unknown"))?;
    }
    Ok(if refuted + unknown == 0 { code::SUCCESS } else { code::NEGATIVE })
}

/// The verdict on one component, for the rows given or for every context.
fn component(
    network: &Network,
    domain: &Domain,
    rows: Option<&Rows>,
    listing: bool,
    name: Option<&str>,
) -> Result<Check, Stop> {
    let effort = SearchEffort::default();
    let show = |instance: &Instance| {
        if listing {
            let folded = instance.fold_fixed(domain.intervals())?;
            let instance = folded.as_ref().unwrap_or(instance);
            let (bounds, proof) = prove(instance, domain);
            let of = name.map_or(String::new(), |n| format!("{n}:\n"));
            eprint!("{of}{}", instance.program().listing(&bounds, &proof, true));
        }
        Ok::<_, Stop>(())
    };
    let Some(rows) = rows else {
        let open = network.program().for_any_context();
        show(&open)?;
        let proof = check(&open, &[], domain, effort)?;
        if proof.verdict == Verdict::Proven {
            return Ok(proof);
        }
        return Ok(check(&open, &sampled(network), domain, effort)?);
    };
    let mut first = None;
    let mut samples = vec![];
    for row in 0..rows.len() {
        let x = rows.row(row);
        let instance = network.given(x).map_err(|e| Stop::negative(format!("row {row}: {e}")))?;
        let convex = check(&instance, &[], domain, effort)?.verdict == Verdict::Proven;
        let worse = !convex && samples.is_empty();
        if first.is_none() || worse {
            first = Some((row, instance.clone()));
        }
        if !convex && samples.len() < SEARCHED {
            samples.push((x.to_vec(), instance));
        }
    }
    let Some((row, instance)) = first else { return Err(Stop::input("--context: it holds no rows")) };
    show(&instance)?;
    let mut found = check(&instance, &samples, domain, effort)?;
    match &mut found {
        Check { verdict: Verdict::Proven, reason, .. } if rows.len() > 1 => {
            *reason = format!("at all {} context rows; at the first: {reason}", rows.len());
        }
        Check { reason, .. } if rows.len() > 1 => *reason = format!("context row {row}: {reason}"),
        _ => {}
    }
    Ok(found)
}

/// A few contexts to look for counterexamples at: 0, standard normal ones, wider ones. The same in every run.
fn sampled(network: &Network) -> Vec<(Vec<f64>, Instance)> {
    let q = network.context_len();
    let mut random = Normal(0x1c99_5eed);
    [0.0, 1.0, 1.0, 1.0, 1.0, 4.0]
        .iter()
        .take(if q == 0 { 1 } else { usize::MAX })
        .map(|scale| (0..q).map(|_| scale * random.next()).collect::<Vec<f64>>())
        .filter_map(|x| network.given(&x).ok().map(|instance| (x, instance)))
        .collect()
}

/// Normal numbers, near enough: the sum of twelve uniform ones.
struct Normal(u64);

impl Normal {
    fn next(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    /// splitmix64
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn text(found: &Check, name: Option<&str>, any_context: bool) -> String {
    let verdict = format!("{:?}", found.verdict).to_lowercase();
    let mut text = match name {
        None => format!("{verdict}: {}", found.reason),
        Some(name) => format!("{name}: {verdict}: {}", found.reason),
    };
    if let Some(w) = &found.witness {
        text.push_str(&format!("\n  f(u) = {}, f(v) = {}, f((u + v)/2) = {}", w.f_u, w.f_v, w.f_point));
        text.push_str(&format!("\n  the chord there is {}: f is above it by {:e}", w.chord, w.violation));
        text.push_str(&format!(", evaluated with an error of at most {:.1e}", w.error));
        text.push_str(&format!("\n  u = {}\n  v = {}", output::brief(&w.u), output::brief(&w.v)));
        if let Some(x) = &w.context {
            text.push_str(&format!("\n  x = {}", output::brief(x)));
        }
        text.push_str("\n  --json prints the points in full");
    }
    if found.verdict == Verdict::Unknown && any_context {
        text.push_str("\n  this is for every context; --context X asks about given ones");
    }
    if found.concave && found.verdict != Verdict::Proven {
        text.push_str("\n  f is concave in y: icnn solve --maximize finds its maximum");
    }
    text
}
