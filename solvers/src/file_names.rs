//! [`FileNames`]: names that every reader of MPS and LP files takes, made from those of a program.

use std::collections::HashSet;

use crate::LinearProgram;

/// Longer names are cut: the formats allow 255 bytes, and cutting must leave room for a number behind.
const LONGEST: usize = 200;

/// Words that begin a section of an LP or MPS file, mean a bound, or name a set of sides or bounds there.
const WORDS: [&str; 42] = [
    "min", "max", "minimize", "maximize", "minimise", "maximise", "minimum", "maximum", "subject", "such", "to",
    "that", "st", "s.t.", "bounds", "bound", "free", "general", "generals", "gen", "integer", "integers", "binary",
    "binaries", "bin", "semi", "semis", "sos", "sos1", "sos2", "end", "rhs", "rng", "bnd", "name", "rows", "columns",
    "ranges", "endata", "quadobj", "objsense", "set",
];

/// The name of the objective row.
pub(crate) const OBJECTIVE: &str = "obj";

/// Names of the columns and rows of a program as they stand in a file: letters, digits, `_` and `.` only, unlike each
/// other, and nothing that could be read as a number or a word of the format.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FileNames {
    /// Name of each column (n).
    pub columns: Vec<String>,
    /// Name of each row (m).
    pub rows: Vec<String>,
    /// (what it was, what it is) for each name that had to change.
    pub changed: Vec<(String, String)>,
}

impl FileNames {
    /// Names for all columns and rows. Depends on the program's names and their order only.
    pub fn of(lp: &LinearProgram) -> FileNames {
        let mut changed = vec![];
        let columns = unlike((0..lp.columns()).map(|j| lp.column_name(j).into_owned()), 'x', &mut changed);
        let rows = unlike((0..lp.rows()).map(|i| lp.row_name(i).into_owned()), 'r', &mut changed);
        FileNames { columns, rows, changed }
    }

    /// One line a change, quoted so that no name can end its line, each behind `mark`.
    pub fn remarks(&self, mark: &str) -> String {
        let mut text = String::new();
        if !self.changed.is_empty() {
            text += &format!(
                "{mark} {} names are changed: other characters than letters, digits, _ and . became _, names that read as \
                 numbers or words got a prefix, repeated ones a number\n",
                self.changed.len()
            );
        }
        for (was, is) in &self.changed {
            // ASCII, and short enough for readers that limit their lines.
            let shown: String = was.escape_default().take(LONGEST).collect();
            text += &format!("{mark}   {is} was {shown}\n");
        }
        text
    }
}

/// Legal names, none twice.
fn unlike(names: impl Iterator<Item = String>, prefix: char, changed: &mut Vec<(String, String)>) -> Vec<String> {
    let mut taken = HashSet::from([OBJECTIVE.to_string()]);
    let mut next = std::collections::HashMap::<String, usize>::new();
    let mut unlike = vec![];
    for was in names {
        let plain = legal(&was, prefix);
        let mut is = plain.clone();
        // Counting on from the last number used keeps many equal names cheap.
        let number = next.entry(plain.clone()).or_insert(2);
        while !taken.insert(is.clone()) {
            is = format!("{plain}_{number}");
            *number += 1;
        }
        if is != was {
            changed.push((was, is.clone()));
        }
        unlike.push(is);
    }
    unlike
}

/// The name with legal characters only, and unlike numbers and words.
fn legal(name: &str, prefix: char) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '.' { c } else { '_' };
    let plain: String = name.chars().take(LONGEST).map(allowed).collect();
    let lower = plain.to_ascii_lowercase();
    // `e5` continues a coefficient in front of it, `inf…` and `nan…` are read as numbers.
    let number = lower.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == 'e' || c == '_')
        || lower.starts_with("inf")
        || lower.starts_with("nan");
    if plain.is_empty() || number || WORDS.contains(&lower.as_str()) { format!("{prefix}_{plain}") } else { plain }
}
