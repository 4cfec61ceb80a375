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
            self.push(other.entries(i).map(|(c, v)| (c, factor * v)), factor * other.constant(i) + shift);
        }
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
