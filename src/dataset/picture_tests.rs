use std::io::Cursor;
use std::panic;

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, RgbImage};

use super::*;
use crate::dataset::preprocess::{Invert, Mode};
use crate::dataset::stream::Location;
use crate::diagnostic::Error;

fn bytes_of(values: Values<'_>) -> Vec<u8> {
    match values {
        Values::Bytes(bytes) => bytes.into_owned(),
        Values::Floats(floats) => panic!("floats: {floats:?}"),
    }
}

/// Decodes a picture in memory, a fault as its reason.
pub(super) fn decode(bytes: &[u8], preprocessing: &Preprocessing) -> Result<Vec<u8>, String> {
    super::decode(bytes, preprocessing)
        .map(bytes_of)
        .map_err(|fault| fault.to_string())
}

/// Decodes a file as a folder of pictures is decoded, one fault an error.
fn decode_file(path: &Path, preprocessing: &Preprocessing) -> crate::diagnostic::Result<Vec<u8>> {
    Location::File(path.into())
        .decode(preprocessing)
        .map(bytes_of)
        .map_err(|fault| Error::data(fault.diagnostic(path).help(fault.help())))
}

/// Plain preprocessing to an input of a size: nothing stretched, padded or subtracted.
pub(crate) fn preprocessing(channels: usize, height: usize, width: usize) -> Preprocessing {
    Preprocessing {
        shape: vec![channels, height, width],
        crop: None,
        resize: false,
        mode: Mode::Stretch,
        padding: vec![[0; 2]; 2],
        floats: false,
        rescale: 1.0 / 255.0,
        mean: Vec::new(),
        std: Vec::new(),
        invert: Invert::Auto,
        border: 0.0,
    }
}

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A grey PNG of given pixels.
pub(crate) fn grey_png(height: u32, width: u32, pixels: &[u8]) -> Vec<u8> {
    let picture = GrayImage::from_raw(width, height, pixels.to_vec()).unwrap();
    encoded(picture, ImageFormat::Png)
}

const COLOURS: [[u8; 3]; 8] = [
    [10, 200, 30],
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [1, 2, 3],
    [123, 45, 67],
    [255, 255, 254],
    [128, 127, 129],
];
/// `Image.convert("L")` of Pillow 13.0.0 on `COLOURS`.
const PILLOW_GREY: [u8; 8] = [124, 76, 150, 29, 2, 71, 255, 128];

fn colours() -> RgbImage {
    RgbImage::from_raw(8, 1, COLOURS.concat()).unwrap()
}

#[test]
fn grey_equals_pillow() {
    assert_eq!(COLOURS.map(luma), PILLOW_GREY);
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP] {
        let bytes = encoded(colours(), format);
        assert_eq!(
            decode(&bytes, &preprocessing(1, 1, 8)),
            Ok(PILLOW_GREY.to_vec())
        );
    }
}

#[test]
fn colours_become_planes() {
    let bytes = encoded(colours(), ImageFormat::Png);
    let planes = decode(&bytes, &preprocessing(3, 1, 8)).unwrap();
    for (at, colour) in COLOURS.iter().enumerate() {
        assert_eq!([planes[at], planes[8 + at], planes[16 + at]], *colour);
    }
    let grey = grey_png(1, 2, &[7, 9]);
    assert_eq!(
        decode(&grey, &preprocessing(3, 1, 2)),
        Ok(vec![7, 9, 7, 9, 7, 9])
    );
}

#[test]
fn alpha_is_dropped() {
    let clear = image::RgbaImage::from_raw(1, 1, vec![10, 200, 30, 0]).unwrap();
    let bytes = encoded(clear, ImageFormat::Png);
    assert_eq!(
        decode(&bytes, &preprocessing(3, 1, 1)),
        Ok(vec![10, 200, 30])
    );
    assert_eq!(decode(&bytes, &preprocessing(1, 1, 1)), Ok(vec![124]));
    let clear = image::GrayAlphaImage::from_raw(1, 1, vec![77, 0]).unwrap();
    let bytes = encoded(clear, ImageFormat::Png);
    assert_eq!(decode(&bytes, &preprocessing(1, 1, 1)), Ok(vec![77]));
}

