//! Models whose solution is known.

use super::*;
use crate::region::Simplex;

fn cut(gradient: &[f64], constant: f64) -> Arc<Cut> {
    let point = vec![0.0; gradient.len()];
    Arc::new(Cut { point, value: constant, gradient: gradient.to_vec() })
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} {b}");
}

/// max(−5y + 2, 10y − 4) on [0, 1]: 0 at 0.4; the slopes cancel with weights ⅔, ⅓.
#[test]
fn two_lines() {
    let cuts = [cut(&[-5.0], 2.0), cut(&[10.0], -4.0), cut(&[1.0], -9.0)];
    let region = Region::new(vec![0.0], vec![1.0], vec![]).unwrap();
    let model = solve(&cuts, &region, &cuts[0], Term::Nothing, 60).unwrap();
    close(model.y[0], 0.4);
    close(model.rise, -2.0);
    close(model.weights[0], 2.0 / 3.0);
    close(model.weights[1], 1.0 / 3.0);
    close(model.weights[2], 0.0);
}

/// max(y₀, 2y₁, 4y₂) on the simplex: 4/7, with weights in the ratio 1 : ½ : ¼ of the reciprocal slopes.
#[test]
fn on_a_simplex() {
    let cuts = [cut(&[1.0, 0.0, 0.0], 0.0), cut(&[0.0, 2.0, 0.0], 0.0), cut(&[0.0, 0.0, 4.0], 0.0)];
    let simplex = Simplex { members: vec![0, 1, 2], total: 1.0 };
    let region = Region::new(vec![0.0; 3], vec![1.0; 3], vec![simplex]).unwrap();
    let centre = Cut { point: region.centre(), value: 4.0 / 3.0, gradient: vec![0.0, 0.0, 4.0] };
    let model = solve(&cuts, &region, &centre, Term::Nothing, 60).unwrap();
    for (y, w) in model.y.iter().zip([4.0, 2.0, 1.0]) {
        close(*y, w / 7.0);
    }
    for (found, w) in model.weights.iter().zip([4.0, 2.0, 1.0]) {
        close(*found, w / 7.0);
    }
}

/// One line with entropy: y = σ(−g/τ).
#[test]
fn with_entropy() {
    let (cuts, tau) = ([cut(&[0.7], 0.0), cut(&[-9.0], -50.0)], 0.5);
    let region = Region::new(vec![0.0], vec![1.0], vec![]).unwrap();
    let model = solve(&cuts, &region, &cuts[0], Term::Entropy(tau), 60).unwrap();
    close(model.y[0], crate::logistic::sigmoid(-0.7 / tau));
    close(model.weights[0], 1.0);
}

/// |y₀| + |y₁| on the plane: the slopes of the four cuts cancel exactly enough for a bound without sides.
#[test]
fn without_sides() {
    let cuts = [cut(&[1.0, 1.0], 0.0), cut(&[1.0, -1.0], 0.0), cut(&[-1.0, 1.0], 0.0), cut(&[-1.0, -1.0], 0.0)];
    let free = f64::INFINITY;
    let region = Region::new(vec![-free; 2], vec![free; 2], vec![]).unwrap();
    let centre = Cut { point: vec![3.0, -4.0], value: 7.0, gradient: vec![1.0, -1.0] };
    let model = solve(&cuts, &region, &centre, Term::Nothing, 60).unwrap();
    for j in 0..2 {
        let slope: f64 = model.weights.iter().zip(&cuts).map(|(w, cut)| w * cut.gradient[j]).sum();
        close(slope, 0.0);
        assert!(model.y[j].abs() < 1e-6, "{:?}", model.y);
    }
}

#[test]
fn nothing_to_do() {
    let cuts = [cut(&[0.0, 1.0], 0.0)];
    let region = Region::new(vec![0.0, 2.0], vec![1.0, 2.0], vec![]).unwrap();
    assert!(solve(&cuts, &region, &cuts[0], Term::Nothing, 60).is_none());
}
