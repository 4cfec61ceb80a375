use super::super::operators;
use super::*;

/// A reproducible sequence of numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

const INTEGERS: &[i64] = &[0, 1, 1, 2, 2, 3, -1, -2, 5, 100, 1 << 20, 1 << 31, 1 << 40, i64::MAX, i64::MIN];
const FLOATS: &[f64] = &[0.0, 1.0, -1.0, 2.5, 1e300, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
const NAMES: &[&str] = &[
    "axis",
    "axes",
    "keepdims",
    "perm",
    "strides",
    "pads",
    "dilations",
    "group",
    "kernel_shape",
    "auto_pad",
    "ceil_mode",
    "alpha",
    "beta",
    "transA",
    "transB",
    "to",
    "split",
    "num_outputs",
    "starts",
    "ends",
    "batch_dims",
    "mode",
    "value",
    "equation",
    "k",
    "largest",
    "upper",
    "allowzero",
    "output_shape",
    "output_padding",
    "num_groups",
    "epsilon",
    "p",
    "noop_with_empty_axes",
    "reduction",
    "approximate",
    "start",
    "end",
    "fmod",
    "count_include_pad",
    "exclusive",
];
const TEXTS: &[&str] = &[
    "",
    "SAME_UPPER",
    "SAME_LOWER",
    "VALID",
    "reflect",
    "edge",
    "wrap",
    "add",
    "mul",
    "max",
    "ij,jk->ik",
    "ij,ij",
    "i->",
    "...i,i...->...",
    "i,j,k->ijk",
    "ii,ii->i",
    "->",
    ",",
    "a.b",
    "tanh",
];

fn tensor(random: &mut Random) -> Tensor {
    let rank = random.below(5);
    let shape: Vec<usize> = (0..rank).map(|_| random.pick(&[1, 1, 2, 2, 3, 4, 0])).collect();
    let count: usize = shape.iter().product();
    match random.below(7) {
        0..3 => f(&shape, &(0..count).map(|_| random.pick(FLOATS)).collect::<Vec<_>>()),
        3..5 => i(&shape, &(0..count).map(|_| random.pick(INTEGERS)).collect::<Vec<_>>()),
        // Short lists of small integers: shapes, axes, indices.
        5 => i(&[rank], &(0..rank).map(|_| random.pick(&INTEGERS[..9])).collect::<Vec<_>>()),
        _ => b(&shape, &(0..count).map(|_| random.below(2) == 0).collect::<Vec<_>>()),
    }
}

fn attribute(random: &mut Random) -> Attribute {
    match random.below(8) {
        0..3 => Attribute::Int(random.pick(INTEGERS)),
        3..5 => {
            let len = random.below(5);
            Attribute::Ints((0..len).map(|_| random.pick(INTEGERS)).collect())
        }
        5 => Attribute::Float(random.pick(FLOATS)),
        6 => Attribute::String(random.pick(TEXTS).into()),
        _ => Attribute::Tensor(tensor(random)),
    }
}

/// Every operator on nonsense gives a result within the limit or an error, never a panic.
#[test]
fn nonsense_never_panics() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut evaluated = 0;
    for op in operators() {
        for _ in 0..3000 {
            let attributes: Vec<(&str, Attribute)> =
                (0..random.below(5)).map(|_| (random.pick(NAMES), attribute(&mut random))).collect();
            let tensors: Vec<Tensor> = (0..random.below(6)).map(|_| tensor(&mut random)).collect();
            let inputs: Vec<Option<&Tensor>> = tensors.iter().map(|t| (random.below(8) > 0).then_some(t)).collect();
            let node = node(op, &attributes, 1 + random.below(3));
            let opset = 9 + random.below(15) as i64;
            if let Ok(outputs) = evaluate(&node, &inputs, opset, 500) {
                evaluated += 1;
                assert!(outputs.iter().all(|t| t.len() <= 500), "{op}");
                assert!(outputs.len() >= node.outputs.len(), "{op}");
            }
        }
    }
    assert!(evaluated > 10_000, "only {evaluated} evaluations succeeded");
}

/// Windows of every kind over shapes that fit, so that the arithmetic behind the checks is reached.
#[test]
fn odd_windows_never_panic() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let small: &[i64] = &[0, 1, 1, 1, 2, 2, 3, 7, -1, 1 << 31];
    let mut evaluated = 0;
    for _ in 0..20_000 {
        let mut attributes: Vec<(&str, Attribute)> = Vec::new();
        for (name, len) in [("strides", 2), ("dilations", 2), ("pads", 4), ("output_padding", 2), ("output_shape", 2)] {
            if random.below(3) == 0 {
                attributes.push((name, ints(&(0..len).map(|_| random.pick(small)).collect::<Vec<_>>())));
            }
        }
        attributes.push(("auto_pad", text(random.pick(&["NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]))));
        attributes.push(("ceil_mode", int(random.below(2) as i64)));
        attributes.push(("count_include_pad", int(random.below(2) as i64)));
        let op = random.pick(&["Conv", "ConvTranspose", "MaxPool", "AveragePool"]);
        let kernel = [1 + random.below(4), 1 + random.below(3)];
        if op.ends_with("Pool") {
            attributes.push(("kernel_shape", ints(&[random.pick(small), kernel[1] as i64])));
        }
        let group = 1 + random.below(2);
        attributes.push(("group", int(group as i64)));
        let x = iota(&[1 + random.below(2), 2, 1 + random.below(5), 1 + random.below(4)]);
        let w = iota(&[2, 2 / group, kernel[0], kernel[1]]);
        if many(op, &attributes, &[&x, &w], 19, 1).is_ok() {
            evaluated += 1;
        }
    }
    assert!(evaluated > 2000, "only {evaluated} evaluations succeeded");
}

/// Results beyond the limit are refused before they are allocated.
#[test]
fn large_results_are_refused() {
    let huge = i(&[2], &[1 << 40, 1 << 40]);
    let x = iota(&[1, 1]);
    for (op, inputs) in [("Expand", vec![&x, &huge]), ("Tile", vec![&x, &huge]), ("ConstantOfShape", vec![&huge])] {
        assert!(matches!(many(op, &[], &inputs, 13, 1), Err(OpError::TooLarge { .. })), "{op}");
    }
    let wide = iota(&[200, 1]);
    let error = many("MatMul", &[], &[&wide, &one("Transpose", &[], &[&wide], 13)], 13, 1).unwrap_err();
    assert_eq!(error.to_string(), "a result of shape [200, 200] is beyond the limit of 10000 numbers");
    assert!(many("Range", &[], &[&i(&[], &[0]), &i(&[], &[i64::MAX]), &i(&[], &[1])], 13, 1).is_err());
    let pads = i(&[4], &[0, 0, i64::MAX, 1]);
    assert!(many("Pad", &[], &[&x, &pads], 13, 1).is_err());
}
