//! A [`Conic`] program as text: the linear part, then one cone a line.

use std::fmt::{self, Display, Formatter};

use icnn_solvers::ConicProgram;

use super::Conic;

/// Objective, rows and bounds as for the linear program, then `cones`: `n4: (a, b, c) in exponential`, `n4: … >= 0`.
/// Columns of cones: `z` the height, `r` and `s` the positive and the negative part of an argument, `v` and `w`
/// exponentials.
impl Display for Conic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut lp = self.linear.named_lp();
        let mut names = vec![String::new(); self.cones.len()];
        for unit in &self.smooth {
            let level = unit.function.checked_sub(1).and_then(|k| self.linear.level_rows.get(k));
            let of = level.map_or(String::new(), |(name, _)| format!("{name}:"));
            let same = |u: &&super::Smooth| u.function == unit.function && u.node == unit.node;
            let alone = unit.element == 0 && self.smooth.iter().filter(same).count() == 1;
            let element = if alone { String::new() } else { format!("_{}", unit.element) };
            let node = unit.node.index();
            for (k, (letter, column)) in unit.columns.iter().enumerate() {
                let twin = unit.columns.iter().filter(|(l, _)| l == letter).count() > 1;
                let place = unit.columns[..k].iter().filter(|(l, _)| l == letter).count();
                let place = if twin { format!(".{place}") } else { String::new() };
                lp.column_names[*column] = format!("{of}{letter}{node}{element}{place}");
            }
            names[unit.cones.clone()].fill(format!("{of}n{node}{element}"));
        }
        write!(f, "{lp}")?;
        let mut program = ConicProgram::new(lp.columns());
        program.column_names = lp.column_names;
        program.cone_names = names;
        for rows in &self.cones {
            let expressions: Vec<(Vec<(usize, f64)>, f64)> = rows
                .rows
                .iter()
                .map(|e| (e.terms.iter().map(|(j, v)| (*j as usize, *v)).collect(), e.constant))
                .collect();
            program.push(rows.cone, &expressions);
        }
        let text = program.to_string();
        let cones = text.split_once("subject to\n").map_or("", |(_, cones)| cones);
        write!(f, "cones\n{cones}")
    }
}
