//! Names for the columns and rows of a [`Linear`], made only when somebody reads them.

use icnn_solvers::LinearProgram;

use super::linear::Linear;
use crate::ir::program::NodeId;

impl Linear {
    /// The program with names: `y3` for decisions, `z4_2` for entry 2 of node n4 (`z4` where it has one entry only),
    /// `n4_2` for its row, `n4_2.1` for its second. Those of a learned constraint are preceded by its name and a colon.
    pub fn named_lp(&self) -> LinearProgram {
        let mut lp = self.lp.clone();
        let mut single = std::collections::HashMap::new();
        let epigraphs = self.epigraphs.iter().map(|e| (e.function, e.node));
        let entries = epigraphs.chain(self.definitions.iter().map(|d| (d.function, d.node)));
        for node in entries {
            *single.entry(node).or_insert(0usize) += 1;
        }
        let name = |letter: char, function: usize, node: NodeId, element: usize| {
            let level = function.checked_sub(1).and_then(|k| self.level_rows.get(k));
            let of = level.map_or(String::new(), |(name, _)| format!("{name}:"));
            match single.get(&(function, node)) {
                Some(1) if element == 0 => format!("{of}{letter}{}", node.index()),
                _ => format!("{of}{letter}{}_{element}", node.index()),
            }
        };
        lp.column_names = (0..self.decisions).map(|j| format!("y{j}")).collect();
        lp.column_names.resize(self.lp.columns(), String::new());
        lp.row_names = self.domain_rows.clone();
        lp.row_names.resize(self.lp.rows(), String::new());
        for e in &self.epigraphs {
            let row = name('n', e.function, e.node, e.element);
            for k in 0..e.rows.len() {
                lp.row_names[e.first_row + k] = if e.rows.len() == 1 { row.clone() } else { format!("{row}.{k}") };
            }
            lp.column_names[e.column] = name('z', e.function, e.node, e.element);
        }
        for d in &self.definitions {
            lp.row_names[d.row] = name('n', d.function, d.node, d.element);
            lp.column_names[d.column] = name('v', d.function, d.node, d.element);
        }
        for (level, row) in &self.level_rows {
            lp.row_names[*row] = level.clone();
        }
        lp
    }
}
