//! [`Model`]: a safe owner of one HiGHS instance, each call checked. The only `unsafe` of the workspace, and so one call of the system
//! as well: [`large_pages`].
//!
//! Nothing is interpreted here: numbers go in and out as HiGHS has them. Every array whose length
//! HiGHS takes on trust is checked against the sizes of the model before the call, and every
//! array HiGHS fills is filled with NaN (or −1) first, so that what it leaves untouched shows.
//!
//! A C++ exception (out of memory) cannot cross into Rust: it aborts the process.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use highs_sys as sys;

use crate::{Interrupt, SolverError};

/// A HiGHS instance with a model of `columns` × `rows`.
#[derive(Debug)]
pub(super) struct Model {
    instance: NonNull<c_void>,
    columns: usize,
    rows: usize,
    /// What HiGHS has a pointer to.
    interrupt: Option<Arc<AtomicBool>>,
}

// SAFETY: the instance is owned by this struct alone and HiGHS keeps no pointer to the arrays it was given, only one to
// a flag that is atomic and owned by this struct. What HiGHS
// ties to a thread, its task scheduler, is thread-local, created on first use by whichever thread calls `run`, and not
// referred to by the instance between calls; so an instance may be used by one thread after another. It is not `Sync`:
// even its getters may compute and cache.
unsafe impl Send for Model {}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: `instance` came from Highs_create and is destroyed once, here.
        unsafe { sys::Highs_destroy(self.instance.as_ptr()) }
    }
}