#[test]
fn sixteen_bits_keep_their_upper_byte() {
    let values = vec![0, 255, 256, 0x12ff, 0xffff, 0x8000];
    let grey = ImageBuffer::<image::Luma<u16>, _>::from_raw(6, 1, values.clone()).unwrap();
    let bytes = encoded(grey, ImageFormat::Png);
    let expected = vec![0, 0, 1, 0x12, 0xff, 0x80];
    assert_eq!(
        decode(&bytes, &preprocessing(1, 1, 6)),
        Ok(expected.clone())
    );
    let colours = ImageBuffer::<image::Rgb<u16>, _>::from_raw(2, 1, values).unwrap();
    let bytes = encoded(colours, ImageFormat::Png);
    assert_eq!(
        decode(&bytes, &preprocessing(3, 1, 2)),
        Ok(vec![0, 0x12, 0, 0xff, 1, 0x80])
    );
}

/// A JPEG with an EXIF segment that holds nothing but the orientation.
fn oriented(orientation: u8) -> Vec<u8> {
    let tall = GrayImage::from_fn(8, 16, |_, row| image::Luma([row as u8 * 16]));
    let jpeg = encoded(tall, ImageFormat::Jpeg);
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&[0xff, 0xd8, 0xff, 0xe1], &length[..], &exif, &jpeg[2..]].concat()
}

#[test]
fn the_exif_orientation_is_applied() {
    let upright = decode(&oriented(1), &preprocessing(1, 16, 8)).unwrap();
    assert!(upright[0] < 10 && upright[127] > 230);
    let upside_down = decode(&oriented(3), &preprocessing(1, 16, 8)).unwrap();
    assert!(upside_down[0] > 230 && upside_down[127] < 10);
    // 6: to be turned clockwise, so that the top becomes the right side.
    let turned = decode(&oriented(6), &preprocessing(1, 8, 16)).unwrap();
    assert!(turned[0] > 230 && turned[15] < 10);
}

#[track_caller]
fn check_reason(bytes: &[u8], expected: &str) {
    assert_eq!(
        decode(bytes, &preprocessing(1, 2, 2)),
        Err(expected.to_owned())
    );
}

#[test]
fn damaged_pictures_give_a_reason() {
    let foreign = "its content is not a png, jpeg, webp or bmp picture";
    check_reason(b"", "the file is empty");
    check_reason(b"plain text", foreign);
    check_reason(b"GIF89a\x01\0\x01\0\0\0\0;", foreign);
    let jpeg = encoded(colours(), ImageFormat::Jpeg);
    for cut in [1, 2, 20] {
        check_reason(
            &jpeg[..jpeg.len() - cut],
            "it is truncated: the end of the jpeg picture is missing",
        );
    }
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp] {
        let bytes = encoded(colours(), format);
        let cut = decode(&bytes[..bytes.len() * 3 / 4], &preprocessing(1, 1, 8));
        assert!(cut.is_err(), "{format:?}");
    }
}

#[test]
fn no_damage_panics() {
    let mut seed = 1_u64;
    for format in [
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Bmp,
        ImageFormat::Jpeg,
    ] {
        let whole = encoded(colours(), format);
        for _ in 0..300 {
            let mut bytes = whole.clone();
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (seed >> 33) as usize % bytes.len();
            bytes[at] ^= 1 << (seed >> 61);
            let _ = decode(&bytes, &preprocessing(1, 1, 8));
        }
    }
}

