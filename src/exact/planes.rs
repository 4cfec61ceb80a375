//! Exact matrices of dyadic numbers, as planes of digits: entry = Σ_d digit_d · 2^(22·(low + d)), |digit| ≤ 2²¹.
//!
//! Every f64 is such a number. A product of two matrices is a product of each pair of planes, and products of digits are at most
//! 2⁴², so 2¹¹ of them add up in f64 without rounding: the exact product is a handful of ordinary f64 products.

use dashu_int::IBig;
use nalgebra::DMatrix;

/// Bits of a digit.
pub const BITS: u32 = 22;

/// Products of digits that may be added up in f64.
const BLOCK: usize = 1 << 11;

/// Most planes a matrix may have: weights whose sizes differ by more have no place here.
const MOST: usize = 600;

/// A matrix, column by column.
#[derive(Debug, Clone)]
pub struct Planes {
    pub rows: usize,
    pub columns: usize,
    /// Place of the lowest digit.
    low: i32,
    digits: Vec<Vec<i32>>,
}

/// A number of the same form: 53 bits, shifted by up to 21, make at most 4 digits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Digits {
    low: i32,
    digits: [i32; 4],
    count: usize,
}

impl Digits {
    /// The digits of a finite number.
    pub fn of(v: f64) -> Digits {
        let mut out = Digits { low: 0, digits: [0; 4], count: 0 };
        let Some((mantissa, exponent)) = parts(v) else { return out };
        out.low = exponent.div_euclid(BITS as i32);
        let mut rest = i128::from(mantissa) << exponent.rem_euclid(BITS as i32);
        while rest != 0 {
            let digit = balanced(rest as i64);
            out.digits[out.count] = digit;
            out.count += 1;
            rest = (rest - i128::from(digit)) >> BITS;
        }
        out
    }

    fn all(&self) -> &[i32] {
        &self.digits[..self.count]
    }
}

/// The lowest digit of an integer.
fn balanced(v: i64) -> i32 {
    let half = 1i64 << (BITS - 1);
    (((v + half) & ((1 << BITS) - 1)) - half) as i32
}

/// v = mantissa · 2^exponent with an odd mantissa; `None` for 0.
pub fn parts(v: f64) -> Option<(i64, i32)> {
    if v == 0.0 || !v.is_finite() {
        return None;
    }
    let bits = v.to_bits();
    let (field, fraction) = ((bits >> 52 & 0x7ff) as i32, (bits & ((1 << 52) - 1)) as i64);
    let (mantissa, exponent) = if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) };
    let zeros = mantissa.trailing_zeros();
    let mantissa = mantissa >> zeros;
    Some((if v < 0.0 { -mantissa } else { mantissa }, exponent + zeros as i32))
}

impl Planes {
    /// The exact matrix of finite numbers; `None` if they span too many planes.
    pub fn of(rows: usize, columns: usize, entry: impl Fn(usize, usize) -> f64) -> Option<Planes> {
        let entries = (0..columns).flat_map(|j| (0..rows).map(move |i| (i, j)));
        let all: Vec<Digits> = entries.map(|(i, j)| Digits::of(entry(i, j))).collect();
        let set = all.iter().filter(|v| v.count > 0);
        let low = set.clone().map(|v| v.low).min().unwrap_or(0);
        let count = set.map(|v| (v.low - low) as usize + v.count).max().unwrap_or(0);
        if count > MOST {
            return None;
        }
        let mut digits = vec![vec![0; rows * columns]; count];
        for (at, v) in all.iter().enumerate() {
            v.all().iter().enumerate().for_each(|(d, digit)| digits[(v.low - low) as usize + d][at] = *digit);
        }
        Some(Planes { rows, columns, low, digits })
    }

    /// A matrix of zeros.
    pub fn empty(rows: usize, columns: usize) -> Planes {
        Planes { rows, columns, low: 0, digits: vec![] }
    }

    /// Some of the columns.
    pub fn of_columns(&self, columns: &[usize]) -> Planes {
        let part = |plane: &Vec<i32>| {
            columns.iter().flat_map(|j| plane[j * self.rows..(j + 1) * self.rows].iter().copied()).collect()
        };
        let digits = self.digits.iter().map(part).collect();
        Planes { rows: self.rows, columns: columns.len(), low: self.low, digits }
    }

