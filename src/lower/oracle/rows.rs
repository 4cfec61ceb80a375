//! Rows of units of the first two layers: what single units pass down to the decision and to the units below is a row of their matrix, and at most one
//! product of it with the matrix below, over the units that are active.

use icnn_solvers::dense::{dot, vectorised};
use icnn_solvers::kinks::Rows;
use pulp::{Arch, Simd, WithSimd};

use super::hinges::{Bends, UnitBends};
use super::kernels::Weights;
use super::kinks::Workbench;
use super::pass::Numbers;
use super::plan::{Action, Span, Step, Term};
use super::sums::Entry;

/// Rows that are multiplied together, and vectors of a row.
const TOGETHER: usize = 4;
const VECTORS: usize = 3;

/// Matrices with more entries are read less often where many points go through them together.
const LARGE: usize = 1 << 16;

/// A matrix, and what it is applied to: the entries of a step, times a factor each unless there is none.
#[derive(Clone, Copy)]
struct Path<'a> {
    matrix: &'a Weights,
    factors: Option<&'a [f64]>,
    source: usize,
}

/// What pre-activations are sums of.
struct Sum<'a> {
    /// Of the decision.
    decision: Few<Path<'a>>,
    /// Of the values of units.
    units: Option<Path<'a>>,
    constants: Few<&'a [f64]>,
}

/// One or two, as a rule; of sums of more nothing is known here.
type Few<T> = [Option<T>; 2];

/// `None` where there is no room for one more.
fn put<T>(all: &mut Few<T>, one: T) -> Option<()> {
    *all.iter_mut().find(|place| place.is_none())? = Some(one);
    Some(())
}

