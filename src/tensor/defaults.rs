//! Values of attributes that a node leaves out. The format stores them as f32, so they are those numbers widened.

/// `alpha` of LeakyRelu.
pub const LEAKY_RELU_ALPHA: f64 = 0.01f32 as f64;
/// `alpha` of Elu, Celu and ThresholdedRelu.
pub const ALPHA: f64 = 1.0;
/// `alpha` of Selu.
pub const SELU_ALPHA: f64 = 1.673_263_192_176_818_8;
/// `gamma` of Selu.
pub const SELU_GAMMA: f64 = 1.050_701_022_148_132_3;
/// `alpha` of HardSigmoid.
pub const HARD_SIGMOID_ALPHA: f64 = 0.2f32 as f64;
/// `beta` of HardSigmoid.
pub const HARD_SIGMOID_BETA: f64 = 0.5;
/// `epsilon` of the normalisations.
pub const EPSILON: f64 = 1e-5f32 as f64;
