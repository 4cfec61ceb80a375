use super::*;

#[test]
fn gemm_in_every_orientation() {
    let a = f(&[1, 2], &[1.0, 2.0]);
    let w = f(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    close(one("Gemm", &[], &[&a, &w], 13), f(&[1, 3], &[9.0, 12.0, 15.0]));
    let transposed = one("Transpose", &[], &[&w], 13);
    close(one("Gemm", &[("transB", int(1))], &[&a, &transposed], 13), f(&[1, 3], &[9.0, 12.0, 15.0]));
    let column = f(&[2, 1], &[1.0, 2.0]);
    let scaled = [("transA", int(1)), ("alpha", Attribute::Float(2.0)), ("beta", Attribute::Float(0.5))];
    close(one("Gemm", &scaled, &[&column, &w, &f(&[], &[2.0])], 13), f(&[1, 3], &[19.0, 25.0, 31.0]));
    let error = many("Gemm", &[], &[&w, &w], 13, 1).unwrap_err();
    assert_eq!(error.to_string(), "Gemm: shapes [2, 3] and [2, 3] do not fit");
}

#[test]
fn matmul_of_vectors_and_batches() {
    let v = f(&[2], &[1.0, 2.0]);
    let w = f(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    close(one("MatMul", &[], &[&v, &w], 13), f(&[2], &[7.0, 10.0]));
    close(one("MatMul", &[], &[&w, &v], 13), f(&[2], &[5.0, 11.0]));
    close(one("MatMul", &[], &[&v, &v], 13), f(&[], &[5.0]));
    let batch = f(&[2, 1, 2], &[1.0, 0.0, 0.0, 1.0]);
    close(one("MatMul", &[], &[&batch, &w], 13), f(&[2, 1, 2], &[1.0, 2.0, 3.0, 4.0]));
    let pair = f(&[2, 1, 1, 2], &[1.0, 0.0, 0.0, 1.0]);
    let right = f(&[3, 2, 1], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    close(one("MatMul", &[], &[&pair, &right], 13), f(&[2, 3, 1, 1], &[1.0, 3.0, 5.0, 2.0, 4.0, 6.0]));
    close(one("MatMul", &[], &[&i(&[1, 2], &[1, 2]), &i(&[2], &[3, 4])], 13), i(&[1], &[11]));
    assert_eq!(one("MatMul", &[], &[&f(&[0, 1, 2], &[]), &w], 13).shape(), [0, 1, 2]);
}

#[test]
fn einsum_explicit_implicit_and_ellipsis() {
    let a = iota(&[2, 3]);
    let w = iota(&[3, 2]);
    let einsum = |equation: &str, inputs: &[&Tensor]| one("Einsum", &[("equation", text(equation))], inputs, 12);
    let product = one("MatMul", &[], &[&a, &w], 13);
    close(einsum("ij,jk->ik", &[&a, &w]), product.clone());
    close(einsum("ij, jk", &[&a, &w]), product.clone());
    close(einsum("...j,jk->...k", &[&a, &w]), product.clone());
    close(einsum("ij,jk->ki", &[&a, &w]), one("Transpose", &[], &[&product], 13));
    close(einsum("ba", &[&a]), one("Transpose", &[], &[&a], 13));
    close(einsum("ii->i", &[&iota(&[2, 2])]), f(&[2], &[0.0, 3.0]));
    close(einsum("ii", &[&iota(&[2, 2])]), f(&[], &[3.0]));
    close(einsum("ij->", &[&a]), f(&[], &[15.0]));
    close(einsum("i,j->ij", &[&f(&[2], &[1.0, 2.0]), &f(&[2], &[3.0, 4.0])]), f(&[2, 2], &[3.0, 4.0, 6.0, 8.0]));
    close(einsum("bij,bjk->bik", &[&iota(&[1, 2, 3]), &iota(&[1, 3, 2])]).clone(), {
        one("Unsqueeze", &[], &[&product, &i(&[1], &[0])], 13)
    });
    // y'Ay for each row y.
    let y = f(&[2, 2], &[1.0, 0.0, 1.0, 1.0]);
    close(einsum("bi,ij,bj->b", &[&y, &iota(&[2, 2]), &y]), f(&[2], &[0.0, 6.0]));
    close(einsum("...,...", &[&y, &f(&[2], &[2.0, 3.0])]), f(&[2, 2], &[2.0, 0.0, 2.0, 3.0]));
    let error = many("Einsum", &[("equation", text("ij,jk->il"))], &[&a, &w], 12, 1).unwrap_err();
    assert!(error.to_string().contains("'ij,jk->il'"), "{error}");
}
