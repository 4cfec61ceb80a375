//! Work on many rows at once, with the answers in order and never more than a window of them in memory.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;

use super::Stop;

/// Rows in flight for each thread.
const WINDOW: usize = 4;

/// The number of rows of a run: every table, (option, rows), has as many, or one for all.
///
/// Errors: two tables with different numbers of rows, neither of them 1.
pub fn common(tables: impl IntoIterator<Item = (&'static str, usize)>) -> Result<usize, Stop> {
    let mut rows = (1, "");
    for (what, n) in tables.into_iter().filter(|(_, n)| *n != 1) {
        if rows.0 != 1 && rows.0 != n {
            let (m, other) = rows;
            return Err(Stop::input(format!(
                "{other} has {m} rows and {what} {n}; they must be as many, or one of them 1"
            )));
        }
        rows = (n, what);
    }
    Ok(rows.0)
}

/// Computes `work(0..rows)` on `threads` threads (one a core where not given) and hands the answers to `emit` in order, each as soon as those before it
/// are out. A row that panics is an error of that row. An error of `emit` ends the run.
pub fn in_order<T: Send>(
    rows: usize,
    threads: Option<usize>,
    work: impl Fn(usize) -> T + Sync,
    panicked: impl Fn(usize) -> T + Sync,
    mut emit: impl FnMut(usize, T) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let guarded = |row: usize| catch_unwind(AssertUnwindSafe(|| work(row))).unwrap_or_else(|_| panicked(row));
    // Counting the cores takes a dozen system calls: not for one row.
    let threads = if rows > 1 { threads.unwrap_or_else(cores).clamp(1, rows) } else { 1 };
    let mut next = 0..rows;
    of_stream(|| next.next(), threads, |row| (row, guarded(row)), |(row, answer)| emit(row, answer).map(|()| true))
}

/// One thread for each core.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Computes `work` of everything that `next` gives, on so many threads, and hands the results to `emit` in order, each as soon as those before
/// it are out. It ends after the last one, with an error of `emit`, or where that returns false.
pub fn of_stream<I: Send, T: Send>(
    mut next: impl FnMut() -> Option<I>,
    threads: usize,
    work: impl Fn(I) -> T + Sync,
    mut emit: impl FnMut(T) -> Result<bool, Stop>,
) -> Result<(), Stop> {
    if threads == 1 {
        while let Some(item) = next() {
            if !emit(work(item))? {
                break;
            }
        }
        return Ok(());
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| Stop::input(format!("cannot start {threads} threads: {e}")))?;
    let (sender, receiver) = mpsc::channel();
    let work = &work;
    pool.in_place_scope(|scope| {
        let (mut started, mut emitted, mut more) = (0usize, 0usize, true);
        let mut waiting = BTreeMap::new();
        loop {
            while more && started - emitted < WINDOW * threads {
                let Some(item) = next() else {
                    more = false;
                    break;
                };
                let (sender, place) = (sender.clone(), started);
                // Nobody listens only when the run has ended.
                scope.spawn(move |_| drop(sender.send((place, work(item)))));
                started += 1;
            }
            if emitted == started {
                return Ok(());
            }
            let Ok((place, result)) = receiver.recv() else { return Ok(()) };
            waiting.insert(place, result);
            while let Some(result) = waiting.remove(&emitted) {
                if !emit(result)? {
                    return Ok(());
                }
                emitted += 1;
            }
        }
    })
}
