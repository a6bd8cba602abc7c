//! What one sample gets in one epoch.

use super::geometry::Map;
use crate::config::{Augment, EraseFill, Flip, RandomCrop};
use crate::random::{Purpose, Random};

/// What one sample gets in one epoch.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// Whether top and bottom, and left and right, are exchanged.
    pub(super) flip: [bool; 2],
    /// Down, then to the right, in whole pixels.
    pub(super) shift: [i64; 2],
    /// The turn about the centre, counterclockwise; 0 is exact.
    pub(super) angle_radians: f64,
    /// Factors of height and width.
    pub(super) scale: [f64; 2],
    /// How far a row moves to the right for each row above the centre.
    pub(super) lean: f64,
    /// The part that takes the place of the whole.
    pub(super) window: Option<Rectangle>,
    /// Factors of brightness, contrast and saturation; 1 changes nothing.
    pub(super) colours: [f64; 3],
    /// A rectangle to blot out, with what, and the numbers for it.
    pub(super) erased: Option<(Rectangle, EraseFill, Random)>,
    /// The numbers for noise.
    pub(super) noise: Option<Random>,
    /// The numbers for displacements.
    pub(super) elastic: Option<Random>,
}

/// Rows and columns of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rectangle {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Rectangle {
    /// Writes a value to each pixel of a plane that lies in it.
    pub(super) fn fill(&self, plane: &mut [f32], width: usize, mut value: impl FnMut() -> f32) {
        let lines = plane.chunks_exact_mut(width.max(1));
        for line in lines.skip(self.top).take(self.height) {
            for target in line.iter_mut().skip(self.left).take(self.width) {
                *target = value();
            }
        }
    }
}

/// Each has numbers of its own, so that turning one change on or off leaves the others as they were.
#[derive(Clone, Copy, Debug)]
pub(super) enum Draw {
    Flip = 1,
    Crop = 2,
    Scale = 3,
    Squeeze = 4,
    Shear = 5,
    Colours = 6,
    Erase = 7,
    Noise = 8,
    Elastic = 9,
    Mix = 10,
}

/// Returns the numbers of a kind of change for a seed, an epoch and a sample.
pub(super) fn numbers([seed, epoch, sample]: [u64; 3], kind: Draw) -> Random {
    Random::new(Purpose::Augment, &[seed, epoch, sample, kind as u64])
}

/// Tells whether pixels may come to lie between pixels.
pub(super) fn resamples(augment: &Augment) -> bool {
    let [least, largest] = augment.scale;
    augment.rotate > 0.0
        || least < 1.0
        || largest > 1.0
        || augment.squeeze > 1.0
        || augment.shear > 0.0
        || augment.elastic.is_some()
        || matches!(augment.crop, Some(RandomCrop::Resized { .. }))
}

/// Tells whether values change where they stand.
pub(super) fn changes_colours(augment: &Augment) -> bool {
    augment.brightness > 0.0 || augment.contrast > 0.0 || augment.saturation > 0.0
}

impl Change {
    /// Draws the change of one sample: a seed, an epoch and the sample's number; `size` is height and width with padding.
    pub(super) fn draw(augment: &Augment, key: [u64; 3], size: [usize; 2]) -> Self {
        let mut random = Random::new(Purpose::Augment, &key);
        let mut shift = augment.shift.map(|most| shift_within(&mut random, most));
        let angle_radians = (symmetric(&mut random) * augment.rotate).to_radians();
        let mut window = None;
        let mut crop = numbers(key, Draw::Crop);
        match augment.crop {
            None => {}
            Some(RandomCrop::Padding(padding)) => {
                for shift in &mut shift {
                    *shift += shift_within(&mut crop, padding);
                }
            }
            Some(RandomCrop::Resized { scale, ratio }) => {
                window = Some(draw_window(&mut crop, size, scale, ratio));
            }
        }
        let scale = within(&mut numbers(key, Draw::Scale), augment.scale);
        let squeeze = symmetric(&mut numbers(key, Draw::Squeeze));
        let squeeze = (squeeze * augment.squeeze.max(1.0).ln()).exp();
        let lean = symmetric(&mut numbers(key, Draw::Shear)) * augment.shear;
        let mut colours = numbers(key, Draw::Colours);
        let ranges = [augment.brightness, augment.contrast, augment.saturation];
        Self {
            flip: draw_flip(augment.flip, key),
            shift,
            angle_radians,
            scale: [scale / squeeze, scale * squeeze],
            lean: lean.to_radians().tan(),
            window,
            colours: ranges
                .map(|range| within(&mut colours, [(1.0 - range).max(0.0), 1.0 + range])),
            erased: draw_erased(augment, key, size),
            noise: (augment.noise > 0.0).then(|| numbers(key, Draw::Noise)),
            elastic: augment.elastic.map(|_| numbers(key, Draw::Elastic)),
        }
    }

