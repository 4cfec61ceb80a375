use super::super::geometry::Window;
use super::*;

#[test]
fn window_sizes_and_pads() {
    let attributes =
        [("strides", ints(&[2])), ("pads", ints(&[1, 0])), ("dilations", ints(&[2])), ("ceil_mode", int(1))];
    let window = Window::from_node(&node("MaxPool", &attributes, 1), &[6], &[2]).unwrap();
    // 7 padded places, a span of 3: windows at 0, 2, 4.
    assert_eq!((window.span(0), window.output.as_slice()), (3, &[3][..]));
    assert_eq!((window.taps(0, 0), window.taps(0, 1)), (1..2, 0..2));
    assert_eq!((window.outputs(0, 0), window.outputs(0, 1)), (1..3, 0..3));

    let same = Window::from_node(&node("Conv", &[("auto_pad", text("SAME_UPPER"))], 1), &[5], &[4]).unwrap();
    assert_eq!((same.pads_begin[0], same.pads_end[0], same.output[0]), (1, 2, 5));
    let same = Window::from_node(&node("Conv", &[("auto_pad", text("SAME_LOWER"))], 1), &[5], &[4]).unwrap();
    assert_eq!((same.pads_begin[0], same.pads_end[0], same.output[0]), (2, 1, 5));
    let error = Window::from_node(&node("Conv", &[], 1), &[3], &[4]).unwrap_err();
    assert_eq!(error.to_string(), "the kernel spans 4 at spatial axis 0, the padded input has 3");
}

#[test]
fn convolutions_by_hand() {
    let x = f(&[1, 1, 4], &[1.0, 2.0, 3.0, 4.0]);
    let w = f(&[1, 1, 2], &[1.0, -1.0]);
    close(one("Conv", &[], &[&x, &w], 11), f(&[1, 1, 3], &[-1.0; 3]));
    let attributes = [("strides", ints(&[2])), ("pads", ints(&[1, 1]))];
    close(one("Conv", &attributes, &[&x, &w, &f(&[1], &[10.0])], 11), f(&[1, 1, 3], &[9.0, 9.0, 14.0]));
    let groups = [("group", int(2))];
    let x2 = f(&[1, 2, 2], &[1.0, 2.0, 3.0, 4.0]);
    close(one("Conv", &groups, &[&x2, &f(&[2, 1, 1], &[2.0, 3.0])], 11), f(&[1, 2, 2], &[2.0, 4.0, 9.0, 12.0]));
    let image = iota(&[1, 1, 3, 3]);
    let kernel = f(&[1, 1, 2, 2], &[1.0, 0.0, 0.0, 1.0]);
    close(one("Conv", &[], &[&image, &kernel], 11), f(&[1, 1, 2, 2], &[4.0, 6.0, 10.0, 12.0]));
    close(one("Conv", &[("dilations", ints(&[2, 2]))], &[&image, &kernel], 11), f(&[1, 1, 1, 1], &[8.0]));
    assert_eq!(one("Conv", &[], &[&iota(&[2, 1, 2, 3, 4]), &iota(&[3, 1, 2, 2, 2])], 11).shape(), [2, 3, 1, 2, 3]);
}

/// ⟨conv(x), y⟩ = ⟨x, conv_transpose(y)⟩ for one kernel and any attributes.
#[test]
fn the_transpose_is_the_transpose() {
    for (stride, pad, dilation, group) in [(1, 0, 1, 1), (2, 1, 1, 2), (1, 2, 2, 1), (3, 1, 2, 2)] {
        let attributes = [
            ("strides", ints(&[stride, 1])),
            ("pads", ints(&[pad, 0, pad, 0])),
            ("dilations", ints(&[dilation, 1])),
            ("group", int(group)),
        ];
        let x = iota(&[2, 4, 7, 3]);
        let w = one("Sin", &[], &[&iota(&[6, 4 / group as usize, 3, 2])], 7);
        let y = one("Conv", &attributes, &[&x, &w], 11);
        let z = one("Cos", &[], &[&iota(y.shape())], 7);
        let left = one("Mul", &[], &[&y, &z], 14).as_float().unwrap().sum();
        // What the strides leave over, the transpose gets back as output padding.
        let rest = (7 + 2 * pad - (2 * dilation + 1)) % stride;
        let mut back = attributes.to_vec();
        back.push(("output_padding", ints(&[rest, 0])));
        let t = one("ConvTranspose", &back, &[&z, &w], 11);
        assert_eq!(t.shape(), x.shape());
        let right = one("Mul", &[], &[&x, &t], 14).as_float().unwrap().sum();
        assert!((left - right).abs() < 1e-9 * left.abs().max(1.0), "{left} {right}");
    }
}

#[test]
fn poolings() {
    let x = iota(&[1, 1, 3, 3]);
    let two = [("kernel_shape", ints(&[2, 2]))];
    close(one("MaxPool", &two, &[&x], 12), f(&[1, 1, 2, 2], &[4.0, 5.0, 7.0, 8.0]));
    close(one("AveragePool", &two, &[&x], 19), f(&[1, 1, 2, 2], &[2.0, 3.0, 5.0, 6.0]));
    let padded = |include: i64| {
        [
            ("kernel_shape", ints(&[2])),
            ("pads", ints(&[1, 0])),
            ("strides", ints(&[2])),
            ("count_include_pad", int(include)),
        ]
    };
    let line = f(&[1, 1, 3], &[4.0, 6.0, 8.0]);
    close(one("AveragePool", &padded(0), &[&line], 19), f(&[1, 1, 2], &[4.0, 7.0]));
    close(one("AveragePool", &padded(1), &[&line], 19), f(&[1, 1, 2], &[2.0, 7.0]));
    // The window that rounding up adds holds one number, and one only counts.
    let ceil =
        [("kernel_shape", ints(&[2])), ("strides", ints(&[2])), ("ceil_mode", int(1)), ("count_include_pad", int(1))];
    close(one("AveragePool", &ceil, &[&line], 19), f(&[1, 1, 2], &[5.0, 8.0]));
    close(one("MaxPool", &ceil[..3], &[&line], 12), f(&[1, 1, 2], &[6.0, 8.0]));
    close(one("GlobalAveragePool", &[], &[&x], 1), f(&[1, 1, 1, 1], &[4.0]));
    close(one("GlobalMaxPool", &[], &[&x], 1), f(&[1, 1, 1, 1], &[8.0]));
}