#[test]
fn huge_headers_are_refused() {
    // A BMP header alone, of 41 and more bytes, that promises 50,000 x 50,000 pixels.
    let mut bytes = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bytes.extend(50_000_u32.to_le_bytes());
    bytes.extend(50_000_u32.to_le_bytes());
    bytes.extend([1, 0, 24, 0]);
    bytes.extend([0; 24]);
    let most = "expected at most 16384 a side and 160 MiB decoded";
    check_reason(
        &bytes,
        &format!("it is 50000x50000 (height x width), {most}"),
    );
    bytes[18..26].copy_from_slice(&[0, 0x40, 0, 0, 0, 0x40, 0, 0]);
    check_reason(
        &bytes,
        &format!("it is 16384x16384 (height x width), {most}"),
    );
    // The size of a PNG, in its header, with the checksum made to fit.
    let mut png = grey_png(1, 1, &[0]);
    png[16..24].copy_from_slice(&[0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50]);
    let checksum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    check_reason(&png, &format!("it is 50000x50000 (height x width), {most}"));
    // The frame header of a JPEG.
    let mut jpeg = encoded(colours(), ImageFormat::Jpeg);
    let frame = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xc3, 0x50, 0xc3, 0x50]);
    check_reason(
        &jpeg,
        &format!("it is 50000x50000 (height x width), {most}"),
    );
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[test]
fn another_size_is_refused_or_stretched() {
    let bytes = grey_png(1, 4, &[100; 4]);
    check_reason(&bytes, "it is 1x4 (height x width), expected 2x2");
    let mut stretching = preprocessing(1, 2, 2);
    stretching.resize = true;
    assert_eq!(decode(&bytes, &stretching), Ok(vec![100; 4]));
    let fitted = |planes: &[u8], size, height, width| {
        let mut fitting = preprocessing(1, height, width);
        fitting.resize = true;
        fit_planes(planes, size, &fitting)
    };
    assert_eq!(fitted(&[1, 2, 3, 4], [2, 2], 2, 2), Ok(vec![1, 2, 3, 4]));
    assert_eq!(
        fitted(&[0, 0, 90, 90], [2, 2], 4, 1),
        Ok(vec![0, 23, 68, 90])
    );
    let refused = fit_planes(&[1, 2], [1, 2], &preprocessing(1, 1, 1));
    assert!(matches!(refused, Err(Fault::Size { .. })));
}

#[test]
fn other_channels_are_refused() {
    let reason = decode(&grey_png(1, 1, &[0]), &preprocessing(2, 1, 1));
    assert_eq!(
        reason,
        Err("a picture has 1 or 3 channels, a height and a width, the input 2x1x1".to_owned())
    );
}

#[test]
fn a_file_fault_names_the_file_and_an_edit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    std::fs::write(&path, b"text").unwrap();
    let error = decode_file(&path, &preprocessing(1, 28, 20)).unwrap_err();
    assert_eq!(error.kind.exit_code(), 3);
    assert_eq!(
        error.to_string(),
        format!(
            "failed to read picture `{}`: its content is not a png, jpeg, webp or bmp picture",
            path.display()
        )
    );
    assert_eq!(
        error.diagnostics[0].helps,
        [
            "remove the file, replace it with a whole png, jpeg, webp or bmp picture, or pass over such with `on_bad_image = \"skip\"` in `[data]`"
        ]
    );
    std::fs::write(&path, grey_png(1, 4, &[0; 4])).unwrap();
    let error = decode_file(&path, &preprocessing(1, 28, 20)).unwrap_err();
    assert_eq!(
        error.diagnostics[0].helps,
        ["set `resize = [28, 20]` in `[data]` to stretch every picture to 28x20"]
    );
    let error = decode_file(&folder.path().join("none.png"), &preprocessing(1, 1, 1)).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("No such file or directory (os error 2)")
    );
    let error = decode_file(folder.path(), &preprocessing(1, 1, 1)).unwrap_err();
    assert!(error.to_string().ends_with("it is not a regular file"));
}

