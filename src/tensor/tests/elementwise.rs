use super::*;

#[test]
fn activations() {
    let x = f(&[3], &[-1.0, 0.0, 2.0]);
    let e = (-1f64).exp() - 1.0;
    close(one("Relu", &[], &[&x], 14), f(&[3], &[0.0, 0.0, 2.0]));
    close(one("LeakyRelu", &[], &[&x], 16), f(&[3], &[-f64::from(0.01f32), 0.0, 2.0]));
    close(one("Elu", &[("alpha", Attribute::Float(0.5))], &[&x], 6), f(&[3], &[0.5 * e, 0.0, 2.0]));
    let half = (-0.5f64).exp() - 1.0;
    close(one("Celu", &[("alpha", Attribute::Float(2.0))], &[&x], 12), f(&[3], &[2.0 * half, 0.0, 2.0]));
    close(one("HardSwish", &[], &[&x], 14), f(&[3], &[-1.0 / 3.0, 0.0, 5.0 / 3.0]));
    close(one("Sigmoid", &[], &[&f(&[2], &[0.0, -800.0])], 13), f(&[2], &[0.5, 0.0]));
    close(one("ThresholdedRelu", &[], &[&f(&[2], &[1.0, 1.5])], 10), f(&[2], &[0.0, 1.5]));
    close(one("Round", &[], &[&f(&[4], &[0.5, 1.5, 2.5, -0.5])], 11), f(&[4], &[0.0, 2.0, 2.0, 0.0]));
    close(one("Softplus", &[], &[&f(&[3], &[-800.0, 0.0, 800.0])], 1), f(&[3], &[0.0, 2f64.ln(), 800.0]));
    close(one("Gelu", &[], &[&f(&[1], &[1.0])], 20), f(&[1], &[0.841_344_746_068_542_9]));
    close(
        one("PRelu", &[], &[&f(&[2, 2], &[-1.0, -1.0, 1.0, -2.0]), &f(&[2], &[0.5, 0.25])], 16),
        f(&[2, 2], &[-0.5, -0.25, 1.0, -0.5]),
    );
    let selu = one("Selu", &[], &[&x], 6);
    close(selu, f(&[3], &[1.050_701_022_148_132_3 * 1.673_263_192_176_818_8 * e, 0.0, 2.0 * 1.050_701_022_148_132_3]));
}

#[test]
fn clip_takes_bounds_from_attributes_then_inputs() {
    let x = f(&[3], &[-2.0, 0.5, 3.0]);
    let bounds = [("min", Attribute::Float(-1.0)), ("max", Attribute::Float(1.0))];
    close(one("Clip", &bounds, &[&x], 9), f(&[3], &[-1.0, 0.5, 1.0]));
    // From opset 11 on the attributes mean nothing.
    close(one("Clip", &bounds, &[&x], 11), x.clone());
    let high = f(&[], &[1.0]);
    let only_high = evaluate(&node("Clip", &[], 1), &[Some(&x), None, Some(&high)], 13, LIMIT).unwrap();
    close(only_high[0].clone(), f(&[3], &[-2.0, 0.5, 1.0]));
}

#[test]
fn arithmetic_broadcasts_in_both_directions() {
    let column = f(&[2, 1], &[1.0, 2.0]);
    let row = f(&[3], &[10.0, 20.0, 30.0]);
    close(one("Add", &[], &[&column, &row], 14), f(&[2, 3], &[11.0, 21.0, 31.0, 12.0, 22.0, 32.0]));
    close(one("Max", &[], &[&column, &row, &f(&[], &[15.0])], 13), f(&[2, 3], &[15.0, 20.0, 30.0, 15.0, 20.0, 30.0]));
    close(one("Mean", &[], &[&column, &f(&[], &[3.0])], 13), f(&[2, 1], &[2.0, 2.5]));
    let error = many("Mul", &[], &[&f(&[2], &[1.0, 2.0]), &row], 14, 1).unwrap_err();
    assert_eq!(error.to_string(), "broadcasting: shapes [2] and [3] do not fit");
    assert!(one("Max", &[], &[&f(&[1], &[f64::NAN]), &f(&[1], &[1.0])], 13).as_float().unwrap()[[0]].is_nan());
}

#[test]
fn integers_divide_towards_zero_and_never_by_it() {
    let a = i(&[3], &[7, -7, i64::MIN]);
    close(one("Div", &[], &[&a, &i(&[], &[-2])], 14), i(&[3], &[-3, 3, 1 << 62]));
    close(one("Div", &[], &[&a, &i(&[], &[-1])], 14), i(&[3], &[-7, 7, i64::MIN]));
    close(one("Mod", &[], &[&a, &i(&[], &[3])], 13), i(&[3], &[1, 2, 1]));
    close(one("Mod", &[("fmod", int(1))], &[&a, &i(&[], &[3])], 13), i(&[3], &[1, -1, -2]));
    let error = many("Div", &[], &[&a, &i(&[], &[0])], 14, 1).unwrap_err();
    assert_eq!(error.to_string(), "integer division by zero");
    close(one("Pow", &[], &[&f(&[2], &[3.0, -2.0]), &i(&[], &[2])], 15), f(&[2], &[9.0, 4.0]));
}

#[test]
fn comparisons_and_choices() {
    let x = f(&[3], &[1.0, 2.0, f64::NAN]);
    let two = f(&[], &[2.0]);
    close(one("GreaterOrEqual", &[], &[&x, &two], 16), b(&[3], &[false, true, false]));
    close(one("Less", &[], &[&x, &two], 16), b(&[3], &[true, false, false]));
    close(one("IsNaN", &[], &[&x], 13), b(&[3], &[false, false, true]));
    let condition = b(&[2, 1], &[true, false]);
    let chosen = one("Where", &[], &[&condition, &f(&[2], &[1.0, 2.0]), &f(&[], &[0.0])], 16);
    close(chosen, f(&[2, 2], &[1.0, 2.0, 0.0, 0.0]));
    let error = many("Where", &[], &[&condition, &two, &i(&[], &[0])], 16, 1).unwrap_err();
    assert_eq!(error.to_string(), "input 2 holds integer values, float values are needed");
}

#[test]
fn casts() {
    let x = f(&[3], &[-1.5, 0.0, 300.0]);
    close(one("Cast", &[("to", int(7))], &[&x], 13), i(&[3], &[-1, 0, 300]));
    close(one("Cast", &[("to", int(9))], &[&x], 13), b(&[3], &[true, false, true]));
    close(one("Cast", &[("to", int(10))], &[&x], 13), x.clone());
    close(one("Cast", &[("to", int(3))], &[&i(&[1], &[200])], 13), i(&[1], &[-56]));
    close(one("CastLike", &[], &[&b(&[2], &[true, false]), &x], 15), f(&[2], &[1.0, 0.0]));
    close(one("Range", &[], &[&i(&[], &[5]), &i(&[], &[0]), &i(&[], &[-2])], 11), i(&[3], &[5, 3, 1]));
    close(one("Range", &[], &[&f(&[], &[0.0]), &f(&[], &[1.0]), &f(&[], &[0.4])], 11), f(&[3], &[0.0, 0.4, 0.8]));
    close(one("ConstantOfShape", &[], &[&i(&[2], &[1, 2])], 20), f(&[1, 2], &[0.0, 0.0]));
}
