//! Which position of the input each tap of a window reads, for every position of the output.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// One dimension of a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Axis {
    /// Length of the input.
    pub input: usize,
    /// Length of the output.
    pub output: usize,
    /// Taps of the window.
    pub taps: usize,
    /// Steps between windows.
    pub stride: usize,
    /// Steps between taps.
    pub dilation: usize,
    /// Padding before the input.
    pub before: usize,
}

/// The windows of an operation over any number of dimensions.
#[derive(Debug)]
pub struct Geometry {
    /// Positions of the input.
    pub(super) input: usize,
    /// Positions of the output.
    pub(super) output: usize,
    /// Taps of a window.
    pub(super) taps: usize,
    /// Positions that all taps of all windows read.
    pub(super) reads: usize,
    /// Whether no position of the input is read twice.
    pub(super) is_disjoint: bool,
    /// Whether every position of the input is read.
    pub(super) is_covering: bool,
    /// Each position of the output reads the input.
    pub(super) forward: Gather,
    axes: Vec<Axis>,
    backward: OnceLock<Gather>,
}

/// For each position of a target, the positions of a source that its taps read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gather {
    /// Together they hold each position of the target once.
    pub(super) phases: Vec<Phase>,
}

/// Positions of the target that are reached by the same taps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Phase {
    /// Taps, counted over the whole window.
    pub(super) taps: Vec<usize>,
    /// Positions of the target.
    pub(super) places: Vec<u32>,
    /// `[taps, places]`: the position of the source, or [`OUTSIDE`].
    pub(super) table: Vec<i32>,
    /// For each tap the same as stretches of places side by side, without those outside.
    pub(super) runs: Vec<Vec<Run>>,
}

/// Places side by side, and the positions at even steps that a tap reads for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// First place, counted within its phase.
    pub(super) place: usize,
    pub(super) length: usize,
    /// Position that the first place reads.
    pub(super) position: usize,
    /// Positions from one place's to the next's.
    pub(super) step: usize,
}

/// No position: what a tap reads there is zero.
pub(super) const OUTSIDE: i32 = -1;

/// Geometries laid out before: every step asks for the same ones.
static KNOWN: Mutex<Option<HashMap<Vec<Axis>, Arc<Geometry>>>> = Mutex::new(None);
/// Geometries remembered at most.
const REMEMBERED: usize = 1024;

impl Geometry {
    /// Lays out windows over the dimensions `axes`, outermost first.
    #[must_use]
    pub fn of(axes: &[Axis]) -> Arc<Self> {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        if let Some(geometry) = known.get(axes) {
            return Arc::clone(geometry);
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let geometry = Arc::new(Self::new(axes));
        known.insert(axes.to_vec(), Arc::clone(&geometry));
        geometry
    }

    /// Lays out one window over all positions.
    #[must_use]
    pub fn whole(positions: usize) -> Arc<Self> {
        Self::of(&[Axis {
            input: positions,
            output: 1,
            taps: positions,
            stride: 1,
            dilation: 1,
            before: 0,
        }])
    }

    /// Returns the positions of the output.
    #[must_use]
    pub fn output(&self) -> usize {
        self.output
    }

    /// Returns whether no window reaches beyond the input.
    pub(super) fn is_inside(&self) -> bool {
        let mut tables = self.forward.phases.iter().flat_map(|phase| &phase.table);
        tables.all(|position| *position != OUTSIDE)
    }

    /// Returns the dimensions, outermost first.
    pub(super) fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Each position of the input reads the output: the transpose of [`Geometry::forward`], made when it is
    /// first asked for, as pools never do.
    pub(super) fn backward(&self) -> &Gather {
        self.backward.get_or_init(|| Gather::backward(&self.axes))
    }

    fn new(axes: &[Axis]) -> Self {
        let product = |of: fn(&Axis) -> usize| axes.iter().map(of).product();
        let forward = Gather::forward(axes);
        let mut reads = vec![0_usize; product(|axis| axis.input)];
        for position in forward.phases.iter().flat_map(|phase| &phase.table) {
            if let Some(count) = usize::try_from(*position)
                .ok()
                .and_then(|at| reads.get_mut(at))
            {
                *count += 1;
            }
        }
        Self {
            reads: reads.iter().sum(),
            is_disjoint: reads.iter().all(|count| *count <= 1),
            is_covering: reads.iter().all(|count| *count >= 1),
            input: product(|axis| axis.input),
            output: product(|axis| axis.output),
            taps: product(|axis| axis.taps),
            forward,
            axes: axes.to_vec(),
            backward: OnceLock::new(),
        }
    }
}

impl Gather {
    fn forward(axes: &[Axis]) -> Self {
        let outputs: Vec<usize> = axes.iter().map(|axis| axis.output).collect();
        let places = (0..outputs.iter().product()).collect();
        let taps = (0..axes.iter().map(|axis| axis.taps).product()).collect();
        let reads = |axis: &Axis, place: usize, tap: usize| {
            let at = (place * axis.stride + tap * axis.dilation).checked_sub(axis.before)?;
            (at < axis.input).then_some(at)
        };
        let inputs: Vec<usize> = axes.iter().map(|axis| axis.input).collect();
        Self {
            phases: vec![Phase::new(axes, places, taps, (&outputs, &inputs), reads)],
        }
    }

