//! [`Room`]: numbers in memory that earlier runs on the same thread have left. A run on a small function is over in a tenth of a millisecond and
//! needs dozens of vectors; asking for memory each time would be a twentieth of that.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Vectors of 2ᵏ numbers are kept for k below this, and at most so many of each.
const SIZES: usize = 16;
const MOST: usize = 32;

/// What nobody uses, by k.
type Spare = [Vec<Vec<f64>>; SIZES];

thread_local! {
    static SPARE: RefCell<Spare> = const { RefCell::new([const { Vec::new() }; SIZES]) };
}

/// A vector of numbers that leaves its memory to others.
#[derive(Debug, Default)]
pub struct Room(Vec<f64>);

impl Room {
    /// n zeros.
    pub fn zeros(n: usize) -> Room {
        let mut room = Room::for_numbers(n);
        room.0.resize(n, 0.0);
        room
    }

    /// `numbers` with zeros behind them, n in all.
    pub fn filled(numbers: &[f64], n: usize) -> Room {
        let mut room = Room::for_numbers(n.max(numbers.len()));
        room.0.extend_from_slice(numbers);
        room.0.resize(n, 0.0);
        room
    }

    /// Without numbers yet, but room for n.
    pub fn for_numbers(n: usize) -> Room {
        let k = n.next_power_of_two().ilog2() as usize;
        if n == 0 || k >= SIZES {
            return Room(Vec::with_capacity(n));
        }
        let left = SPARE.try_with(|spare| spare.borrow_mut()[k].pop()).ok().flatten();
        Room(left.unwrap_or_else(|| Vec::with_capacity(1 << k)))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let numbers = &mut self.0;
        if numbers.capacity() == 0 {
            return;
        }
        // What has grown serves as the size below its own.
        let k = numbers.capacity().ilog2() as usize;
        if k < SIZES {
            numbers.clear();
            // A thread that ends keeps nothing.
            let _ = SPARE.try_with(|spare| {
                let same = &mut spare.borrow_mut()[k];
                if same.len() < MOST {
                    same.push(std::mem::take(numbers));
                }
            });
        }
    }
}

impl Clone for Room {
    fn clone(&self) -> Room {
        Room::filled(&self.0, self.0.len())
    }
}

impl Deref for Room {
    type Target = Vec<f64>;

    #[inline(always)]
    fn deref(&self) -> &Vec<f64> {
        &self.0
    }
}

impl DerefMut for Room {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Vec<f64> {
        &mut self.0
    }
}

impl<'a> IntoIterator for &'a Room {
    type Item = &'a f64;
    type IntoIter = std::slice::Iter<'a, f64>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a mut Room {
    type Item = &'a mut f64;
    type IntoIter = std::slice::IterMut<'a, f64>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_is_zeros_again() {
        for n in [0, 1, 7, 8, 9, 1000, 1 << 17] {
            let mut one = Room::zeros(n);
            one.fill(3.0);
            one.push(4.0);
            drop(one);
            let (zeros, two) = (Room::zeros(n), Room::filled(&[5.0, 6.0], n.max(2)));
            assert!(zeros.len() == n && zeros.iter().all(|v| *v == 0.0));
            assert_eq!((two.len(), two[0], two[1]), (n.max(2), 5.0, 6.0));
            assert!(two[2..].iter().all(|v| *v == 0.0) && two.clone()[..] == two[..]);
        }
    }
}
