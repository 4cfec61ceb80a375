//! The program itself: its text, its checks, its helpers. Needs no solver.

use icnn_solvers::{LinearProgram, LpOptions, SolverError, Status};

/// Two inputs, one relu: minimise z − y₁ + 2 with z ≥ 2y₁ − y₂ + 0.1, z ≥ 0.
fn relu() -> LinearProgram {
    let mut lp = LinearProgram::new(3);
    lp.objective = vec![-1.0, 0.0, 1.0];
    lp.offset = 2.0;
    lp.column_lower = vec![0.0, -1e-9, 0.0];
    lp.column_upper = vec![1.0, f64::INFINITY, f64::INFINITY];
    lp.column_names = ["y_1", "y_2", "z"].map(String::from).to_vec();
    lp.add_row(0.1, f64::INFINITY, &[(2, 1.0), (0, -2.0), (1, 1.0)]);
    lp.row_names = vec!["relu".into()];
    lp
}

#[test]
fn text_of_a_relu() {
    let text = "\
minimize
  -y_1 + z + 2
subject to
  relu: -2 y_1 + y_2 + z >= 0.1
bounds
  0 <= y_1 <= 1
  y_2 >= -1e-9
  z >= 0
";
    assert_eq!(relu().to_string(), text);
}

#[test]
fn text_of_every_form() {
    let mut lp = LinearProgram::new(4);
    lp.objective[3] = -1.0 / 3.0;
    lp.column_lower[0] = 1.5;
    lp.column_upper[0] = 1.5;
    lp.column_upper[1] = -0.0;
    lp.add_row(-1.0, 4.0, &[(0, 1.0), (1, -1.0)]);
    lp.add_row(3.0, 3.0, &[(2, 0.1), (0, -2e20)]);
    lp.add_row(f64::NEG_INFINITY, 7.0, &[]);
    lp.add_row(f64::NEG_INFINITY, f64::INFINITY, &[(3, 1.0)]);
    let text = "\
minimize
  -0.3333333333333333 x3
subject to
  r0: -1 <= x0 - x1 <= 4
  r1: -2e20 x0 + 0.1 x2 = 3
  r2: 0 <= 7
  r3: x3 free
bounds
  x0 = 1.5
  x1 <= 0
  x2 free
  x3 free
";
    assert_eq!(lp.to_string(), text);
    assert_eq!(LinearProgram::new(0).to_string(), "minimize\n  0\nsubject to\nbounds\n");
}

#[test]
fn errors_name_the_object_and_both_numbers() {
    let says = |spoil: fn(&mut LinearProgram), text: &str| {
        let mut lp = relu();
        spoil(&mut lp);
        assert_eq!(lp.validate().unwrap_err().to_string(), text);
    };
    says(|lp| lp.column_upper.truncate(2), "column_upper: has length 2, expected 3");
    says(|lp| lp.row_names.push("x".into()), "row_names: has length 2, expected 1");
    says(|lp| lp.objective[1] = f64::NAN, "cost of column 1 (y_2): is NaN, expected a finite number");
    says(|lp| lp.offset = f64::INFINITY, "objective offset: is inf, expected a finite number");
    says(|lp| lp.column_lower[0] = 2.0, "column 0 (y_1): lower bound 2 exceeds upper bound 1");
    says(|lp| lp.row_lower[0] = f64::INFINITY, "lower bound of row 0 (relu): is inf, expected a finite number or -inf");
    says(|lp| lp.row_upper[0] = f64::NAN, "upper bound of row 0 (relu): is NaN, expected a finite number or inf");
    says(
        |lp| lp.matrix.data_mut()[0] = f64::NAN,
        "coefficient of row 0 (relu), column 0 (y_1): is NaN, expected a finite number",
    );
    says(|lp| lp.matrix = lp.matrix.to_csc(), "matrix (1 × 3): stored by columns, expected by rows");
    assert_eq!(relu().validate(), Ok(()));
}

#[test]
fn options_outside_their_range_are_refused() {
    let options = LpOptions { dual_tolerance: 1e-11, ..LpOptions::default() };
    let error =
        SolverError::Option { name: "dual_tolerance", value: 1e-11, expected: "a finite number of at least 1e-10" };
    assert_eq!(options.validate(), Err(error));
}

#[test]
fn helpers_multiply_out() {
    let lp = relu();
    assert_eq!((lp.rows(), lp.columns()), (1, 3));
    assert_eq!(lp.row_activity(&[1.0, 2.0, 3.0]), [3.0]);
    assert_eq!(lp.value(&[1.0, 2.0, 3.0]), 4.0);
    assert_eq!(lp.residuals(&[1.0, 2.0, 3.0]), 0.0);
    assert_eq!(lp.residuals(&[3.0, 2.0, 3.0]), 2.0);
    assert!(lp.residuals(&[f64::NAN, 2.0, 3.0]).is_nan());
    assert_eq!(lp.reduced_costs(&[1.0]), [1.0, -1.0, 0.0]);
    assert_eq!(lp.dual_objective(&[1.0]), f64::NEG_INFINITY);
    assert_eq!(lp.dual_objective(&[0.0]), 1.0);
    assert_eq!(lp.ray_descent(&[0.0, 1.0, 0.0], 0.0), Some(0.0));
    assert_eq!(lp.ray_descent(&[1.0, 1.0, 1.0], 0.0), None);
}

#[test]
fn status_is_snake_case_in_json() {
    assert_eq!(serde_json::to_string(&Status::InfeasibleOrUnbounded).unwrap(), "\"infeasible_or_unbounded\"");
}
