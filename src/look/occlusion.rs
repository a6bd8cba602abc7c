//! What an answer loses when parts of the picture are covered.

use super::Subject;
use crate::diagnostic::Result;

/// Covered pictures of one pass.
const BATCH: usize = 64;

/// Covers the picture patch by patch, from corner to corner; returns what the class's probability loses, averaged over the
/// patches that cover a pixel.
pub(super) fn of(
    subject: &Subject<'_>,
    class: usize,
    patch: usize,
    stride: usize,
) -> Result<Vec<f64>> {
    let [height, width] = subject.picture.size();
    let whole = subject.answers()?;
    let whole = whole.get(class).copied().unwrap_or_default();
    let patches: Vec<[usize; 2]> = starts(height, patch, stride)
        .flat_map(|top| starts(width, patch, stride).map(move |left| [top, left]))
        .collect();
    let mut lost = vec![0.0; height * width];
    let mut covered = vec![0.0_f64; height * width];
    let places = |[top, left]: [usize; 2]| {
        (top..height.min(top + patch))
            .flat_map(move |row| (left..width.min(left + patch)).map(move |at| row * width + at))
    };
    for patches in patches.chunks(BATCH) {
        let mut inputs = Vec::with_capacity(patches.len() * subject.picture.input.len());
        for patch in patches {
            let first = inputs.len();
            inputs.extend_from_slice(&subject.picture.input);
            let channels = subject.picture.grey.chunks(height * width);
            for (channel, grey) in channels.enumerate() {
                for place in places(*patch) {
                    inputs[first + channel * height * width + place] = grey[place];
                }
            }
        }
        let logits = subject.logits(&inputs)?;
        let rows = logits.chunks(logits.len() / patches.len());
        for (patch, row) in patches.iter().zip(rows) {
            let own = subject.answer(row).get(class).copied();
            for place in places(*patch) {
                lost[place] += whole - own.unwrap_or_default();
                covered[place] += 1.0;
            }
        }
    }
    let means = lost.iter().zip(&covered);
    Ok(means.map(|(lost, count)| lost / count.max(1.0)).collect())
}

/// Returns where patches begin along a side, so that every pixel is covered.
fn starts(extent: usize, patch: usize, stride: usize) -> impl Iterator<Item = usize> {
    let last = extent.saturating_sub(patch);
    (0..last).step_by(stride).chain([last])
}
