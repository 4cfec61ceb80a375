//! Memory for the whole program, asked for at its start: touching it page by page would take longer than a small network's solve.

use std::hint::black_box;

/// Room that the allocator of the C library gets and gives back first, about as much as it ever takes notice of. From then on it takes
/// vectors up to this size from memory that it keeps: until a large one was freed it asks the system for each of them, and gives it
/// back, page by page.
const KEPT: usize = 31 << 20;

/// Has the allocator keep what is freed, and take the first of it from large pages, where the system has such.
pub fn prepare() {
    drop(room());
    #[cfg(feature = "highs")]
    begin_with_large_pages();
}

/// As much as is kept, or nothing where the system does not give that much.
fn room() -> Vec<u8> {
    let mut room = vec![];
    let _ = room.try_reserve_exact(KEPT);
    black_box(room)
}

/// Gets the same room once more, now from memory that is kept, and gives it back to be handed out in pieces.
#[cfg(feature = "highs")]
fn begin_with_large_pages() {
    use icnn_solvers::highs::{LARGE_PAGE, large_pages};
    let mut room = room();
    let start = room.as_ptr().addr();
    let asked = large_pages(room.spare_capacity_mut());
    drop(room);
    // What lies before the first large page is never written to, so it takes no memory. The allocator needs a few bytes of its own.
    let before = (start.next_multiple_of(LARGE_PAGE) - start).saturating_sub(64);
    if asked && before > 0 {
        std::mem::forget(black_box(Vec::<u8>::with_capacity(before)));
    }
}