/// The arrays of a program with n columns, m rows and `value.len()` matrix entries, as HiGHS reads them.
pub(super) struct Arrays<'a> {
    /// n costs, lower and upper bounds.
    pub columns: [&'a [f64]; 3],
    /// m lower and upper bounds.
    pub rows: [&'a [f64]; 2],
    /// First entry of each row (m), then nothing more.
    pub start: &'a [i32],
    /// Column of each entry.
    pub index: &'a [i32],
    /// Value of each entry.
    pub value: &'a [f64],
}

impl Model {
    /// Creates an instance and hands it a program. HiGHS copies the arrays.
    pub fn new(options: &[(&str, Value<'_>)], arrays: &Arrays<'_>) -> Result<Self, SolverError> {
        // SAFETY: Highs_create has no preconditions.
        let instance = NonNull::new(unsafe { sys::Highs_create() }).ok_or_else(|| SolverError::Call {
            solver: "HiGHS",
            call: "create".into(),
            returned: "null".into(),
        })?;
        let mut model =
            Model { instance, columns: arrays.columns[0].len(), rows: arrays.rows[0].len(), interrupt: None };
        for &(name, value) in options {
            model.set(name, value)?;
        }
        model.pass(arrays)?;
        Ok(model)
    }

    /// Creates an instance and lets HiGHS read a file whose ending names the format.
    pub fn read(options: &[(&str, Value<'_>)], path: &str) -> Result<Self, SolverError> {
        let file = c_string(path)?;
        // SAFETY: Highs_create has no preconditions.
        let instance = NonNull::new(unsafe { sys::Highs_create() }).ok_or_else(|| SolverError::Call {
            solver: "HiGHS",
            call: "create".into(),
            returned: "null".into(),
        })?;
        let mut model = Model { instance, columns: 0, rows: 0, interrupt: None };
        for &(name, value) in options {
            model.set(name, value)?;
        }
        // SAFETY: `file` is a C string alive during the call.
        let returned = unsafe { sys::Highs_readModel(model.instance.as_ptr(), file.as_ptr()) };
        check(returned, || format!("read {path}"))?;
        // SAFETY: the instance is valid.
        model.columns = size(unsafe { sys::Highs_getNumCol(model.instance.as_ptr()) });
        // SAFETY: the instance is valid.
        model.rows = size(unsafe { sys::Highs_getNumRow(model.instance.as_ptr()) });
        Ok(model)
    }

    /// The whole model, its matrix by rows and the lower triangle of its quadratic objective by columns.
    pub fn contents(&self) -> Result<Contents, SolverError> {
        let instance = self.instance.as_ptr();
        let (n, m) = (self.columns, self.rows);
        // SAFETY: the instance is valid.
        let entries = size(unsafe { sys::Highs_getNumNz(instance) });
        // SAFETY: the instance is valid.
        let squares = size(unsafe { sys::Highs_getHessianNumNz(instance) });
        let mut all = Contents {
            maximise: false,
            offset: f64::NAN,
            columns: [(); 3].map(|()| vec![f64::NAN; n]),
            rows: [(); 2].map(|()| vec![f64::NAN; m]),
            start: vec![-1; n.max(m) + 1],
            index: vec![-1; entries],
            value: vec![f64::NAN; entries],
            square_start: vec![0; n + 1],
            square_index: vec![-1; squares],
            square_value: vec![f64::NAN; squares],
            integrality: vec![0; n],
        };
        let [mut columns, mut rows, mut count, mut square_count, mut sense] = [0; 5];
        let [cost, column_lower, column_upper] = all.columns.each_mut().map(|array| array.as_mut_ptr());
        let [row_lower, row_upper] = all.rows.each_mut().map(|array| array.as_mut_ptr());
        // SAFETY: HiGHS writes n numbers for columns, m for rows, at most max(n, m) + 1 and n + 1 starts, and as many
        // entries as it has just said there are; nothing changes the model in between.
        let returned = unsafe {
            sys::Highs_getModel(
                instance,
                sys::MATRIX_FORMAT_ROW_WISE,
                sys::kHighsHessianFormatTriangular,
                &mut columns,
                &mut rows,
                &mut count,
                &mut square_count,
                &mut sense,
                &mut all.offset,
                cost,
                column_lower,
                column_upper,
                row_lower,
                row_upper,
                all.start.as_mut_ptr(),
                all.index.as_mut_ptr(),
                all.value.as_mut_ptr(),
                all.square_start.as_mut_ptr(),
                all.square_index.as_mut_ptr(),
                all.square_value.as_mut_ptr(),
                all.integrality.as_mut_ptr(),
            )
        };
        check(returned, || "getModel".into())?;
        all.start.truncate(m);
        all.start.push(count);
        all.square_start.truncate(n);
        all.square_start.push(square_count);
        all.maximise = sense == sys::OBJECTIVE_SENSE_MAXIMIZE;
        Ok(all)
    }

    fn pass(&mut self, arrays: &Arrays<'_>) -> Result<(), SolverError> {
        let (columns, rows, entries) = (self.columns, self.rows, arrays.value.len());
        assert!(arrays.columns.iter().all(|array| array.len() == columns));
        assert!(arrays.rows.iter().all(|array| array.len() == rows));
        assert!(arrays.start.len() == rows && arrays.index.len() == entries);
        let [cost, column_lower, column_upper] = arrays.columns.map(<[f64]>::as_ptr);
        let [row_lower, row_upper] = arrays.rows.map(<[f64]>::as_ptr);
        // SAFETY: the lengths were checked above; HiGHS checks starts and indices itself and copies everything.
        let returned = unsafe {
            sys::Highs_passLp(
                self.instance.as_ptr(),
                count(columns),
                count(rows),
                count(entries),
                sys::MATRIX_FORMAT_ROW_WISE,
                sys::OBJECTIVE_SENSE_MINIMIZE,
                0.0,
                cost,
                column_lower,
                column_upper,
                row_lower,
                row_upper,
                arrays.start.as_ptr(),
                arrays.index.as_ptr(),
                arrays.value.as_ptr(),
            )
        };
        check(returned, || "passLp".into())
    }

    /// Adds ½ xᵀQx to the objective: the lower triangle of Q by columns, `start` one for each column.
    pub fn pass_hessian(&mut self, start: &[i32], index: &[i32], value: &[f64]) -> Result<(), SolverError> {
        assert!(start.len() == self.columns && index.len() == value.len());
        // SAFETY: the lengths were checked above; HiGHS checks starts and indices itself and copies everything.
        let returned = unsafe {
            sys::Highs_passHessian(
                self.instance.as_ptr(),
                count(self.columns),
                count(value.len()),
                sys::kHighsHessianFormatTriangular,
                start.as_ptr(),
                index.as_ptr(),
                value.as_ptr(),
            )
        };
        check(returned, || "passHessian".into())
    }

    /// Sets an option. An option or a value that HiGHS does not know is an error.
    pub fn set(&mut self, name: &str, value: Value<'_>) -> Result<(), SolverError> {
        let (instance, c_name) = (self.instance.as_ptr(), c_string(name)?);
        let option = c_name.as_ptr();
        // SAFETY: `option` and the text are C strings alive during the calls.
        let returned = unsafe {
            match value {
                Value::Flag(value) => sys::Highs_setBoolOptionValue(instance, option, value.into()),
                Value::Integer(value) => sys::Highs_setIntOptionValue(instance, option, value),
                Value::Real(value) => sys::Highs_setDoubleOptionValue(instance, option, value),
                Value::Text(value) => sys::Highs_setStringOptionValue(instance, option, c_string(value)?.as_ptr()),
            }
        };
        check(returned, || format!("set {name} to {value:?}"))
    }

    /// Replaces all costs.
    pub fn set_costs(&mut self, costs: &[f64]) -> Result<(), SolverError> {
        assert_eq!(costs.len(), self.columns);
        let last = count(self.columns) - 1;
        // SAFETY: `costs` has one entry for each of the columns 0..=last.
        let returned = unsafe { sys::Highs_changeColsCostByRange(self.instance.as_ptr(), 0, last, costs.as_ptr()) };
        check(returned, || "changeColsCostByRange".into())
    }

    /// Replaces all column bounds.
    pub fn set_column_bounds(&mut self, lower: &[f64], upper: &[f64]) -> Result<(), SolverError> {
        assert!(lower.len() == self.columns && upper.len() == self.columns);
        let (instance, last) = (self.instance.as_ptr(), count(self.columns) - 1);
        // SAFETY: both arrays have one entry for each of the columns 0..=last.
        let returned = unsafe { sys::Highs_changeColsBoundsByRange(instance, 0, last, lower.as_ptr(), upper.as_ptr()) };
        check(returned, || "changeColsBoundsByRange".into())
    }

    /// Replaces all row bounds.
    pub fn set_row_bounds(&mut self, lower: &[f64], upper: &[f64]) -> Result<(), SolverError> {
        assert!(lower.len() == self.rows && upper.len() == self.rows);
        let (instance, last) = (self.instance.as_ptr(), count(self.rows) - 1);
        // SAFETY: both arrays have one entry for each of the rows 0..=last.
        let returned = unsafe { sys::Highs_changeRowsBoundsByRange(instance, 0, last, lower.as_ptr(), upper.as_ptr()) };
        check(returned, || "changeRowsBoundsByRange".into())
    }

    /// Forgets solution, basis and factors, and sets the clocks to zero.
    pub fn forget(&mut self) -> Result<(), SolverError> {
        // SAFETY: the instance is valid.
        check(unsafe { sys::Highs_clearSolver(self.instance.as_ptr()) }, || "clearSolver".into())?;
        // SAFETY: the instance is valid.
        check(unsafe { sys::Highs_zeroAllClocks(self.instance.as_ptr()) }, || "zeroAllClocks".into())
    }

    /// Sets the basis to start from.
    pub fn set_basis(&mut self, columns: &[i32], rows: &[i32]) -> Result<(), SolverError> {
        assert!(columns.len() == self.columns && rows.len() == self.rows);
        // SAFETY: one status for each column and row; HiGHS checks the values.
        let returned = unsafe { sys::Highs_setBasis(self.instance.as_ptr(), columns.as_ptr(), rows.as_ptr()) };
        check(returned, || "setBasis".into())
    }

    /// From now on, solves end once the switch is on; without one, they run to their end.
    pub fn interrupt_by(&mut self, interrupt: Option<&Interrupt>) -> Result<(), SolverError> {
        let (instance, flag) = (self.instance.as_ptr(), interrupt.map(|i| i.flag().clone()));
        let data = flag.as_ref().map_or(ptr::null_mut(), |flag| Arc::as_ptr(flag).cast_mut().cast::<c_void>());
        // SAFETY: the flag outlives the instance's use of it: it is kept in `self` below, replaced only by this function,
        // and dropped after the instance is destroyed. The callback treats the pointer as what it is, a shared AtomicBool.
        let returned = unsafe { sys::Highs_setCallback(instance, Some(look_at_flag), data) };
        self.interrupt = flag;
        check(returned, || "setCallback".into())?;
        for kind in [sys::kHighsCallbackSimplexInterrupt, sys::kHighsCallbackIpmInterrupt] {
            // SAFETY: the instance is valid and has a callback.
            let returned = unsafe {
                match self.interrupt {
                    Some(_) => sys::Highs_startCallback(instance, kind),
                    None => sys::Highs_stopCallback(instance, kind),
                }
            };
            check(returned, || format!("startCallback {kind}"))?;
        }
        Ok(())
    }

    /// Solves. Returns the model status; an error of the call itself does not hide the status.
    pub fn run(&mut self) -> (Result<(), SolverError>, i32) {
        // SAFETY: the instance is valid.
        let returned = unsafe { sys::Highs_run(self.instance.as_ptr()) };
        // SAFETY: the instance is valid.
        (check(returned, || "run".into()), unsafe { sys::Highs_getModelStatus(self.instance.as_ptr()) })
    }

    /// An integer of the last solve; None if HiGHS has none of that name now.
    pub fn info(&self, name: &str) -> Option<i32> {
        let (name, mut value) = (CString::new(name).ok()?, -1);
        // SAFETY: `name` is a C string and `value` an integer, both alive during the call.
        let returned = unsafe { sys::Highs_getIntInfoValue(self.instance.as_ptr(), name.as_ptr(), &mut value) };
        (returned == sys::STATUS_OK).then_some(value)
    }

    /// Objective at the last point.
    pub fn objective(&self) -> f64 {
        // SAFETY: the instance is valid.
        unsafe { sys::Highs_getObjectiveValue(self.instance.as_ptr()) }
    }

    /// Column values, reduced costs and row multipliers of the last solve; NaN where HiGHS has none.
    pub fn solution(&self) -> Result<[Vec<f64>; 3], SolverError> {
        let mut values = vec![f64::NAN; self.columns];
        let mut reduced = vec![f64::NAN; self.columns];
        let mut multipliers = vec![f64::NAN; self.rows];
        let (value, dual, row) = (values.as_mut_ptr(), reduced.as_mut_ptr(), multipliers.as_mut_ptr());
        // SAFETY: HiGHS writes at most one number for each column or row; row activities are not asked for.
        let returned = unsafe { sys::Highs_getSolution(self.instance.as_ptr(), value, dual, ptr::null_mut(), row) };
        check(returned, || "getSolution".into())?;
        Ok([values, reduced, multipliers])
    }

    /// Statuses of columns and rows in the last basis; −1 where HiGHS has none.
    pub fn basis(&self) -> Result<[Vec<i32>; 2], SolverError> {
        let (mut columns, mut rows) = (vec![-1; self.columns], vec![-1; self.rows]);
        // SAFETY: HiGHS writes at most one status for each column and row.
        let returned = unsafe { sys::Highs_getBasis(self.instance.as_ptr(), columns.as_mut_ptr(), rows.as_mut_ptr()) };
        check(returned, || "getBasis".into())?;
        Ok([columns, rows])
    }

    /// The direction of unboundedness, one number a column. May solve again.
    pub fn primal_ray(&mut self) -> Result<Option<Vec<f64>>, SolverError> {
        let (mut found, mut ray) = (0, vec![f64::NAN; self.columns]);
        // SAFETY: HiGHS writes at most one number for each column.
        let returned = unsafe { sys::Highs_getPrimalRay(self.instance.as_ptr(), &mut found, ray.as_mut_ptr()) };
        check(returned, || "getPrimalRay".into())?;
        Ok((found != 0).then_some(ray))
    }

    /// The multipliers that show infeasibility, one number a row. May solve again.
    pub fn dual_ray(&mut self) -> Result<Option<Vec<f64>>, SolverError> {
        let (mut found, mut ray) = (0, vec![f64::NAN; self.rows]);
        // SAFETY: HiGHS writes at most one number for each row.
        let returned = unsafe { sys::Highs_getDualRay(self.instance.as_ptr(), &mut found, ray.as_mut_ptr()) };
        check(returned, || "getDualRay".into())?;
        Ok((found != 0).then_some(ray))
    }
}

/// A model as HiGHS holds it, with n columns and m rows.
pub(super) struct Contents {
    pub maximise: bool,
    pub offset: f64,
    /// n costs, lower and upper bounds.
    pub columns: [Vec<f64>; 3],
    /// m lower and upper bounds.
    pub rows: [Vec<f64>; 2],
    /// First entry of each row, then their number (m + 1).
    pub start: Vec<i32>,
    pub index: Vec<i32>,
    pub value: Vec<f64>,
    /// The lower triangle of Q in ½ xᵀQx: first entry of each column, then their number (n + 1).
    pub square_start: Vec<i32>,
    pub square_index: Vec<i32>,
    pub square_value: Vec<f64>,
    /// 0 for a continuous column (n).
    pub integrality: Vec<i32>,
}

/// A value of an option.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Flag(bool),
    Integer(i32),
    Real(f64),
    Text(&'a str),
}

/// Tells HiGHS to stop if the flag that `data` points to is set.
unsafe extern "C" fn look_at_flag(
    _kind: i32,
    _message: *const c_char,
    _out: *const sys::HighsCallbackDataOut,
    input: *mut sys::HighsCallbackDataIn,
    data: *mut c_void,
) {
    // SAFETY: `data` is null or the AtomicBool of `interrupt_by`, alive while HiGHS runs; `input` is null or HiGHS' own, for
    // this call alone.
    unsafe {
        if let (Some(flag), Some(input)) = (data.cast::<AtomicBool>().as_ref(), input.as_mut())
            && flag.load(Ordering::Relaxed)
        {
            input.user_interrupt = 1;
        }
    }
}

/// A size, as HiGHS counts. The caller has refused larger ones.
fn count(size: usize) -> i32 {
    i32::try_from(size).expect("sizes beyond 32 bits are refused at load")
}

/// A size that HiGHS reports.
fn size(count: i32) -> usize {
    usize::try_from(count).unwrap_or(0)
}

fn c_string(text: &str) -> Result<CString, SolverError> {
    CString::new(text).map_err(|error| SolverError::Call {
        solver: "HiGHS",
        call: format!("pass the text {text:?}"),
        returned: error.to_string(),
    })
}

/// Turns a return code into a result. Warnings (a limit reached, small entries dropped) pass: the status tells.
fn check(returned: i32, call: impl FnOnce() -> String) -> Result<(), SolverError> {
    match returned {
        sys::STATUS_OK | sys::STATUS_WARNING => Ok(()),
        other => Err(SolverError::Call { solver: "HiGHS", call: call(), returned: other.to_string() }),
    }
}

/// Bytes of a large page, where the system has them.
pub const LARGE_PAGE: usize = 2 << 20;

/// Asks the system to back the large pages that lie in `room` as such: one fault in place of 512 when they are touched. Whether it was asked;
/// what it makes of that is its own affair.
pub fn large_pages(room: &mut [MaybeUninit<u8>]) -> bool {
    let before = room.as_ptr().addr().next_multiple_of(LARGE_PAGE) - room.as_ptr().addr();
    let Some(pages) = room.get_mut(before..).map(|rest| rest.chunks_exact_mut(LARGE_PAGE)) else { return false };
    let bytes = pages.len() * LARGE_PAGE;
    #[cfg(target_os = "linux")]
    if bytes > 0 {
        let start = room[before..].as_mut_ptr().cast();
        // SAFETY: the advice changes how memory is backed, never what is in it, and `bytes` from `start` on lie in `room`.
        return unsafe { rustix::mm::madvise(start, bytes, rustix::mm::Advice::LinuxHugepage) }.is_ok();
    }
    let _ = bytes;
    false
}
