//! Units and maxima as epigraphs: a column z above all pieces, or below them where the unit is concave.

use super::affine::AffineRows;
use super::builder::LpBuilder;
use super::linear::{Epigraph, Form};
use crate::error::Error;
use crate::ir::lines::Line;
use crate::ir::program::{GroupKind, Groups, NodeId};
use crate::ir::scalar::Scalar;
use crate::ir::unit::Unit;

impl LpBuilder<'_> {
    pub(super) fn unit(
        &mut self,
        id: NodeId,
        input: NodeId,
        unit: &Unit,
        used: &[bool],
        out: &mut AffineRows,
    ) -> Result<(), Error> {
        let scalars = self.instance.scalars(unit, used.len());
        self.rows.reserve(self.expressions[input.index()].total() + used.len());
        for (i, used) in used.iter().enumerate() {
            if !used {
                out.push([], 0.0);
                continue;
            }
            let scalar = scalars.get(i);
            let argument = &self.expressions[input.index()];
            if let Scalar::Lines(lines) = scalar
                && let [only] = lines.on(self.bounds.of(input)[i])
            {
                out.push_scaled(argument, i, only.slope, only.intercept);
                continue;
            }
            if argument.count(i) == 0 {
                out.push([], scalar.value(argument.constant(i)));
                continue;
            }
            if let Scalar::Smooth(Unit::Power(2.0)) = scalar
                && (self.form == Form::Linear || self.is_added(id))
            {
                self.square(id, i, input)?;
                out.push([], 0.0);
                continue;
            }
            let Scalar::Lines(lines) = scalar else {
                if self.form == Form::Conic {
                    self.smooth_unit(id, i, input, scalar, out)?;
                    continue;
                }
                return Err(self.refuse(
                    id,
                    format!(
                        "{} is not piecewise linear; a linear program cannot hold it, --method conic can where it has a cone",
                        unit.name()
                    ),
                ));
            };
            let pieces = lines.on(self.bounds.of(input)[i]);
            let convex = pieces.windows(2).all(|w| w[0].slope <= w[1].slope);
            let proven = self.proof.of(id)[i];
            if !(convex && proven.is_convex() || !convex && proven.is_concave()) {
                return Err(self.refuse(id, format!("entry {i} is {proven}, so its epigraph would not be tight")));
            }
            let member = |p: &Line| {
                let constant = if p.slope == 0.0 { p.intercept } else { p.slope * argument.constant(i) + p.intercept };
                Member { row: i, factor: p.slope, constant, key: p.slope }
            };
            let members: Vec<Member> = pieces.iter().map(member).collect();
            let column = self.epigraph(id, i, input, &members, convex);
            out.push([(column, 1.0)], 0.0);
        }
        Ok(())
    }

    pub(super) fn group(
        &mut self,
        id: NodeId,
        input: NodeId,
        kind: GroupKind,
        groups: &Groups,
        used: &[bool],
        out: &mut AffineRows,
    ) -> Result<(), Error> {
        for (g, used) in used.iter().enumerate() {
            if !used {
                out.push([], 0.0);
                continue;
            }
            if kind != GroupKind::Max {
                if self.form == Form::Conic {
                    self.smooth_group(id, g, input, kind, groups.group(g), out)?;
                    continue;
                }
                return Err(self.refuse(
                    id,
                    "it is not piecewise linear; a linear program cannot hold it, --method conic can".into(),
                ));
            }
            let group = groups.group(g);
            let alive = self.bounds.alive(input, group);
            let argument = &self.expressions[input.index()];
            if let [only] = alive.as_slice() {
                out.push_scaled(argument, group[*only], 1.0, 0.0);
                continue;
            }
            let members: Vec<Member> = alive
                .iter()
                .map(|k| {
                    let row = group[*k];
                    Member { row, factor: 1.0, constant: argument.constant(row), key: *k as f64 }
                })
                .collect();
            let column = self.epigraph(id, g, input, &members, true);
            out.push([(column, 1.0)], 0.0);
        }
        Ok(())
    }

    /// A column z above (or, if not `convex`, below) all members, functions of the entries of `input`: rows for those
    /// that depend on y, a bound for the constants.
    fn epigraph(&mut self, node: NodeId, element: usize, input: NodeId, members: &[Member], convex: bool) -> u32 {
        let argument = &self.expressions[input.index()];
        let (sloped, constants): (Vec<&Member>, Vec<&Member>) =
            members.iter().partition(|m| m.factor != 0.0 && argument.count(m.row) > 0);
        let constants = constants.into_iter();
        let tightest = |a: &&Member, b: &&Member| a.constant.total_cmp(&b.constant);
        let bound = if convex { constants.max_by(tightest) } else { constants.min_by(tightest) };
        let (lower, upper) = match bound {
            None => (f64::NEG_INFINITY, f64::INFINITY),
            Some(m) if convex => (m.constant, f64::INFINITY),
            Some(m) => (f64::NEG_INFINITY, m.constant),
        };
        let bound = bound.map(|m| m.key);
        let column = self.column(lower, upper);
        let first_row = self.row_lower.len();
        let mut keys = vec![];
        for member in sloped {
            self.rows.extend_scaled(&self.expressions[input.index()], member.row, -member.factor);
            let (lower, upper) =
                if convex { (member.constant, f64::INFINITY) } else { (f64::NEG_INFINITY, member.constant) };
            self.row([(column, 1.0)], lower, upper);
            keys.push(member.key);
        }
        let function = self.function;
        self.epigraphs.push(Epigraph {
            function,
            node,
            element,
            column: column as usize,
            first_row,
            rows: keys,
            bound,
        });
        column
    }
}

/// One of the functions an epigraph column lies above: `factor` times entry `row` of the argument, plus a number.
struct Member {
    row: usize,
    factor: f64,
    /// Its value where the columns vanish.
    constant: f64,
    /// Slope of the piece, or place in the group.
    key: f64,
}
