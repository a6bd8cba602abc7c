//! Winograd's algorithm against sums in double precision, wherever the rule would take it or not.

use std::process::Command;

use super::function::Function;
use super::geometry::{Axis, Geometry, OUTSIDE};
use super::isa::NAMES;
use super::lanes::{LANES, Layout};
use super::parallel::Shared;
use super::product::Order;
use super::winograd::{Convolution, Plane};
use super::winograd_gradient::OfKernels;
use crate::config::Config;
use crate::plan::{Operation, Plan, WinogradCosts};

/// A convolution of made-up values.
struct Case {
    geometry: std::sync::Arc<Geometry>,
    from: Layout,
    to: Layout,
    x: Vec<f32>,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// Values between -1 and 1 that look random.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

impl Case {
    /// `padding` is before and after the rows, before and after the columns.
    fn new(
        blocks: usize,
        [outputs, inputs]: [usize; 2],
        size: [usize; 2],
        padding: [usize; 4],
    ) -> Option<Self> {
        let axis = |input: usize, before: usize, after: usize| {
            Some(Axis {
                input,
                output: (input + before + after)
                    .checked_sub(2)
                    .filter(|size| *size > 0)?,
                taps: 3,
                stride: 1,
                dilation: 1,
                before,
            })
        };
        let rows = axis(size[0], padding[0], padding[1])?;
        let columns = axis(size[1], padding[2], padding[3])?;
        let from = Layout::new(blocks, rows.input * columns.input, inputs);
        let to = Layout::new(blocks, rows.output * columns.output, outputs);
        Some(Self {
            geometry: Geometry::of(&[rows, columns]),
            x: numbers(blocks * from.positions * from.stride * LANES, 1),
            weights: numbers(outputs * inputs * 9, 2),
            bias: numbers(outputs, 3),
            from,
            to,
        })
    }

    /// Computes it by Winograd's algorithm: the outputs, or from `x` as the gradient of the outputs that
    /// of the inputs. Returns whether all is finite, too.
    fn compute(&self, is_turned: bool, function: Function) -> (Vec<f32>, bool) {
        let plane = Plane::of(self.geometry.axes()).unwrap();
        let forward = Order {
            output: self.from.channels * 9,
            input: 9,
            tap: 1,
        };
        let (plane, order, from, to) = if is_turned {
            let order = Order {
                output: forward.input,
                input: forward.output,
                tap: 1,
            };
            (plane.turned(), order, self.to, self.from)
        } else {
            (plane, forward, self.from, self.to)
        };
        let x = self.x.iter().copied().cycle();
        let x: Vec<f32> = x
            .take(from.blocks * from.positions * from.stride * LANES)
            .collect();
        let mut y = vec![f32::NAN; to.blocks * to.positions * to.stride * LANES];
        let is_finite = Convolution {
            plane,
            weights: &self.weights,
            order,
            is_turned,
            bias: (!is_turned).then_some(&self.bias),
            function,
            source: &x,
            from,
            target: Shared(y.as_mut_ptr()),
            to,
        }
        .compute();
        (y, is_finite)
    }

    /// The same in double precision, product by product.
    fn exact(&self, is_turned: bool) -> Vec<f64> {
        let (from, to) = if is_turned {
            (self.to, self.from)
        } else {
            (self.from, self.to)
        };
        let phase = &self.geometry.forward.phases[0];
        let places = phase.places.len();
        let mut y = vec![0.0; to.blocks * to.positions * to.stride * LANES];
        let x = |at: usize| f64::from(self.x[at % self.x.len()]);
        for block in 0..to.blocks {
            for (index, position) in phase.table.iter().enumerate() {
                if *position == OUTSIDE {
                    continue;
                }
                let (tap, place) = (index / places, index % places);
                let ends = [*position as usize, place];
                let [source, target] = if is_turned { [ends[1], ends[0]] } else { ends };
                for output in 0..to.channels {
                    for input in 0..from.channels {
                        let pair = if is_turned {
                            input * to.channels + output
                        } else {
                            output * from.channels + input
                        };
                        let weight = f64::from(self.weights[pair * 9 + tap]);
                        let target = block * to.positions + target;
                        let source = block * from.positions + source;
                        for lane in 0..LANES {
                            y[(target * to.stride + output) * LANES + lane] +=
                                weight * x((source * from.stride + input) * LANES + lane);
                        }
                    }
                }
            }
        }
        if !is_turned {
            for (at, y) in y.iter_mut().enumerate() {
                let channel = at / LANES % to.stride;
                *y += self.bias.get(channel).copied().map_or(0.0, f64::from);
            }
        }
        y
    }
}

impl Case {
    /// Computes the gradient of the kernels by Winograd's algorithm, from gradients of the outputs.
    fn of_kernels(&self, gradients: &[f32]) -> (Vec<f32>, bool) {
        let plane = Plane::of(self.geometry.axes()).unwrap();
        let mut gradient = vec![f32::NAN; self.weights.len()];
        let is_finite = OfKernels {
            plane,
            inputs: &self.x,
            from: self.from,
            gradients,
            to: self.to,
            order: Order {
                output: self.from.channels * 9,
                input: 9,
                tap: 1,
            },
        }
        .compute(&mut gradient);
        (gradient, is_finite)
    }

