use super::*;

#[test]
fn reshape_keeps_and_infers() {
    let x = iota(&[2, 3, 4]);
    assert_eq!(one("Reshape", &[], &[&x, &i(&[2], &[0, -1])], 14).shape(), [2, 12]);
    assert_eq!(one("Reshape", &[], &[&x, &i(&[3], &[4, 3, 2])], 14).shape(), [4, 3, 2]);
    let empty = f(&[0, 3], &[]);
    assert_eq!(one("Reshape", &[("allowzero", int(1))], &[&empty, &i(&[2], &[3, 0])], 14).shape(), [3, 0]);
    let error = many("Reshape", &[], &[&x, &i(&[2], &[5, -1])], 14, 1).unwrap_err();
    assert_eq!(error.to_string(), "reshaping [2, 3, 4] to [5, -1]");
    assert_eq!(one("Flatten", &[("axis", int(-1))], &[&x], 13).shape(), [6, 4]);
    assert_eq!(one("Flatten", &[("axis", int(3))], &[&x], 13).shape(), [24, 1]);
}

#[test]
fn squeeze_and_unsqueeze_in_both_forms() {
    let x = iota(&[1, 3, 1]);
    assert_eq!(one("Squeeze", &[], &[&x], 13).shape(), [3]);
    assert_eq!(one("Squeeze", &[("axes", ints(&[-1]))], &[&x], 11).shape(), [1, 3]);
    assert_eq!(one("Squeeze", &[], &[&x, &i(&[1], &[0])], 13).shape(), [3, 1]);
    assert_eq!(one("Unsqueeze", &[("axes", ints(&[0, 2]))], &[&iota(&[3])], 11).shape(), [1, 3, 1]);
    assert_eq!(one("Unsqueeze", &[], &[&iota(&[3]), &i(&[1], &[-1])], 13).shape(), [3, 1]);
    let error = many("Squeeze", &[], &[&x, &i(&[1], &[1])], 13, 1).unwrap_err();
    assert_eq!(error.to_string(), "squeezing axis 1 of [1, 3, 1], whose extent is 3");
}

