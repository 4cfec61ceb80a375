//! Digits next to each other in a PNG file.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use crate::cli::{Stop, output};

/// Side of a digit.
pub const SIDE: usize = 8;
/// Side of a drawn pixel.
const ZOOM: usize = 8;
/// Width of the lines between pictures.
const LINE: usize = 2;
/// Digits next to each other, each as given, completed, true.
const ACROSS: usize = 4;

/// An 8-bit colour picture.
pub struct Picture {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

impl Picture {
    /// Digits from left to right and top to bottom, the three forms of each side by side.
    pub fn of(digits: &[[Vec<Option<f64>>; 3]]) -> Picture {
        let cell = SIDE * ZOOM;
        let group = 3 * cell + 2 * LINE;
        let gap = 4 * LINE + ZOOM;
        let down = digits.len().div_ceil(ACROSS);
        let width = ACROSS * group + (ACROSS + 1) * gap;
        let height = down * cell + (down + 1) * gap;
        let mut picture = Picture { width, height, bytes: [250, 250, 250].repeat(width * height) };
        for (k, forms) in digits.iter().enumerate() {
            let (top, left) = (gap + (k / ACROSS) * (cell + gap), gap + (k % ACROSS) * (group + gap));
            picture.fill(left, top, group, cell, [210, 60, 40]);
            for (form, pixels) in forms.iter().enumerate() {
                let left = left + form * (cell + LINE);
                for (i, pixel) in pixels.iter().enumerate() {
                    let grey = |v: f64| (255.0 * (1.0 - v.clamp(0.0, 1.0))).round() as u8;
                    let colour = pixel.map_or([214, 222, 235], |v| [grey(v); 3]);
                    picture.fill(left + i % SIDE * ZOOM, top + i / SIDE * ZOOM, ZOOM, ZOOM, colour);
                }
            }
        }
        picture
    }

    fn fill(&mut self, left: usize, top: usize, width: usize, height: usize, colour: [u8; 3]) {
        for y in top..top + height {
            let start = 3 * (y * self.width + left);
            self.bytes[start..start + 3 * width].copy_from_slice(&colour.repeat(width));
        }
    }

    /// Writes a PNG file, in folders made for it, and says so.
    pub fn write(&self, path: &Path) -> Result<(), Stop> {
        self.encode(path).map_err(|e| Stop::input(format!("{}: {e}", path.display())))?;
        output::line(&format!("{}: each digit as given, completed, true", path.display()))?;
        Ok(())
    }

    fn encode(&self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&self.bytes)?;
        Ok(())
    }
}