impl<'a> Sum<'a> {
    /// Of the entries of `span`; `None` where they are no such sum.
    fn of(numbers: &'a Numbers, span: Span) -> Option<Sum<'a>> {
        let mut sum = Sum { decision: [None; 2], units: None, constants: [None; 2] };
        let Action::Affine(terms) = &whole(numbers, span)?.action else { return None };
        for term in terms {
            match term {
                Term::Param(p) => put(&mut sum.constants, Some(numbers.param(*p)).filter(|c| c.len() == span.len)?)?,
                Term::Dense { input, dense } => {
                    let (source, factors) = source(numbers, *input)?;
                    let path = Path { matrix: numbers.rows_of(dense, (span.len, input.len))?, factors, source };
                    match numbers.plan.steps[source].action {
                        Action::Decision => put(&mut sum.decision, path)?,
                        Action::Unit { .. } if sum.units.is_none() => sum.units = Some(path),
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
        Some(sum)
    }
}

/// The step that a span is all of.
fn whole(numbers: &Numbers, span: Span) -> Option<&Step> {
    numbers.plan.steps.get(span.step).filter(|step| (step.out.at, step.out.len) == (span.at, span.len))
}

/// The step whose entries, each times its factor, a span has.
fn source(numbers: &Numbers, span: Span) -> Option<(usize, Option<&[f64]>)> {
    match &whole(numbers, span)?.action {
        Action::Decision | Action::Unit { .. } => Some((span.step, None)),
        Action::Affine(terms) => match terms.as_slice() {
            [Term::Scale { input, by }] => {
                let factors = numbers.param(*by);
                let is_plain = matches!(whole(numbers, *input)?.action, Action::Decision | Action::Unit { .. });
                (is_plain && factors.len() == input.len).then_some((input.step, Some(factors)))
            }
            _ => None,
        },
        _ => None,
    }
}

impl Workbench {
    /// Appends the rows of `kinks`, all of step `top`, for the shares that are set; false, and nothing done, where these are no rows of this kind.
    pub(super) fn rows_directly(&mut self, numbers: &Numbers, top: usize, kinks: &[usize], rows: &mut Rows) -> bool {
        self.append(numbers, top, kinks, rows).is_some()
    }

    fn append(&mut self, numbers: &Numbers, top: usize, kinks: &[usize], rows: &mut Rows) -> Option<()> {
        self.held = false;
        let Workbench { hinges, buffer, shares, scratch, active, .. } = self;
        let Bends::Unit(UnitBends { plain: Some(_), first: begin, .. }) = hinges.steps[top] else { return None };
        let Action::Unit { input, .. } = numbers.plan.steps[top].action else { return None };
        let sum = Sum::of(numbers, input)?;
        let p = numbers.plan.steps.first()?.out.len;
        // The units below, their share of the way down, and what they are sums of.
        let below = match sum.units {
            None => None,
            Some(path) => {
                let Action::Unit { input, .. } = numbers.plan.steps[path.source].action else { return None };
                let Bends::Unit(UnitBends { plain: Some((0.0, bend)), first, .. }) = hinges.steps[path.source] else {
                    return None;
                };
                let own = Sum::of(numbers, input).filter(|own| own.units.is_none())?;
                let shares = shares.get(first..first + input.len)?;
                if shares.len().saturating_mul(p) > LARGE {
                    return None;
                }
                // Shares are as unpredictable as signs: no branch for each.
                let others = vectorised(
                    #[inline(always)]
                    || shares.iter().map(|share| u64::from((share - 0.5).abs() != 0.5)).sum::<u64>(),
                );
                if others > 0 {
                    return None;
                }
                Some((path, own, bend, first, shares))
            }
        };

        let n = kinks.len();
        let (from, at) = (rows.slopes.len(), rows.weights.len());
        rows.slopes.resize(from + n * p, 0.0);
        rows.levels.resize(rows.levels.len() + n, begin);
        let slopes = &mut rows.slopes[from..];
        let element = |kink: &usize| kink - begin;
        let constant = |kink: &usize| sum.constants.iter().flatten().map(|c| c[element(kink)]).sum::<f64>();
        rows.constants.extend(kinks.iter().map(constant));
        match below {
            None => rows.weights.resize(at + n * begin, 0.0),
            Some((path, own, bend, first, shares)) => {
                let weights: &mut Vec<f64> = &mut rows.weights;
                for (row, kink) in kinks.iter().enumerate() {
                    weights.resize(at + row * begin + first, 0.0);
                    path.matrix.extend_row(element(kink), shares.len(), (path.factors, bend), weights);
                }
                weights.resize(at + n * begin, 0.0);
                let weights = &rows.weights[at + first..];
                active.resize(shares.len(), 0);
                let mut count = 0;
                for (j, share) in shares.iter().enumerate() {
                    active[count] = j;
                    count += usize::from(*share != 0.0);
                }
                active.truncate(count);
                for path in own.decision.iter().flatten() {
                    buffer.clear();
                    buffer.resize(n * p, 0.0);
                    path.matrix.combine(active, (weights, begin), p, buffer);
                    add_times(buffer, path.factors, slopes, p);
                }
                let constants = rows.constants.len() - n;
                for own in own.constants.iter().flatten() {
                    buffer.clear();
                    buffer.extend(own.iter().zip(shares).map(|(c, share)| c * share));
                    vectorised(
                        #[inline(always)]
                        || {
                            let rows = rows.constants[constants..].iter_mut().zip(weights.chunks(begin.max(1)));
                            rows.for_each(|(constant, weights)| *constant += dot(&weights[..buffer.len()], buffer));
                        },
                    );
                }
                scratch.multiplications +=
                    (n * (shares.len() + active.len() * p * own.decision.iter().flatten().count())) as u64;
            }
        }
        for path in sum.decision.iter().flatten() {
            buffer.clear();
            kinks.iter().for_each(|kink| path.matrix.extend_row(element(kink), p, (path.factors, 1.0), buffer));
            add_times(buffer, None, slopes, p);
            scratch.multiplications += (n * p) as u64;
        }
        Some(())
    }
}

/// Each of the rows (p) of `out` += the row of `v`, entry by entry times its factor.
fn add_times(v: &[f64], factors: Option<&[f64]>, out: &mut [f64], p: usize) {
    vectorised(
        #[inline(always)]
        || match factors {
            None => out.iter_mut().zip(v).for_each(|(out, v)| *out += v),
            Some(factors) => {
                for (out, v) in out.chunks_exact_mut(p.max(1)).zip(v.chunks_exact(p.max(1))) {
                    out.iter_mut().zip(v.iter().zip(factors)).for_each(|(out, (v, factor))| *out += factor * v);
                }
            }
        },
    );
}

impl Weights {
    /// Appends row i, which has so many entries, each times its factor, and all times `by`.
    fn extend_row(&self, i: usize, width: usize, (factors, by): (Option<&[f64]>, f64), out: &mut Vec<f64>) {
        let (begin, range) = (out.len(), i * width..(i + 1) * width);
        out.resize(begin + width, 0.0);
        let out = &mut out[begin..];
        vectorised(
            #[inline(always)]
            || match self {
                Weights::Single(matrix) => copy_times(&matrix[range], (factors, by), out),
                Weights::Double(matrix) => copy_times(&matrix[range], (factors, by), out),
            },
        );
    }

    /// Rows of `out` (n×width, all zeros) += Σ factor·(row k of the matrix), over the `of` k: the factors of a row of `out` are in a row of `factors`, these
    /// being `stride` apart.
    fn combine(&self, of: &[usize], (factors, stride): (&[f64], usize), width: usize, out: &mut [f64]) {
        match self {
            Weights::Single(matrix) => Arch::new().dispatch(Combine { matrix, of, factors, stride, width, out }),
            Weights::Double(matrix) => Arch::new().dispatch(Combine { matrix, of, factors, stride, width, out }),
        }
    }
}

#[inline(always)]
fn copy_times<W: Entry>(row: &[W], (factors, by): (Option<&[f64]>, f64), out: &mut [f64]) {
    match factors {
        None => out.iter_mut().zip(row).for_each(|(out, w)| *out = w.wide() * by),
        Some(factors) => {
            let entries = out.iter_mut().zip(row.iter().zip(factors));
            entries.for_each(|(out, (w, factor))| *out = w.wide() * factor * by);
        }
    }
}

struct Combine<'a, W> {
    matrix: &'a [W],
    of: &'a [usize],
    factors: &'a [f64],
    stride: usize,
    width: usize,
    out: &'a mut [f64],
}

impl<W: Entry> WithSimd for Combine<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Combine { matrix, of, factors, stride, width, out } = self;
        if width == 0 {
            return;
        }
        let whole = out.len() / width / TOGETHER * TOGETHER;
        let (blocks, rest) = out.split_at_mut(whole * width);
        let factors = |i: usize| &factors[i * stride..];
        for (block, out) in blocks.chunks_exact_mut(TOGETHER * width).enumerate() {
            let mut rows = [&[][..]; TOGETHER];
            for (i, row) in rows.iter_mut().enumerate() {
                *row = factors(block * TOGETHER + i);
            }
            combine::<S, W, TOGETHER>(simd, matrix, of, rows, out);
        }
        for (i, out) in rest.chunks_exact_mut(width).enumerate() {
            combine::<S, W, 1>(simd, matrix, of, [factors(whole + i)], out);
        }
    }
}

/// R rows of sums, which follow each other in `out`.
#[inline(always)]
fn combine<S: Simd, W: Entry, const R: usize>(
    simd: S,
    matrix: &[W],
    of: &[usize],
    factors: [&[f64]; R],
    out: &mut [f64],
) {
    let (width, mut done) = (out.len() / R, 0);
    while done < width {
        let left = (width - done).div_ceil(S::F64_LANES);
        done += match left {
            1 => tile::<S, W, R, 1>(simd, matrix, of, factors, done, out),
            2 => tile::<S, W, R, 2>(simd, matrix, of, factors, done, out),
            _ => tile::<S, W, R, VECTORS>(simd, matrix, of, factors, done, out),
        };
    }
}

/// The entries from `at` on of such rows, so many vectors of them. Returns how many that are.
#[inline(always)]
fn tile<S: Simd, W: Entry, const R: usize, const V: usize>(
    simd: S,
    matrix: &[W],
    of: &[usize],
    factors: [&[f64]; R],
    at: usize,
    out: &mut [f64],
) -> usize {
    let width = out.len() / R;
    let mut sums = [[simd.splat_f64s(0.0); V]; R];
    for k in of {
        // What is behind a row belongs to the next one, or is 0 behind the last.
        let row = &matrix[k * width + at..][..V * S::F64_LANES];
        let mut vectors = [simd.splat_f64s(0.0); V];
        for (v, vector) in vectors.iter_mut().enumerate() {
            *vector = W::vector(simd, row, v);
        }
        for r in 0..R {
            let factor = simd.splat_f64s(factors[r][*k]);
            for v in 0..V {
                sums[r][v] = simd.mul_add_e_f64s(factor, vectors[v], sums[r][v]);
            }
        }
    }
    let count = (V * S::F64_LANES).min(width - at);
    for (sums, out) in sums.iter().zip(out.chunks_exact_mut(width)) {
        let sums: &[f64] = pulp::bytemuck::cast_slice(sums);
        out[at..at + count].copy_from_slice(&sums[..count]);
    }
    count
}