    /// Entry (i, j), times 2^(−`exponent`), for an exponent that is not above that of any digit.
    pub fn entry(&self, i: usize, j: usize, exponent: i64) -> IBig {
        let at = j * self.rows + i;
        if self.digits.is_empty() {
            return IBig::ZERO;
        }
        let mut sum = IBig::ZERO;
        for plane in self.digits.iter().rev() {
            sum = (sum << BITS as usize) + IBig::from(plane[at]);
        }
        sum << (self.exponent() - exponent) as usize
    }

    /// Every entry is a multiple of 2 to this power.
    pub fn exponent(&self) -> i64 {
        i64::from(self.low) * i64::from(BITS)
    }

    /// An approximation of entry (i, j).
    pub fn approximate(&self, i: usize, j: usize) -> f64 {
        let at = j * self.rows + i;
        let place = |d: usize| (f64::from(self.low) + d as f64) * f64::from(BITS);
        self.digits.iter().enumerate().rev().map(|(d, plane)| f64::from(plane[at]) * place(d).exp2()).sum()
    }

    /// Whether entry (i, j) is not 0.
    pub fn is_set(&self, i: usize, j: usize) -> bool {
        self.digits.iter().any(|plane| plane[j * self.rows + i] != 0)
    }

    /// The columns that are not 0.
    pub fn live(&self) -> Vec<usize> {
        let any = |j: &usize| {
            let range = j * self.rows..(j + 1) * self.rows;
            self.digits.iter().any(|plane| plane[range.clone()].iter().any(|d| *d != 0))
        };
        (0..self.columns).filter(any).collect()
    }

    /// One plane of some rows and columns.
    fn plane(&self, d: usize, rows: usize, columns: &[usize]) -> DMatrix<f64> {
        let entries = columns.iter().flat_map(|j| &self.digits[d][j * self.rows..j * self.rows + rows]);
        DMatrix::from_iterator(rows, columns.len(), entries.map(|v| f64::from(*v)))
    }
}

/// A sum under construction: digits of any size, to be carried.
#[derive(Debug, Clone)]
pub struct Sum {
    pub rows: usize,
    pub columns: usize,
    low: i32,
    digits: Vec<Vec<i64>>,
    failed: bool,
}

impl Sum {
    pub fn new(rows: usize, columns: usize) -> Sum {
        Sum { rows, columns, low: 0, digits: vec![], failed: false }
    }

    /// Makes room for planes at places `low..low + count`; false if that would be too many.
    fn reserve(&mut self, low: i32, count: usize) -> bool {
        let size = self.rows * self.columns;
        if self.digits.is_empty() {
            self.low = low;
        }
        let below = (self.low - low).max(0) as usize;
        let end = (low + count as i32).max(self.low + self.digits.len() as i32);
        let planes = (end - self.low.min(low)) as usize;
        if planes > MOST || self.failed {
            self.failed = true;
            return false;
        }
        if below > 0 {
            self.digits.splice(0..0, (0..below).map(|_| vec![0; size]));
            self.low = low;
        }
        self.digits.resize_with(planes, || vec![0; size]);
        true
    }

    /// Adds a number to one entry.
    pub fn add_entry(&mut self, i: usize, j: usize, v: &Digits) {
        if v.count == 0 || !self.reserve(v.low, v.count) {
            return;
        }
        let (at, first) = (j * self.rows + i, (v.low - self.low) as usize);
        v.all().iter().enumerate().for_each(|(d, digit)| self.digits[first + d][at] += i64::from(*digit));
    }

    /// Adds `factor` times column `i` of `from`, which has as many rows, to column `j`.
    pub fn add_column(&mut self, j: usize, from: &Planes, i: usize, factor: &Digits) {
        if factor.count == 0 || from.digits.is_empty() {
            return;
        }
        let low = from.low + factor.low;
        if !self.reserve(low, from.digits.len() + factor.count - 1) {
            return;
        }
        let (first, rows) = ((low - self.low) as usize, self.rows);
        for (d, plane) in from.digits.iter().enumerate() {
            let source = &plane[i * rows..(i + 1) * rows];
            for (e, digit) in factor.all().iter().enumerate() {
                let target = &mut self.digits[first + d + e][j * rows..(j + 1) * rows];
                target.iter_mut().zip(source).for_each(|(t, s)| *t += i64::from(*s) * i64::from(*digit));
            }
        }
    }

