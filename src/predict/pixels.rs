//! Pixels packed as a picture file.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};

/// Packs pixels as a file, which goes the way of all others.
pub(super) fn as_png(width: u32, height: u32, values: &[u8]) -> Result<Vec<u8>, String> {
    let pixels = u64::from(width) * u64::from(height);
    let count = values.len() as u64;
    let each = count.checked_div(pixels);
    let colour = match each.filter(|_| count.is_multiple_of(pixels)) {
        Some(1) => ExtendedColorType::L8,
        Some(2) => ExtendedColorType::La8,
        Some(3) => ExtendedColorType::Rgb8,
        Some(4) => ExtendedColorType::Rgba8,
        _ => {
            return Err(format!(
                "it has {count} values, expected 1 to 4 for each of {height}x{width} pixels (height x width)"
            ));
        }
    };
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(
        &mut bytes,
        CompressionType::Uncompressed,
        FilterType::NoFilter,
    )
    .write_image(values, width, height, colour)
    .map_err(|error| error.to_string())?;
    Ok(bytes)
}
