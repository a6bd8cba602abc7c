//! Words and numbers of `cnn show`, and what its files are called.

use std::path::Path;

use clap::ValueEnum;

/// Examples of all that is shown.
pub(super) const EXAMPLES: &str = "Examples:
  cnn show latest filters
  cnn show lenet5-1 features digit.png --layer C3
  cnn show latest explain digit.png --method grad-cam --class 7
  cnn show latest receptive-field digit.png --layer S4 --at 2,2
  cnn show latest embedding";

/// How importance is found.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum MethodArgument {
    /// Maps of a layer, weighted by mean gradients (Selvaraju et al. 2017)
    GradCam,
    /// The same, with weights that favour each place by itself (Chattopadhay et al. 2018)
    #[value(name = "grad-cam++")]
    GradCamPlusPlus,
    /// Size of the gradient at each pixel (Simonyan et al. 2014)
    Saliency,
    /// The same, averaged over pictures with noise (Smilkov et al. 2017)
    SmoothGrad,
    /// Each pixel's share in the difference from black (Sundararajan et al. 2017)
    IntegratedGradients,
    /// What the answer loses when a patch is covered (Zeiler & Fergus 2014)
    Occlusion,
}

impl MethodArgument {
    /// Returns its name.
    pub(super) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or(String::new(), |value| value.get_name().to_owned())
    }
}

/// Reads a row and a column.
pub(super) fn place(text: &str) -> Result<[usize; 2], String> {
    let numbers: Option<Vec<usize>> = text
        .split(',')
        .map(|part| part.trim().parse().ok())
        .collect();
    let place = numbers.and_then(|numbers| numbers.try_into().ok());
    place.ok_or_else(|| "expected a row and a column, such as `2,3`".to_owned())
}

/// Reads a share above 0.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok();
    let share = share.filter(|share| share.is_finite() && *share > 0.0);
    share.ok_or_else(|| "expected a number above 0, such as `0.15`".to_owned())
}

/// Returns a part of a file's name made of a layer's or a picture's.
pub(super) fn safe(name: &str) -> String {
    let kept = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    let name = name.chars().map(|c| if kept(c) { c } else { '_' });
    name.take(80).collect()
}

/// Returns the part that stands for a picture.
pub(super) fn stem(image: &Path) -> String {
    let stem = image.file_stem().unwrap_or_default().to_string_lossy();
    if image == Path::new("-") {
        return "stdin".to_owned();
    }
    safe(&stem)
}