    /// Adds the product of the columns `live` of `left` (its first `rows` rows) with `right`, which has one row for each of
    /// them, to the columns from `first` on.
    pub fn add_product(&mut self, rows: usize, left: &Planes, live: &[usize], right: &Planes, first: usize) {
        if left.digits.is_empty() || right.digits.is_empty() || live.is_empty() {
            return;
        }
        let low = left.low + right.low;
        if !self.reserve(low, left.digits.len() + right.digits.len() - 1) {
            return;
        }
        let (at, height) = ((low - self.low) as usize, self.rows);
        let all: Vec<usize> = (0..right.columns).collect();
        let factors: Vec<DMatrix<f64>> = (0..right.digits.len()).map(|e| right.plane(e, right.rows, &all)).collect();
        for d in 0..left.digits.len() {
            let plane = left.plane(d, rows, live);
            for (e, factor) in factors.iter().enumerate() {
                let target = &mut self.digits[at + d + e];
                for start in (0..live.len()).step_by(BLOCK) {
                    let width = BLOCK.min(live.len() - start);
                    let product = plane.columns(start, width) * factor.rows(start, width);
                    for (j, column) in product.column_iter().enumerate() {
                        let target = &mut target[(first + j) * height..(first + j) * height + rows];
                        target.iter_mut().zip(column.iter()).for_each(|(t, v)| *t += *v as i64);
                    }
                }
            }
        }
    }

    /// Carries the digits; `None` if there are too many planes.
    pub fn finish(self) -> Option<Planes> {
        if self.failed {
            return None;
        }
        let size = self.rows * self.columns;
        let mut carry = vec![0i64; size];
        let mut digits: Vec<Vec<i32>> = vec![];
        let mut planes = self.digits.into_iter();
        loop {
            let mut plane = match planes.next() {
                Some(plane) => plane,
                None if carry.iter().all(|c| *c == 0) => break,
                None => vec![0; size],
            };
            let mut out = Vec::with_capacity(size);
            for (v, c) in plane.iter_mut().zip(&mut carry) {
                let sum = *v + *c;
                let digit = balanced(sum);
                out.push(digit);
                *c = (sum - i64::from(digit)) >> BITS;
            }
            digits.push(out);
        }
        let empty = |plane: &Vec<i32>| plane.iter().all(|d| *d == 0);
        while digits.last().is_some_and(empty) {
            digits.pop();
        }
        let zeros = digits.iter().take_while(|p| empty(p)).count();
        digits.drain(..zeros);
        (digits.len() <= MOST).then_some(Planes {
            rows: self.rows,
            columns: self.columns,
            low: self.low + zeros as i32,
            digits,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// v · 2^(−exponent), which has to be an integer.
    fn integer(v: f64, exponent: i64) -> IBig {
        parts(v).map_or(IBig::ZERO, |(m, e)| IBig::from(m) << (i64::from(e) - exponent) as usize)
    }

    #[test]
    fn products_are_exact() {
        let numbers = [0.1, -3e-7, 1e9, 0.0, -1.0, 5e-324, 2f64.powi(60) - 1e4, 1.0 / 3.0, -2.5];
        let (m, n, c) = (3, 2500, 2);
        let left = |i: usize, j: usize| numbers[(i * 7 + j * 5) % 9];
        let right = |i: usize, j: usize| numbers[(i * 4 + j * 11 + 3) % 9];
        let (a, b) = (Planes::of(m, n, left).unwrap(), Planes::of(n, c, right).unwrap());
        let mut sum = Sum::new(m, c);
        sum.add_product(m, &a, &(0..n).collect::<Vec<_>>(), &b, 0);
        let product = sum.finish().unwrap();
        let lowest = a.exponent() + b.exponent();
        for i in 0..m {
            for j in 0..c {
                let expected: IBig = (0..n)
                    .map(|k| integer(left(i, k), a.exponent()) * integer(right(k, j), b.exponent()))
                    .fold(IBig::ZERO, |s, v| s + v);
                assert_eq!(product.entry(i, j, lowest), expected);
            }
        }
    }
}
