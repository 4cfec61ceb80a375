//! A call of the compiled oracle allocates nothing. In a file of its own: the counter stands in for the allocator of the whole
//! test program.

use std::sync::Arc;

use icnn::Domain;
use icnn::ir::program::Program;
use icnn::lower::oracle::NetworkOracle;
use icnn_solvers::oracle::Oracle;

/// One node of nearly every kind.
const PROGRAM: &str = "
    y 3
    n1 = dense n0 [[1, -2, 0.5], [0.25, 1, 1], [-1, 0, 2], [3, 1, 1]]
    n2 = param [0.5, -0.5, 1, 0]
    n3 = sum n1 n2
    n4 = relu n3
    n5 = softplus n3 1
    n6 = concat n4 n5
    n7 = gather n6 [7, 0, 3]
    n8 = scale n7 [0.5]
    n9 = sum n8 n0
    n10 = dense n9 [[1, 1, 1]]
    output n10";

#[test]
fn a_call_allocates_nothing() {
    let program: Arc<Program> = Arc::new(PROGRAM.parse().unwrap());
    let instance = program.at(&[]).unwrap();
    let domain = Domain::cube(3, -1.0, 1.0).unwrap();
    let mut oracle = NetworkOracle::new(&instance, &instance.bounds(domain.intervals()));
    let (y, mut gradient) = ([0.25, -0.5, 1.0], [0.0; 3]);
    let of_nodes = allocation_counter::measure(|| {
        instance.forward(&y).unwrap();
    });
    assert!(of_nodes.count_total > 0, "the counter counts");
    let of_oracle = allocation_counter::measure(|| {
        oracle.value_and_gradient(&y, &mut gradient).unwrap();
        oracle.value(&y).unwrap();
    });
    assert_eq!(of_oracle.count_total, 0);
}