    /// The same in double precision, product by product.
    fn exact_of_kernels(&self, gradients: &[f32]) -> Vec<f64> {
        let phase = &self.geometry.forward.phases[0];
        let places = phase.places.len();
        let mut exact = vec![0.0; self.weights.len()];
        for block in 0..self.to.blocks {
            for (index, position) in phase.table.iter().enumerate() {
                if *position == OUTSIDE {
                    continue;
                }
                let (tap, place) = (index / places, index % places);
                let source = (block * self.from.positions + *position as usize) * self.from.stride;
                let target = (block * self.to.positions + place) * self.to.stride;
                for output in 0..self.to.channels {
                    for input in 0..self.from.channels {
                        let of = &mut exact[(output * self.from.channels + input) * 9 + tap];
                        for lane in 0..LANES {
                            *of += f64::from(self.x[(source + input) * LANES + lane])
                                * f64::from(gradients[(target + output) * LANES + lane]);
                        }
                    }
                }
            }
        }
        exact
    }
}

#[test]
fn gradients_of_kernels_are_exact_to_a_few_units() {
    let mut cases = 0;
    for size in [[1, 1], [2, 3], [4, 4], [7, 7], [18, 13]] {
        for padding in [[0; 4], [1; 4], [2, 1, 0, 3]] {
            for (blocks, channels) in [(1, [3, 2]), (5, [8, 5]), (2, [17, 9])] {
                let Some(case) = Case::new(blocks, channels, size, padding) else {
                    continue;
                };
                cases += 1;
                let what = format!("{size:?} {padding:?} {blocks} {channels:?}");
                let values = blocks * case.to.positions * case.to.stride * LANES;
                let mut gradients = numbers(values, 7);
                let (ours, is_finite) = case.of_kernels(&gradients);
                assert!(is_finite, "{what}");
                let exact = case.exact_of_kernels(&gradients);
                let largest = exact.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
                for (ours, exact) in ours.iter().zip(&exact) {
                    let error = (f64::from(*ours) - exact).abs() / largest;
                    assert!(error < 2e-5, "{what}: {ours} is {exact}");
                }
                gradients[0] = f32::INFINITY;
                assert!(!case.of_kernels(&gradients).1, "{what}");
            }
        }
    }
    assert!(cases > 30, "{cases}");
}

fn assert_close(what: &str, to: Layout, ours: &[f32], exact: impl Iterator<Item = f64>) {
    for (at, (ours, exact)) in ours.iter().zip(exact).enumerate() {
        let is_used = at / LANES % to.stride < to.channels;
        assert!(
            !is_used || (f64::from(*ours) - exact).abs() < 2e-4,
            "{what}: {ours} at {at} is {exact}"
        );
    }
}

#[test]
fn sums_are_exact_to_a_few_units_for_every_size_and_padding() {
    let mut cases = 0;
    for size in [[1, 1], [2, 3], [4, 4], [5, 2], [7, 7], [9, 6]] {
        for padding in [[0; 4], [1; 4], [2; 4], [0, 2, 1, 0], [2, 1, 0, 3]] {
            for (blocks, channels) in [(1, [3, 2]), (3, [8, 5]), (2, [17, 9])] {
                let Some(case) = Case::new(blocks, channels, size, padding) else {
                    continue;
                };
                cases += 1;
                let what = format!("{size:?} {padding:?} {blocks} {channels:?}");
                let exact = case.exact(false);
                let (y, is_finite) = case.compute(false, Function::Linear);
                assert!(is_finite, "{what}");
                assert_close(&what, case.to, &y, exact.iter().copied());
                let (y, _) = case.compute(false, Function::Relu);
                assert_close(&what, case.to, &y, exact.iter().map(|y| y.max(0.0)));
                let (y, _) = case.compute(false, Function::Tanh);
                assert_close(&what, case.to, &y, exact.iter().map(|y| y.tanh()));
                let (x, is_finite) = case.compute(true, Function::Linear);
                assert!(is_finite, "{what}");
                assert_close(&what, case.from, &x, case.exact(true).into_iter());
            }
        }
    }
    assert!(cases > 70, "{cases}");
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    // One chunk whose steps are shared out, and many chunks.
    for (blocks, channels, size) in [(1, [24, 20], [7, 6]), (6, [8, 8], [17, 18])] {
        let case = Case::new(blocks, channels, size, [1; 4]).unwrap();
        let gradients = numbers(blocks * case.to.positions * case.to.stride * LANES, 7);
        let mut results = [1, 2, 4].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.unwrap();
            let (y, _) = pool.install(|| case.compute(false, Function::Linear));
            let (of_kernels, _) = pool.install(|| case.of_kernels(&gradients));
            let used = y.chunks(case.to.stride * LANES);
            let used = used.flat_map(|row| &row[..case.to.channels * LANES]);
            let all = used.chain(&of_kernels);
            all.map(|y| y.to_bits()).collect::<Vec<u32>>()
        });
        let first = results[0].clone();
        assert!(
            results.iter_mut().all(|result| *result == first),
            "{size:?}"
        );
    }
}

