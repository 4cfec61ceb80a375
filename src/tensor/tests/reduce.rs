use super::*;

#[test]
fn axes_are_attributes_then_inputs() {
    let x = iota(&[2, 3]);
    close(one("ReduceSum", &[("axes", ints(&[1]))], &[&x], 11), f(&[2, 1], &[3.0, 12.0]));
    close(one("ReduceSum", &[("keepdims", int(0))], &[&x, &i(&[1], &[-2])], 13), f(&[3], &[3.0, 5.0, 7.0]));
    close(one("ReduceMax", &[("axes", ints(&[0])), ("keepdims", int(0))], &[&x], 13), f(&[3], &[3.0, 4.0, 5.0]));
    close(one("ReduceMean", &[], &[&x], 18), f(&[1, 1], &[2.5]));
    close(one("ReduceSum", &[("noop_with_empty_axes", int(1))], &[&x], 13), x.clone());
    close(one("ReduceSum", &[], &[&i(&[2], &[3, 4])], 13), i(&[1], &[7]));
    let error = many("ReduceSum", &[], &[&x, &i(&[1], &[2])], 13, 1).unwrap_err();
    assert_eq!(error.to_string(), "axis 2 of a tensor with 2 axes");
}

#[test]
fn every_reduction() {
    let x = f(&[3], &[1.0, -2.0, 3.0]);
    let all = |op: &str| one(op, &[("keepdims", int(0))], &[&x], 18).as_float().unwrap().sum();
    assert_eq!(all("ReduceMin"), -2.0);
    assert_eq!(all("ReduceProd"), -6.0);
    assert_eq!(all("ReduceL1"), 6.0);
    assert_eq!(all("ReduceL2"), 14f64.sqrt());
    assert_eq!(all("ReduceSumSquare"), 14.0);
    assert_eq!(all("ReduceLogSum"), 2f64.ln());
    close(one("ReduceLogSumExp", &[], &[&f(&[2], &[1000.0, 1000.0])], 18), f(&[1], &[1000.0 + 2f64.ln()]));
    close(one("ReduceL2", &[], &[&f(&[2], &[3e200, 4e200])], 18), f(&[1], &[5e200]));
    close(one("ArgMax", &[], &[&f(&[3], &[1.0, 5.0, 5.0])], 13), i(&[1], &[1]));
    close(one("ArgMax", &[("select_last_index", int(1))], &[&f(&[3], &[1.0, 5.0, 5.0])], 13), i(&[1], &[2]));
    let sums = [("exclusive", int(1)), ("reverse", int(1))];
    close(one("CumSum", &sums, &[&x, &i(&[], &[0])], 14), f(&[3], &[1.0, 3.0, 0.0]));
}

#[test]
fn softmax_flattens_before_opset_13() {
    let x = f(&[1, 2, 2], &[0.0; 4]);
    close(one("Softmax", &[], &[&x], 11), f(&[1, 2, 2], &[0.25; 4]));
    close(one("Softmax", &[], &[&x], 13), f(&[1, 2, 2], &[0.5; 4]));
    let y = f(&[2], &[1000.0, 0.0]);
    close(one("LogSoftmax", &[], &[&y], 13), f(&[2], &[0.0, -1000.0]));
}

#[test]
fn normalisations() {
    let x = f(&[1, 2, 2], &[1.0, 3.0, 2.0, 6.0]);
    let (scale, bias) = (f(&[2], &[2.0, 1.0]), f(&[2], &[0.0, 1.0]));
    let exact = [("epsilon", Attribute::Float(0.0))];
    let (mean, variance) = (f(&[2], &[1.0, 2.0]), f(&[2], &[4.0, 1.0]));
    close(
        one("BatchNormalization", &exact, &[&x, &scale, &bias, &mean, &variance], 15),
        f(&[1, 2, 2], &[0.0, 2.0, 1.0, 5.0]),
    );
    close(one("InstanceNormalization", &exact, &[&x, &scale, &bias], 6), f(&[1, 2, 2], &[-2.0, 2.0, 0.0, 2.0]));
    close(one("LayerNormalization", &exact, &[&x, &scale, &bias], 17), f(&[1, 2, 2], &[-2.0, 2.0, -2.0, 2.0]));
    let groups = [("epsilon", Attribute::Float(0.0)), ("num_groups", int(2))];
    close(one("GroupNormalization", &groups, &[&x, &scale, &bias], 21), f(&[1, 2, 2], &[-2.0, 2.0, 0.0, 2.0]));
    close(one("LpNormalization", &[], &[&f(&[2], &[3.0, 4.0])], 1), f(&[2], &[0.6, 0.8]));
    close(one("RMSNormalization", &exact, &[&f(&[2], &[1.0, 7.0]), &scale], 23), f(&[2], &[0.4, 1.4]));
    let training = [("training_mode", int(1))];
    let error = many("BatchNormalization", &training, &[&x, &scale, &bias, &mean, &variance], 15, 1).unwrap_err();
    assert!(error.to_string().contains("model.eval()"));
}
