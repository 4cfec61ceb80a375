//! A caller's callback for solvers that run to their end on their own: they work on a thread, and the callback is asked
//! from time to time whether to go on.

use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use icnn_solvers::Interrupt;
use icnn_solvers::run::{Progress, Watch};

/// How often the callback is asked.
const INTERVAL: Duration = Duration::from_millis(10);

/// What `work` returns; it gets a switch that is turned on when `watch` says so or the caller's own switch, `given`, is. The progress that `watch` sees has the
/// time only, since value and bound are known at the end.
pub(super) fn watched<T: Send>(
    watch: Option<&mut Watch<'_>>,
    given: Option<&Interrupt>,
    work: impl FnOnce(Option<Interrupt>) -> T + Send,
) -> T {
    let Some(watch) = watch else { return work(given.cloned()) };
    let begun = Instant::now();
    let interrupt = Interrupt::new();
    let mut goes_on = || {
        let seconds = begun.elapsed().as_secs_f64();
        let progress =
            Progress { forward: 0, backward: 0, seconds, value: f64::INFINITY, lower_bound: f64::NEG_INFINITY };
        watch(&progress, &[])
    };
    if !goes_on() {
        interrupt.stop();
    }
    std::thread::scope(|scope| {
        let (done, is_done) = mpsc::channel();
        let switch = interrupt.clone();
        let worker = scope.spawn(move || {
            let result = work(Some(switch));
            // Nobody listens any more after a stop.
            let _ = done.send(());
            result
        });
        while is_done.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            let switched = given.is_some_and(Interrupt::is_stopped);
            if !interrupt.is_stopped() && (switched || !goes_on()) {
                interrupt.stop();
            }
        }
        worker.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}