    /// Groups the positions of the input by their distance from the stride's grid: each group is
    /// reached by taps of its own, and those alone.
    fn backward(axes: &[Axis]) -> Self {
        let inputs: Vec<usize> = axes.iter().map(|axis| axis.input).collect();
        let outputs: Vec<usize> = axes.iter().map(|axis| axis.output).collect();
        let kernel: Vec<usize> = axes.iter().map(|axis| axis.taps).collect();
        let strides: Vec<usize> = axes.iter().map(|axis| axis.stride).collect();
        let reads = |axis: &Axis, place: usize, tap: usize| {
            let at = (place + axis.before).checked_sub(tap * axis.dilation)?;
            let place = at / axis.stride;
            (at % axis.stride == 0 && place < axis.output).then_some(place)
        };
        let mut phases = Vec::new();
        for phase in 0..strides.iter().product() {
            let offsets = coordinates(phase, &strides);
            let on_grid = |index: usize, sizes: &[usize], step: fn(&Axis, usize) -> usize| {
                let point = coordinates(index, sizes);
                let mut parts = axes.iter().zip(point).zip(&offsets);
                parts.all(|((axis, at), offset)| step(axis, at) % axis.stride == *offset)
            };
            let places: Vec<usize> = (0..inputs.iter().product())
                .filter(|place| on_grid(*place, &inputs, |axis, at| at + axis.before))
                .collect();
            let taps = (0..kernel.iter().product())
                .filter(|tap| on_grid(*tap, &kernel, |axis, at| at * axis.dilation))
                .collect();
            if !places.is_empty() {
                phases.push(Phase::new(axes, places, taps, (&inputs, &outputs), reads));
            }
        }
        Self { phases }
    }
}

impl Phase {
    fn new(
        axes: &[Axis],
        places: Vec<usize>,
        taps: Vec<usize>,
        (target, source): (&[usize], &[usize]),
        reads: impl Fn(&Axis, usize, usize) -> Option<usize>,
    ) -> Self {
        let kernel: Vec<usize> = axes.iter().map(|axis| axis.taps).collect();
        let points: Vec<Vec<usize>> = places.iter().map(|at| coordinates(*at, target)).collect();
        let mut table = Vec::with_capacity(taps.len() * places.len());
        for tap in &taps {
            let tap = coordinates(*tap, &kernel);
            table.extend(points.iter().map(|point| {
                let mut position = 0;
                for (index, axis) in axes.iter().enumerate() {
                    match reads(axis, point[index], tap[index]) {
                        Some(at) => position = position * source[index] + at,
                        None => return OUTSIDE,
                    }
                }
                i32::try_from(position).unwrap_or(OUTSIDE)
            }));
        }
        let rows = table.chunks(places.len().max(1));
        Self {
            runs: rows.map(runs).collect(),
            taps,
            places: places.into_iter().map(|place| place as u32).collect(),
            table,
        }
    }
}

/// Returns the stretches of a row of the table.
fn runs(row: &[i32]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (place, position) in row.iter().enumerate() {
        let Ok(position) = usize::try_from(*position) else {
            continue;
        };
        let open = runs
            .last_mut()
            .filter(|run| run.place + run.length == place);
        match open {
            Some(run) if run.length == 1 && position > run.position => {
                run.step = position - run.position;
                run.length = 2;
            }
            Some(run) if run.position + run.length * run.step == position => run.length += 1,
            _ => runs.push(Run {
                place,
                length: 1,
                position,
                step: 0,
            }),
        }
    }
    runs
}

/// Returns the coordinates of a position in a grid of `sizes`, outermost first.
fn coordinates(position: usize, sizes: &[usize]) -> Vec<usize> {
    let mut rest = position;
    let mut point = vec![0; sizes.len()];
    for (coordinate, size) in point.iter_mut().zip(sizes).rev() {
        *coordinate = rest % size;
        rest /= size;
    }
    point
}
