//! Writing a program to a file that other programs read. (Its JSON form is in [`crate::load::program_json`], beside its reader.)

#[cfg(feature = "onnx")]
pub mod onnx;
