//! Where the windows of a convolution lie.

use std::sync::Arc;

use super::Pool;
use crate::kernels::geometry::{Geometry, OUTSIDE};

/// The windows of a convolution in the order in which they are computed; where a pool follows, those of each of
/// its windows side by side.
#[derive(Debug)]
pub(super) struct Places {
    geometry: Arc<Geometry>,
    /// The geometry's table in another order.
    table: Option<Vec<i32>>,
    /// Windows of an image.
    pub(super) count: usize,
    /// For each of them, where it begins in an image, if it lies inside.
    pub(super) origins: Vec<Option<usize>>,
    /// From the beginning of any window that lies inside to what each tap reads.
    pub(super) distances: Vec<usize>,
}

impl Places {
    /// Lays windows out over an image with `stride` values a position.
    pub(super) fn new(geometry: Arc<Geometry>, pool: Option<&Pool>, stride: usize) -> Self {
        let mut places = Self {
            table: pool.map(|pool| by_window(&geometry, &pool.geometry)),
            count: pool.map_or(geometry.output, |pool| {
                pool.geometry.forward.phases[0].table.len()
            }),
            geometry,
            origins: Vec::new(),
            distances: Vec::new(),
        };
        let column = |place: usize| places.table().iter().skip(place).step_by(places.count);
        let is_inside = |place: usize| column(place).all(|position| *position != OUTSIDE);
        let first = |place: usize| column(place).next().map(|at| *at as usize * stride);
        let origins: Vec<Option<usize>> = (0..places.count)
            .map(|place| is_inside(place).then(|| first(place)).flatten())
            .collect();
        // Taps lie at the same distances in every window.
        let inside = origins.iter().position(Option::is_some);
        let distances = inside.map_or(Vec::new(), |place| {
            let begin = origins[place].unwrap_or(0);
            column(place)
                .map(|position| *position as usize * stride - begin)
                .collect()
        });
        places.origins = origins;
        places.distances = distances;
        places
    }

    /// Returns `[taps, windows]`: the position that each tap reads.
    #[inline(always)]
    pub(super) fn table(&self) -> &[i32] {
        let own = &self.geometry.forward.phases[0].table;
        self.table.as_deref().unwrap_or(own)
    }
}

/// Returns the table of a convolution's windows, those of each of a pool's windows side by side.
fn by_window(windows: &Geometry, pool: &Geometry) -> Vec<i32> {
    let own = &windows.forward.phases[0].table;
    let pooled = &pool.forward.phases[0].table;
    let mut table = Vec::with_capacity(own.len());
    for row in own.chunks_exact(windows.output) {
        for window in 0..pool.output {
            let read = pooled.iter().skip(window).step_by(pool.output);
            table.extend(read.map(|place| row[*place as usize]));
        }
    }
    table
}
