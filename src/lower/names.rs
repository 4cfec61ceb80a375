//! Names for the columns and rows of a [`Linear`], made only when somebody reads them.

use icnn_solvers::LinearProgram;

use super::linear::Linear;

impl Linear {
    /// The program with names: `y3` for decisions, `z4_2` for entry 2 of node n4 (`z4` where it has one entry only),
    /// `n4_2` for its row, `n4_2.1` for its second.
    pub fn named_lp(&self) -> LinearProgram {
        let mut lp = self.lp.clone();
        let mut single = std::collections::HashMap::new();
        let entries = self.epigraphs.iter().map(|e| e.node).chain(self.definitions.iter().map(|d| d.node));
        for node in entries {
            *single.entry(node).or_insert(0usize) += 1;
        }
        let suffix = |node: crate::ir::program::NodeId, element: usize| match single.get(&node) {
            Some(1) if element == 0 => format!("{}", node.index()),
            _ => format!("{}_{element}", node.index()),
        };
        lp.column_names = (0..self.decisions).map(|j| format!("y{j}")).collect();
        lp.column_names.resize(self.lp.columns(), String::new());
        lp.row_names = self.domain_rows.clone();
        lp.row_names.resize(self.lp.rows(), String::new());
        for e in &self.epigraphs {
            let name = suffix(e.node, e.element);
            for k in 0..e.rows.len() {
                lp.row_names[e.first_row + k] =
                    if e.rows.len() == 1 { format!("n{name}") } else { format!("n{name}.{k}") };
            }
            lp.column_names[e.column] = format!("z{name}");
        }
        for d in &self.definitions {
            let name = suffix(d.node, d.element);
            lp.row_names[d.row] = format!("n{name}");
            lp.column_names[d.column] = format!("v{name}");
        }
        lp
    }
}