#[test]
fn other_panics_still_unwind() {
    let _ = decode(b"x", &preprocessing(1, 1, 1));
    assert!(panic::catch_unwind(|| panic!("shown by the hook before")).is_err());
}

#[test]
fn orientation_takes_no_memory_of_its_own_and_changes_no_limit() {
    // 16,384 x 4,096 grey pixels are within the limits, four times as many are not, turned or not.
    let (width, height) = (16_384_u32, 4_096_u32);
    let mut picture = GrayImage::new(width, height);
    picture.put_pixel(0, 0, image::Luma([200]));
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    let orientation = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    image::ImageEncoder::set_exif_metadata(&mut encoder, orientation).unwrap();
    picture.write_with_encoder(encoder).unwrap();
    let mut small = preprocessing(1, 16, 4);
    assert_eq!(
        decode(&bytes, &small),
        Err("it is 16384x4096 (height x width), expected 16x4".to_owned())
    );
    small.resize = true;
    assert_eq!(decode(&bytes, &small), Ok(vec![0; 64]));
    let header = bytes.windows(4).position(|name| name == b"IHDR").unwrap();
    bytes[header + 8..header + 12].copy_from_slice(&16_384_u32.to_be_bytes());
    let checksum = crc32(&bytes[header..header + 17]);
    bytes[header + 17..header + 21].copy_from_slice(&checksum.to_be_bytes());
    let most = "expected at most 16384 a side and 160 MiB decoded";
    assert_eq!(
        decode(&bytes, &small),
        Err(format!("it is 16384x16384 (height x width), {most}"))
    );
}

#[test]
fn bars_beside_a_picture_are_zeros_whatever_is_inverted() {
    let bytes = grey_png(1, 2, &[250, 240]);
    let mut fitting = preprocessing(1, 4, 4);
    fitting.resize = true;
    fitting.mode = Mode::Letterbox;
    let bars = |values: &[u8]| [&values[..4], &values[12..]].concat();
    assert_eq!(bars(&decode(&bytes, &fitting).unwrap()), [0; 8]);
    // The loader exchanges light and dark of the whole.
    fitting.invert = Invert::Always;
    assert_eq!(bars(&decode(&bytes, &fitting).unwrap()), [255; 8]);
    // At prediction a light picture is the opposite of dark data, and its bars are not.
    fitting.rescale = 1.0;
    fitting.invert = Invert::Auto;
    let input = crate::dataset::input_of(&bytes, &fitting, Invert::Auto).unwrap();
    let input: Vec<u8> = input.into_iter().map(|value| value as u8).collect();
    assert_eq!(bars(&input), [0; 8]);
    assert!(input[4..12].iter().all(|value| *value < 20), "{input:?}");
}

#[test]
fn a_crop_is_the_middle_or_all_there_is() {
    let bytes = grey_png(1, 6, &[1, 2, 3, 4, 5, 6]);
    let mut cropping = preprocessing(1, 1, 2);
    cropping.crop = Some([1, 2]);
    assert_eq!(decode(&bytes, &cropping), Ok(vec![3, 4]));
    cropping.crop = Some([5, 9]);
    assert_eq!(
        decode(&bytes, &cropping),
        Err("it is 1x6 (height x width), expected 1x2".to_owned())
    );
    let planes = [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16];
    cropping.crop = Some([1, 2]);
    assert_eq!(
        fit_planes(&planes, [1, 6], &cropping),
        Ok(vec![3, 4, 13, 14])
    );
}

#[test]
fn models_from_before_crop_and_mode_are_read() {
    let text = "shape = [1, 28, 28]\nresize = true\npadding = [[0, 0], [0, 0]]\nrescale = 1.0\nmean = []\n\
                std = []\ninvert = \"auto\"\nborder = 0.0\n";
    let read: Preprocessing = toml::from_str(text).unwrap();
    assert_eq!((read.crop, read.mode), (None, Mode::Stretch));
}