    /// Returns the map from each place of the result to the place that it comes from.
    pub(super) fn map(&self, [height, width]: [usize; 2]) -> Map {
        let centre = [height, width].map(|size| (size as f64 - 1.0) / 2.0);
        let [down, right] = self.shift.map(|by| by as f64);
        let mut map = Map::IDENTITY.then_move([-down - centre[0], -right - centre[1]]);
        let (sine, cosine) = self.angle_radians.sin_cos();
        map = map.then([[cosine, sine], [-sine, cosine]]);
        // Rows above the centre have negative numbers and move to the right.
        map = map.then([[1.0, 0.0], [self.lean, 1.0]]);
        let [rows, columns] = self.scale;
        map = map.then([[1.0 / rows, 0.0], [0.0, 1.0 / columns]]);
        let [down, across] = self.flip.map(|flip| if flip { -1.0 } else { 1.0 });
        map = map.then([[down, 0.0], [0.0, across]]).then_move(centre);
        if let Some(window) = &self.window {
            let factor = |part: usize, whole: usize| part as f64 / (whole as f64).max(1.0);
            let [rows, columns] = [factor(window.height, height), factor(window.width, width)];
            // Pixels have an extent: the corners of the window fall on those of the picture.
            map = map
                .then_move([0.5, 0.5])
                .then([[rows, 0.0], [0.0, columns]])
                .then_move([window.top as f64 - 0.5, window.left as f64 - 0.5]);
        }
        map
    }
}

fn shift_within(random: &mut Random, most: usize) -> i64 {
    let most = (most as u64).min(1 << 32);
    random.below(2 * most + 1).cast_signed() - most.cast_signed()
}

/// Draws from −1 to 1.
fn symmetric(random: &mut Random) -> f64 {
    2.0 * random.unit() - 1.0
}

fn within(random: &mut Random, [least, largest]: [f64; 2]) -> f64 {
    least + (largest - least) * random.unit()
}

fn draw_flip(flip: Option<Flip>, key: [u64; 3]) -> [bool; 2] {
    let mut random = numbers(key, Draw::Flip);
    let [vertical, horizontal] = [random.below(2) == 1, random.below(2) == 1];
    match flip {
        None => [false, false],
        Some(Flip::Horizontal) => [false, horizontal],
        Some(Flip::Vertical) => [vertical, false],
        Some(Flip::Both) => [vertical, horizontal],
    }
}

/// How often a rectangle of random area and form is drawn until it fits; torchvision tries as often.
const ATTEMPTS: usize = 10;

/// Draws a window; one that never fits is the largest of an allowed ratio, in the middle.
fn draw_window(
    random: &mut Random,
    [height, width]: [usize; 2],
    scale: [f64; 2],
    ratio: [f64; 2],
) -> Rectangle {
    for _ in 0..ATTEMPTS {
        let fit = draw_rectangle(random, [height, width], scale, ratio);
        if let Some(fit) = fit {
            return fit;
        }
    }
    let own = width as f64 / (height as f64).max(1.0);
    let wanted = own.clamp(ratio[0], ratio[1]);
    let whole = |size: f64, most: usize| (size.round() as usize).clamp(1, most.max(1));
    let [rows, columns] = if own < wanted {
        [whole(width as f64 / wanted, height), width]
    } else {
        [height, whole(height as f64 * wanted, width)]
    };
    Rectangle {
        top: height.saturating_sub(rows) / 2,
        left: width.saturating_sub(columns) / 2,
        height: rows,
        width: columns,
    }
}

/// Draws a rectangle by its share of the area and its width over height, anywhere; nothing where it does not fit.
fn draw_rectangle(
    random: &mut Random,
    [height, width]: [usize; 2],
    area: [f64; 2],
    ratio: [f64; 2],
) -> Option<Rectangle> {
    let area = within(random, area) * height as f64 * width as f64;
    let ratio = within(random, ratio.map(f64::ln)).exp();
    let rows = (area / ratio).sqrt().round() as usize;
    let columns = (area * ratio).sqrt().round() as usize;
    // Drawn in any case, so that every attempt takes as many numbers.
    let places = [(height, rows), (width, columns)].map(|(whole, part)| {
        let room = whole.checked_sub(part).filter(|_| part > 0);
        (
            room.is_some(),
            random.below(room.unwrap_or(0) as u64 + 1) as usize,
        )
    });
    let [(is_low_enough, top), (is_narrow_enough, left)] = places;
    (is_low_enough && is_narrow_enough).then_some(Rectangle {
        top,
        left,
        height: rows,
        width: columns,
    })
}

fn draw_erased(
    augment: &Augment,
    key: [u64; 3],
    size: [usize; 2],
) -> Option<(Rectangle, EraseFill, Random)> {
    let erase = augment.erase?;
    let mut random = numbers(key, Draw::Erase);
    if random.unit() >= erase.probability {
        return None;
    }
    // Height over width, as the paper has it.
    let [least, largest] = erase.ratio;
    let ratio = [1.0 / largest, 1.0 / least];
    let mut rectangles =
        (0..ATTEMPTS).filter_map(|_| draw_rectangle(&mut random, size, erase.area, ratio));
    let rectangle = rectangles.next()?;
    Some((rectangle, erase.fill, random))
}