#[test]
fn transpose_expand_tile_concat() {
    let x = iota(&[2, 3]);
    close(one("Transpose", &[], &[&x], 13), f(&[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
    assert_eq!(one("Transpose", &[("perm", ints(&[1, 2, 0]))], &[&iota(&[2, 3, 4])], 13).shape(), [3, 4, 2]);
    close(one("Expand", &[], &[&iota(&[2, 1]), &i(&[1], &[2])], 13), f(&[2, 2], &[0.0, 0.0, 1.0, 1.0]));
    close(
        one("Tile", &[], &[&iota(&[2, 2]), &i(&[2], &[1, 2])], 13),
        f(&[2, 4], &[0.0, 1.0, 0.0, 1.0, 2.0, 3.0, 2.0, 3.0]),
    );
    let joined = one("Concat", &[("axis", int(-1))], &[&x, &f(&[2, 1], &[8.0, 9.0])], 13);
    close(joined, f(&[2, 4], &[0.0, 1.0, 2.0, 8.0, 3.0, 4.0, 5.0, 9.0]));
    let error = many("Concat", &[("axis", int(0))], &[&x, &iota(&[2, 1])], 13, 1).unwrap_err();
    assert_eq!(error.to_string(), "Concat: shapes [2, 3] and [2, 1] do not fit");
    close(one("Shape", &[("start", int(-1))], &[&x], 15), i(&[1], &[3]));
}

#[test]
fn split_in_every_form() {
    let x = iota(&[5]);
    let parts = many("Split", &[("axis", int(0)), ("split", ints(&[2, 3]))], &[&x], 11, 2).unwrap();
    close(parts[1].clone(), f(&[3], &[2.0, 3.0, 4.0]));
    let parts = many("Split", &[], &[&x, &i(&[2], &[4, 1])], 13, 2).unwrap();
    close(parts[1].clone(), f(&[1], &[4.0]));
    let parts = many("Split", &[("num_outputs", int(2))], &[&x], 18, 2).unwrap();
    assert_eq!((parts[0].shape(), parts[1].shape()), (&[3][..], &[2][..]));
    let error = many("Split", &[], &[&x, &i(&[2], &[4, 2])], 13, 2).unwrap_err();
    assert_eq!(error.to_string(), "Split of extent 5 into [4, 2] with 2 outputs");
}

#[test]
fn slices_forwards_backwards_and_beyond() {
    let x = iota(&[5]);
    let slice = |start: i64, end: i64, step: i64| {
        let [start, end, axes, step] = [start, end, 0, step].map(|v| i(&[1], &[v]));
        one("Slice", &[], &[&x, &start, &end, &axes, &step], 13)
    };
    close(slice(1, -1, 1), f(&[3], &[1.0, 2.0, 3.0]));
    close(slice(0, i64::MAX, 2), f(&[3], &[0.0, 2.0, 4.0]));
    close(slice(-1, i64::MIN, -1), f(&[5], &[4.0, 3.0, 2.0, 1.0, 0.0]));
    close(slice(i64::MAX, 0, -3), f(&[2], &[4.0, 1.0]));
    close(slice(3, 1, 1), f(&[0], &[]));
    close(slice(2, 3, i64::MIN), f(&[0], &[]));
    let attributes = [("starts", ints(&[1])), ("ends", ints(&[2])), ("axes", ints(&[-1]))];
    close(one("Slice", &attributes, &[&iota(&[2, 2])], 9), f(&[2, 1], &[1.0, 3.0]));
}

#[test]
fn gathers_and_scatters() {
    let x = iota(&[2, 3]);
    close(one("Gather", &[("axis", int(1))], &[&x, &i(&[2], &[2, -3])], 13), f(&[2, 2], &[2.0, 0.0, 5.0, 3.0]));
    close(one("Gather", &[], &[&x, &i(&[], &[1])], 13), f(&[3], &[3.0, 4.0, 5.0]));
    let error = many("Gather", &[], &[&x, &i(&[], &[2])], 13, 1).unwrap_err();
    assert_eq!(error.to_string(), "index 2 of an axis of extent 2");
    close(one("GatherElements", &[("axis", int(1))], &[&x, &i(&[2, 1], &[2, 0])], 13), f(&[2, 1], &[2.0, 3.0]));
    close(one("GatherND", &[], &[&x, &i(&[2, 2], &[0, 1, 1, 2])], 13), f(&[2], &[1.0, 5.0]));
    close(one("GatherND", &[("batch_dims", int(1))], &[&x, &i(&[2, 1], &[2, 0])], 13), f(&[2], &[2.0, 3.0]));
    let scattered = one("ScatterND", &[], &[&x, &i(&[1, 1], &[1]), &f(&[1, 3], &[7.0, 8.0, 9.0])], 16);
    close(scattered, f(&[2, 3], &[0.0, 1.0, 2.0, 7.0, 8.0, 9.0]));
    let added = one(
        "ScatterElements",
        &[("axis", int(1)), ("reduction", text("add"))],
        &[&x, &i(&[1, 2], &[1, 1]), &f(&[1, 2], &[10.0, 20.0])],
        16,
    );
    close(added, f(&[2, 3], &[0.0, 31.0, 2.0, 3.0, 4.0, 5.0]));
    let top = many("TopK", &[], &[&f(&[4], &[1.0, 3.0, 2.0, 3.0]), &i(&[1], &[3])], 11, 2).unwrap();
    assert_eq!(top, [f(&[3], &[3.0, 3.0, 2.0]), i(&[3], &[1, 3, 2])]);
    let hot = one("OneHot", &[], &[&i(&[2], &[1, -1]), &i(&[], &[3]), &f(&[2], &[0.0, 1.0])], 11);
    close(hot, f(&[2, 3], &[0.0, 1.0, 0.0, 0.0, 0.0, 1.0]));
}

#[test]
fn pads_of_every_mode() {
    let x = iota(&[3]);
    let pads = i(&[2], &[2, 1]);
    let pad = |mode: &str| one("Pad", &[("mode", text(mode))], &[&x, &pads], 19);
    close(pad("constant"), f(&[6], &[0.0, 0.0, 0.0, 1.0, 2.0, 0.0]));
    close(pad("edge"), f(&[6], &[0.0, 0.0, 0.0, 1.0, 2.0, 2.0]));
    close(pad("reflect"), f(&[6], &[2.0, 1.0, 0.0, 1.0, 2.0, 1.0]));
    close(pad("wrap"), f(&[6], &[1.0, 2.0, 0.0, 1.0, 2.0, 0.0]));
    let old = [("pads", ints(&[-1, 1])), ("value", Attribute::Float(5.0))];
    close(one("Pad", &old, &[&x], 9), f(&[3], &[1.0, 2.0, 5.0]));
    let along = i(&[1], &[-1]);
    let fill = f(&[], &[9.0]);
    close(one("Pad", &[], &[&iota(&[2, 1]), &i(&[2], &[0, 1]), &fill, &along], 18), f(&[2, 2], &[0.0, 9.0, 1.0, 9.0]));
}

/// Moving the positions 0, 1, 2, … tells where every number of a weight goes.
#[test]
fn positions_follow_the_numbers() {
    let weight = f(&[2, 3], &[10.0, 11.0, 12.0, 13.0, 14.0, 15.0]);
    let positions = i(&[2, 3], &[0, 1, 2, 3, 4, 5]);
    let moved = one("Transpose", &[], &[&weight], 13);
    let places = one("Transpose", &[], &[&positions], 13);
    for (value, place) in moved.as_float().unwrap().iter().zip(places.as_int().unwrap()) {
        assert_eq!(*value, 10.0 + *place as f64);
    }
}