#[test]
fn what_is_not_finite_is_seen_wherever_it_stands() {
    let mut case = Case::new(2, [5, 4], [6, 5], [1; 4]).unwrap();
    for lost in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for position in 0..case.from.blocks * case.from.positions {
            let at = (position * case.from.stride + position % 4) * LANES + position % LANES;
            let before = std::mem::replace(&mut case.x[at], lost);
            for function in [Function::Linear, Function::Relu] {
                assert!(!case.compute(false, function).1, "{lost} at {position}");
            }
            case.x[at] = before;
        }
        for weight in 0..9 {
            let before = std::mem::replace(&mut case.weights[weight * 9 + weight], lost);
            assert!(
                !case.compute(false, Function::Linear).1,
                "{lost}, tap {weight}"
            );
            case.weights[weight * 9 + weight] = before;
        }
    }
    assert!(case.compute(false, Function::Linear).1);
}

#[test]
fn it_is_taken_where_it_pays() {
    let costs = |blocks, channels, size: usize, padding| {
        let case = Case::new(blocks, channels, [size; 2], [padding; 4]).unwrap();
        let plane = Plane::of(case.geometry.axes()).unwrap();
        let reads = case.geometry.forward.phases[0].table.iter();
        let reads = reads.filter(|position| **position != OUTSIDE).count();
        plane.costs(blocks, channels, blocks * reads)
    };
    let pays = |blocks, channels, size, padding| costs(blocks, channels, size, padding).pays();
    assert!(pays(1, [32, 32], 12, 1) && pays(3, [32, 32], 8, 1));
    assert!(pays(4, [256, 256], 8, 1) && pays(8, [16, 16], 32, 1));
    // Too few channels for the transforms, too few tiles for the kernels, tiles that are mostly empty.
    assert!(!pays(8, [32, 3], 32, 1) && !pays(4, [512, 512], 4, 1) && !pays(8, [512, 512], 2, 1));
    let of_kernels = |blocks, channels, size| costs(blocks, channels, size, 1).pays_for_kernels();
    assert!(of_kernels(1, [64, 64], 16) && of_kernels(4, [256, 256], 8));
    // Sums over few tiles, transforms of many channels for few pairs.
    assert!(!of_kernels(4, [512, 512], 4) && !of_kernels(8, [16, 16], 32));
}

#[test]
fn the_plan_counts_as_the_kernels_do() {
    let mut cases = 0;
    for size in [[1, 1], [2, 3], [7, 7], [18, 13]] {
        for padding in [[0; 4], [1; 4], [2, 1, 0, 5]] {
            let Some(case) = Case::new(2, [8, 5], size, padding) else {
                continue;
            };
            cases += 1;
            let ([rows, columns], [top, bottom, left, right]) = (size, padding);
            let layer = format!(
                r#"{{ type = "conv", filters = 8, kernel_size = 3, padding = [[{top}, {bottom}], [{left}, {right}]] }}"#
            );
            let text = format!("[model]\ninput = [5, {rows}, {columns}]\nlayers = [{layer}]");
            let config = Config::parse("plan.toml", &text, &[]).config.unwrap();
            let plan = Plan::new(&config.model).unwrap();
            let Operation::Conv(conv) = &plan.layers[0].operation else {
                unreachable!("{layer}")
            };
            let plane = Plane::of(case.geometry.axes()).unwrap();
            let kernels = plane.costs(2, [8, 5], 2 * case.geometry.reads);
            let planned = WinogradCosts::of(conv, &plan.layers[0].output, 17);
            assert_eq!(planned, Some(kernels), "{size:?} {layer}");
        }
    }
    assert!(cases > 8, "{cases}");
}

#[test]
fn every_set_of_instructions_does_so() {
    let module = module_path!().split_once("::").map_or("", |(_, path)| path);
    for (name, _) in NAMES.into_iter().filter(|(_, isa)| isa.is_here()) {
        let tests = [
            "gradients_of_kernels_are_exact_to_a_few_units",
            "sums_are_exact_to_a_few_units_for_every_size_and_padding",
            "the_number_of_threads_changes_no_bit",
            "what_is_not_finite_is_seen_wherever_it_stands",
        ];
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(tests.map(|test| format!("{module}::{test}")));
        let output = command
            .arg("--exact")
            .env("CNN_ISA", name)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("4 passed"),
            "{name}: {said}"
        );
    }
}
