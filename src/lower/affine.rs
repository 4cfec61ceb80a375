//! `AffineRows`: the entries of a node as affine expressions in the columns of a program.

/// One affine expression Σ cₖ·xₖ + constant per entry, stored row by row.
#[derive(Debug, Clone, Default)]
pub(crate) struct AffineRows {
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f64>,
    constants: Vec<f64>,
}

impl AffineRows {
    pub fn with_capacity(rows: usize, entries: usize) -> AffineRows {
        let mut starts = Vec::with_capacity(rows + 1);
        starts.push(0);
        AffineRows {
            starts,
            columns: Vec::with_capacity(entries),
            values: Vec::with_capacity(entries),
            constants: Vec::with_capacity(rows),
        }
    }

    /// Adds a row from entries, each column at most once.
    pub fn push(&mut self, entries: impl IntoIterator<Item = (u32, f64)>, constant: f64) {
        for (column, value) in entries {
            self.columns.push(column);
            self.values.push(value);
        }
        self.starts.push(self.columns.len());
        self.constants.push(constant);
    }

    /// Adds `factor` times row `i` of `other`, plus `shift`.
    pub fn push_scaled(&mut self, other: &AffineRows, i: usize, factor: f64, shift: f64) {
        if factor == 0.0 {
            self.push([], shift);
        } else {
            self.extend_scaled(other, i, factor);
            self.push([], factor * other.constant(i) + shift);
        }
    }

    /// Appends the entries of `factor` times row `i` of `other` to the row that the next push ends.
    pub fn extend_scaled(&mut self, other: &AffineRows, i: usize, factor: f64) {
        let range = other.starts[i]..other.starts[i + 1];
        self.columns.extend_from_slice(&other.columns[range.clone()]);
        self.values.extend(other.values[range].iter().map(|v| factor * v));
    }

    /// Adds the sum of row `i` of all `terms`, if their entries need only be put one behind the other.
    pub fn push_joined(&mut self, terms: &mut Vec<&AffineRows>, i: usize) -> bool {
        let constant = terms.iter().fold(0.0, |sum, t| sum + t.constant(i));
        terms.retain(|t| t.count(i) > 0);
        terms.sort_unstable_by_key(|t| t.columns[t.starts[i]]);
        let apart =
            |pair: &[&AffineRows]| pair[0].columns[pair[0].starts[i + 1] - 1] < pair[1].columns[pair[1].starts[i]];
        if !terms.windows(2).all(apart) {
            return false;
        }
        terms.iter().for_each(|t| self.extend_scaled(t, i, 1.0));
        self.push([], constant);
        true
    }

    /// Adds `weights` times all rows of `singles`, as one row.
    pub fn push_weighted(&mut self, singles: &[Single], weights: impl Iterator<Item = f64>) {
        let mut constant = 0.0;
        for (single, w) in singles.iter().zip(weights).filter(|(_, w)| *w != 0.0) {
            constant += w * single.constant;
            let value = w * single.value;
            if value != 0.0 {
                self.columns.push(single.column);
                self.values.push(value);
            }
        }
        self.push([], constant);
    }

    /// The rows as one entry each, if none has more and their columns ascend: the state of decisions and of units.
    pub fn singles(&self) -> Option<Vec<Single>> {
        if self.columns.len() > self.len() || !self.columns.is_sorted_by(|a, b| a < b) {
            return None;
        }
        let single = |i: usize| match self.count(i) {
            0 => Some(Single { column: 0, value: 0.0, constant: self.constant(i) }),
            1 => {
                let at = self.starts[i];
                Some(Single { column: self.columns[at], value: self.values[at], constant: self.constant(i) })
            }
            _ => None,
        };
        (0..self.len()).map(single).collect()
    }

    /// Makes room for entries.
    pub fn reserve(&mut self, entries: usize) {
        self.columns.reserve(entries);
        self.values.reserve(entries);
    }

    pub fn len(&self) -> usize {
        self.constants.len()
    }

    /// Number of entries of row `i`.
    pub fn count(&self, i: usize) -> usize {
        self.starts[i + 1] - self.starts[i]
    }

    /// Number of entries of all rows.
    pub fn total(&self) -> usize {
        self.columns.len()
    }

    pub fn constant(&self, i: usize) -> f64 {
        self.constants[i]
    }

    /// Row starts, column indices and values.
    pub fn into_parts(self) -> (Vec<usize>, Vec<u32>, Vec<f64>) {
        (self.starts, self.columns, self.values)
    }

    pub fn entries(&self, i: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let range = self.starts[i]..self.starts[i + 1];
        self.columns[range.clone()].iter().copied().zip(self.values[range].iter().copied())
    }
}

/// A row with at most one entry; `value` is 0 where it has none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Single {
    column: u32,
    value: f64,
    constant: f64,
}

/// A sum of affine expressions under construction: dense values with a list of the columns touched.
#[derive(Debug, Default)]
pub(crate) struct Accumulator {
    values: Vec<f64>,
    present: Vec<bool>,
    touched: Vec<u32>,
    constant: f64,
}

impl Accumulator {
    /// Adds `factor` times row `i` of `rows`.
    #[inline]
    pub fn add(&mut self, rows: &AffineRows, i: usize, factor: f64) {
        self.constant += factor * rows.constant(i);
        for (column, value) in rows.entries(i) {
            let at = column as usize;
            if at >= self.values.len() {
                self.values.resize(at + 1, 0.0);
                self.present.resize(at + 1, false);
            }
            if !self.present[at] {
                self.present[at] = true;
                self.touched.push(column);
            }
            self.values[at] += factor * value;
        }
    }

    /// Moves the sum into `rows` as its next row, without cancelled entries, columns ascending.
    pub fn finish(&mut self, rows: &mut AffineRows) {
        self.touched.sort_unstable();
        for column in &self.touched {
            let at = *column as usize;
            if self.values[at] != 0.0 {
                rows.columns.push(*column);
                rows.values.push(self.values[at]);
            }
            self.values[at] = 0.0;
            self.present[at] = false;
        }
        self.touched.clear();
        rows.starts.push(rows.columns.len());
        rows.constants.push(self.constant);
        self.constant = 0.0;
    }
}
