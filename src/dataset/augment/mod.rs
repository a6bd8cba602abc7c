//! Random changes of training pictures; each draw depends on the seed, the epoch and the sample alone.
//!
//! Drawn, then changed: colours, one resample for all that moves, noise, erasing, mixing.

use super::canvas::Canvas;
use super::preprocess::{Preprocessing, Table};
use super::samples::{Samples, Targets, Values};
use crate::config::{self, EraseFill};
use crate::diagnostic::Result;
use crate::random::Random;

mod colour;
mod draw;
mod elastic;
mod frame;
mod geometry;
mod mix;

use colour::change_colours;
use draw::{Change, Rectangle};
use elastic::Field;
use frame::Frame;
use geometry::Bordered;
use mix::{Answers, Mix};

/// Random changes of training pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Augment {
    /// What is drawn, and from which ranges.
    pub changes: config::Augment,
    /// Classes that a mixed picture may have a share of.
    pub classes: usize,
}

/// Changes, pads and normalizes pictures; keeps its planes from picture to picture.
pub(super) struct Changer<'a> {
    augment: &'a config::Augment,
    classes: usize,
    preprocessing: &'a Preprocessing,
    /// The seed and the epoch.
    key: [u64; 2],
    canvas: Canvas,
    frame: Frame,
    table: Table,
    /// Whether pixels may come to lie between pixels.
    resamples: bool,
    colours: Vec<f32>,
    padded: Vec<u8>,
    bordered: Bordered,
    field: Field,
}

impl<'a> Changer<'a> {
    /// Creates one for a seed and an epoch; nothing where nothing changes or samples are no pictures.
    pub(super) fn new(
        augment: &'a Augment,
        preprocessing: &'a Preprocessing,
        key: [u64; 2],
    ) -> Option<Self> {
        if augment.changes == config::Augment::default() {
            return None;
        }
        let frame = Frame::new(preprocessing)?;
        Some(Self {
            augment: &augment.changes,
            classes: augment.classes,
            preprocessing,
            key,
            canvas: Canvas::new(preprocessing),
            table: preprocessing.table(frame.channels),
            frame,
            resamples: draw::resamples(&augment.changes),
            colours: Vec::new(),
            padded: Vec::new(),
            bordered: Bordered::default(),
            field: Field::default(),
        })
    }

    /// Returns what the draws of a sample depend on.
    fn key(&self, sample: usize) -> [u64; 3] {
        let [seed, epoch] = self.key;
        [seed, epoch, sample as u64]
    }

    /// Writes a picture, `[channel, row, column]`, changed as drawn for a sample, padded and normalized.
    pub(super) fn apply(&mut self, picture: &[u8], sample: usize, target: &mut [f32]) {
        let change = Change::draw(self.augment, self.key(sample), self.frame.size());
        let fades = draw::changes_colours(self.augment);
        let touches = change.erased.is_some() || change.noise.is_some();
        if !fades && !touches && !self.resamples {
            self.move_whole(picture, &change, target);
            return;
        }
        self.colours.clear();
        self.colours
            .extend(picture.iter().map(|value| f32::from(*value)));
        if fades {
            change_colours(&mut self.colours, self.frame.channels, &change);
        }
        self.move_between(&change, target);
        if let Some(noise) = change.noise {
            add_noise(target, 255.0 * self.augment.noise, noise);
        }
        if let Some((rectangle, EraseFill::Random, random)) = &change.erased {
            let mut random = random.clone();
            self.erase(target, *rectangle, || random.below(256) as f32);
        }
        self.normalize(target);
        if let Some((rectangle, EraseFill::Zero, _)) = &change.erased {
            self.erase(target, *rectangle, || 0.0);
        }
    }

    /// Mixes each sample of a batch with another of the split, where that is drawn: `inputs` holds the samples one after
    /// another, and classes become shares of classes. The other looks as it does in this epoch by itself.
    ///
    /// # Errors
    /// When the file of the other sample cannot be decoded.
    pub(super) fn mix(
        &mut self,
        samples: &Samples,
        indices: &[usize],
        targets: Targets,
        inputs: &mut [f32],
    ) -> Result<Targets> {
        if !mix::mixes(self.augment) {
            return Ok(targets);
        }
        let mut answers = Answers::new(targets, self.classes);
        let mut other = vec![0.0; self.frame.len()];
        let inputs = inputs.chunks_exact_mut(self.frame.len());
        for (place, (&index, own)) in indices.iter().zip(inputs).enumerate() {
            let mix = Mix::draw(self.augment, self.key(index), samples.len(), &self.frame);
            // A file that is skipped is mixed with nothing.
            let Some(Values::Bytes(bytes)) = samples.values(mix.partner)? else {
                continue;
            };
            self.apply(&bytes, mix.partner, &mut other);
            let share = mix.blend(own, &other, &self.frame);
            answers.blend(place, samples.targets.of(&[mix.partner]), share);
        }
        Ok(answers.into_targets())
    }

    /// Mirrors and shifts by whole pixels, which leaves bytes bytes.
    fn move_whole(&mut self, picture: &[u8], change: &Change, target: &mut [f32]) {
        let fill = self.preprocessing.fill();
        let planes = picture.chunks_exact(self.frame.picture_len());
        let targets = target.chunks_exact_mut(self.frame.plane_len());
        for ((plane, target), table) in planes.zip(targets).zip(&self.table) {
            self.padded.clear();
            self.padded.resize(self.frame.plane_len(), 0);
            self.canvas.place(plane, |value| value, &mut self.padded);
            let map = |value: u8| table[usize::from(value)];
            target.fill(map(fill));
            let write = |value, target: &mut f32| *target = map(value);
            let (flip, shift) = (change.flip, change.shift);
            geometry::move_plane(&self.padded, self.frame.width, flip, shift, write, target);
        }
    }

    /// Moves pixels in one bilinear resample; writes raw values.
    fn move_between(&mut self, change: &Change, target: &mut [f32]) {
        let size = self.frame.size();
        let fill = f32::from(self.preprocessing.fill());
        self.bordered.fill(&self.frame, &self.colours, fill);
        let map = change.map(size);
        if let (Some(elastic), Some(random)) = (self.augment.elastic, change.elastic.clone()) {
            self.field.draw(random, size, elastic);
            let field = &self.field;
            self.bordered
                .resample(&map, |at| field.displacement(at), target);
        } else {
            self.bordered.resample(&map, |_| [0.0, 0.0], target);
        }
    }

    fn normalize(&self, target: &mut [f32]) {
        let planes = target.chunks_exact_mut(self.frame.plane_len());
        for (channel, plane) in planes.enumerate() {
            let normalize = self.preprocessing.normalizer(channel);
            for value in plane {
                *value = normalize(*value);
            }
        }
    }

    fn erase(&self, target: &mut [f32], rectangle: Rectangle, mut value: impl FnMut() -> f32) {
        for plane in target.chunks_exact_mut(self.frame.plane_len()) {
            rectangle.fill(plane, self.frame.width, &mut value);
        }
    }
}

/// Adds Gaussian noise; what leaves the range of bytes is clipped.
fn add_noise(values: &mut [f32], deviation: f64, mut random: Random) {
    for value in values {
        let noisy = f64::from(*value) + deviation * random.normal();
        *value = noisy.clamp(0.0, 255.0) as f32;
    }
}

#[cfg(test)]
#[path = "../augment_golden_tests.rs"]
mod golden_tests;

#[cfg(test)]
#[path = "../augment_tests.rs"]
mod tests;
