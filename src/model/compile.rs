//! A network as a program for answers: layers become stages, and what follows a convolution becomes a part of it.

use std::collections::HashMap;
use std::sync::Arc;

use burn::tensor::Device;

use super::Value;
use super::kind::{AnyLayer, each};
use super::pad::positions_of;
use super::sequence::Flow;
use crate::kernels::program::{
    Affine, Concat, Convolve, Depthwise, Draft, Fold, Inputs, Join, Line, Move, Pool, Program,
    Rows, Source, Stage, Winograd,
};
use crate::kernels::{Function, Geometry};

/// Values on their way through a program that is being written.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    number: usize,
    /// The shape of a sample, channels in front.
    pub(super) shape: Vec<usize>,
}

impl Wire {
    /// Takes maps as a row.
    pub(super) fn flat(&self) -> Self {
        Self {
            number: self.number,
            shape: vec![self.shape.iter().product()],
        }
    }
}

/// Writes a program.
#[derive(Debug)]
pub(super) struct Compiler {
    draft: Draft,
    has_border: bool,
    /// A convolution that takes what follows it in.
    open: Option<Open>,
    /// The number of the layer at work.
    pub(super) layer: usize,
    /// Outputs that a later `merge` takes, by the layer's number.
    pub(super) kept: HashMap<usize, Wire>,
    device: Device,
}

/// A convolution that may take in what follows it.
#[derive(Debug)]
struct Open {
    layer: usize,
    input: usize,
    /// How its input is taken.
    from: Rows,
    output: usize,
    geometry: Arc<Geometry>,
    source: Source,
    is_depthwise: bool,
    shortcut: Option<usize>,
    function: Function,
    pool: Option<Pool>,
}

impl Compiler {
    /// Begins with images of a shape, to which a border of zeros is added: the padding of a convolution
    /// that alone reads them.
    pub(super) fn new(shape: &[usize], border: &[[usize; 2]], device: &Device) -> (Self, Wire) {
        let mut draft = Draft::default();
        let mut wide = shape.to_vec();
        let mut lines: Vec<Vec<Option<usize>>> = Vec::new();
        for (index, size) in shape.iter().enumerate().skip(1) {
            let [before, after] = border.get(index - 1).copied().unwrap_or([0, 0]);
            wide[index] = before + size + after;
            lines.push((before..before + size).map(Some).collect());
        }
        let channels = shape.first().copied().unwrap_or(1);
        let positions = wide.iter().skip(1).product();
        let number = draft.value(Rows::compact(positions, channels));
        let inner = positions_of(wide.get(1..).unwrap_or_default(), &lines);
        draft.set_input(number, inner.into_iter().flatten().collect());
        let wire = Wire {
            number,
            shape: wide,
        };
        let compiler = Self {
            draft,
            has_border: !border.is_empty(),
            open: None,
            layer: 0,
            kept: HashMap::new(),
            device: device.clone(),
        };
        (compiler, wire)
    }

    /// Ends with an answer.
    pub(super) fn finish(mut self, output: Wire) -> Program {
        let output = self.lined(output);
        self.close();
        Program::new(self.draft, output.number)
    }

    /// Returns whether values have the padding of the convolution that reads them.
    pub(super) fn is_bordered(&self, wire: &Wire) -> bool {
        self.has_border && wire.number == 0
    }

    /// Adds a convolution, which waits for what follows; its input is taken to lie as `from`.
    pub(super) fn convolve(
        &mut self,
        (input, from): (&Wire, Rows),
        geometry: Arc<Geometry>,
        source: Source,
        extents: &[usize],
    ) -> Wire {
        self.close();
        let outputs = source.counts[0] * source.groups;
        let is_depthwise = source.is_depthwise();
        let output = self.draft.value(Rows::new(geometry.output(), outputs));
        self.open = Some(Open {
            layer: self.layer,
            input: input.number,
            from,
            output,
            geometry,
            source,
            is_depthwise,
            shortcut: None,
            function: Function::Linear,
            pool: None,
        });
        Wire {
            number: output,
            shape: [&[outputs], extents].concat(),
        }
    }

    /// Multiplies channels and moves them.
    pub(super) fn scale(&mut self, input: Wire, fold: &Fold) -> Wire {
        // After `flatten` there is a factor for every value of a map, not for every map.
        if let Some(open) = self.open_at(&input)
            && open.shortcut.is_none()
            && fold.scale.len() == open.source.counts[0] * open.source.groups
        {
            open.source.fold(fold);
            return input;
        }
        let input = self.lined(input);
        let input = self.whole(input);
        let rows = self.rows(&input);
        let stage = Affine::of_channels(rows, &fold.scale, &fold.shift, Function::Linear);
        let shape = input.shape.clone();
        self.stage(stage, &[&input], rows, shape)
    }

    /// Puts every value through a function.
    pub(super) fn activate(&mut self, input: Wire, function: Function) -> Wire {
        if function == Function::Linear {
            return input;
        }
        if let Some(open) = self.open_at(&input) {
            open.function = function;
            return input;
        }
        let input = self.whole(input);
        let rows = self.rows(&input);
        let shape = input.shape.clone();
        self.stage(Affine::joined(rows, None, function), &[&input], rows, shape)
    }

    /// Adds values of the same shape.
    pub(super) fn add(&mut self, one: Wire, other: Wire) -> Wire {
        for (wire, shortcut) in [(&one, &other), (&other, &one)] {
            let same = wire.number != shortcut.number && self.rows(wire) == self.rows(shortcut);
            let shortcut = shortcut.number;
            if same
                && let Some(open) = self.open_at(wire)
                && open.shortcut.is_none()
                && !open.is_depthwise
            {
                open.shortcut = Some(shortcut);
                return wire.clone();
            }
        }
        self.join(one, other, Join::Add)
    }

    /// Joins values of the same shape, or maps with one value for each.
    pub(super) fn join(&mut self, one: Wire, other: Wire, join: Join) -> Wire {
        let [one, other] = [one, other].map(|wire| {
            let wire = self.lined(wire);
            self.whole(wire)
        });
        let rows = self.rows(&one);
        let shape = one.shape.clone();
        let stage = Affine::joined(rows, Some(join), Function::Linear);
        self.stage(stage, &[&one, &other], rows, shape)
    }

    /// Pools, within the convolution that made the values where that can be.
    pub(super) fn pool(&mut self, pool: Pool, input: &Wire, shape: Vec<usize>) -> Wire {
        let to = pool.to;
        if Convolve::takes(&pool)
            && let Some(open) = &mut self.open
            && open.output == input.number
            && open.pool.is_none()
            && open.shortcut.is_none()
            && !open.is_depthwise
        {
            open.pool = Some(pool);
            self.draft.set_rows(input.number, to);
            let number = input.number;
            return Wire { number, shape };
        }
        self.stage(pool, &[input], to, shape)
    }

    /// Puts channels side by side, those of one value after the other.
    pub(super) fn concat(&mut self, wires: Vec<Wire>) -> Wire {
        let wires: Vec<Wire> = wires.into_iter().map(|wire| self.lined(wire)).collect();
        let from: Vec<Rows> = wires.iter().map(|wire| self.rows(wire)).collect();
        let channels = from.iter().map(|rows| rows.channels).sum();
        let positions = from.first().map_or(1, |rows| rows.positions);
        let extents = wires.first().map_or(&[][..], |wire| &wire.shape[1..]);
        let shape = [&[channels], extents].concat();
        let to = Rows::new(positions, channels);
        let inputs: Vec<&Wire> = wires.iter().collect();
        self.stage(Concat { from, to }, &inputs, to, shape)
    }

    /// Adds a stage that computes new values.
    pub(super) fn stage(
        &mut self,
        stage: impl Stage + 'static,
        inputs: &[&Wire],
        rows: Rows,
        shape: Vec<usize>,
    ) -> Wire {
        self.close();
        let number = self.draft.value(rows);
        let inputs: Vec<usize> = inputs.iter().map(|wire| wire.number).collect();
        self.draft.stage(self.layer, stage, &inputs, number);
        Wire { number, shape }
    }

    /// Moves positions and channels, with zeros where nothing comes.
    pub(super) fn moved(
        &mut self,
        input: Wire,
        positions: Vec<Option<usize>>,
        channels: (usize, usize),
        shape: Vec<usize>,
    ) -> Wire {
        let input = self.lined(input);
        let from = self.rows(&input);
        let to = Rows::new(positions.len(), shape.first().copied().unwrap_or(1));
        let stage = Move {
            positions,
            channels,
            from,
            to,
        };
        self.stage(stage, &[&input], to, shape)
    }

    /// Adds a layer that has no stage of its own: it runs as Burn's operations.
    pub(super) fn other(&mut self, input: Wire, kind: &AnyLayer, output: &[usize]) -> Wire {
        let input = self.lined(input);
        let channels = output.first().copied().unwrap_or(1);
        let to = Rows::new(output.iter().skip(1).product(), channels);
        let stage = Other {
            kind: kind.clone(),
            shape: input.shape.clone(),
            from: self.rows(&input),
            to,
            device: self.device.clone(),
        };
        self.stage(stage, &[&input], to, output.to_vec())
    }

    /// Returns how values lie.
    pub(super) fn rows(&self, wire: &Wire) -> Rows {
        self.draft.rows(wire.number)
    }

    /// Lets a convolution take nothing more in, before several layers read it.
    pub(super) fn close(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        let (from, to) = (open.from, self.draft.rows(open.output));
        if open.is_depthwise {
            let stage = Depthwise::new(open.geometry, from, &open.source, open.function);
            let inputs = [open.input];
            self.draft.stage(open.layer, stage, &inputs, open.output);
            return;
        }
        let inputs: Vec<usize> = [open.input].into_iter().chain(open.shortcut).collect();
        let adds = open.shortcut.is_some();
        let filters = open.source.pack();
        let Some(plane) = Winograd::plane(&open.geometry, from, &open.source) else {
            let follows = (adds, open.function, open.pool);
            let stage = Convolve::new(open.geometry, [from, to], filters, follows);
            self.draft.stage(open.layer, stage, &inputs, open.output);
            return;
        };
        // Tiles and the windows of a pool need not lie over each other.
        let whole = open.pool.as_ref().map_or(to, |pool| pool.from);
        let output = match &open.pool {
            Some(_) => self.draft.value(whole),
            None => open.output,
        };
        let follows = (adds, open.function, None);
        let direct = Convolve::new(open.geometry, [from, whole], filters, follows);
        let stage = Winograd::new(plane, direct, &open.source);
        self.draft.stage(open.layer, stage, &inputs, output);
        if let Some(pool) = open.pool {
            self.draft.stage(open.layer, pool, &[output], open.output);
        }
    }

    /// Returns the convolution that made the values, if it still takes something in.
    fn open_at(&mut self, wire: &Wire) -> Option<&mut Open> {
        let open = self.open.as_mut()?;
        let is_linear = open.function == Function::Linear && open.pool.is_none();
        (open.output == wire.number && is_linear).then_some(open)
    }

    /// Makes a flattened map the row that it is taken for.
    pub(super) fn lined(&mut self, input: Wire) -> Wire {
        let from = self.rows(&input);
        if input.shape.len() > 1 || from.positions == 1 {
            return input;
        }
        let to = Rows::new(1, from.positions * from.channels);
        let shape = input.shape.clone();
        self.stage(Line { from, to }, &[&input], to, shape)
    }

    /// Fills up the last register of every position.
    pub(super) fn whole(&mut self, input: Wire) -> Wire {
        let from = self.rows(&input);
        let to = Rows::new(from.positions, from.channels);
        if from == to {
            return input;
        }
        let positions = (0..from.positions).map(Some).collect();
        let stage = Move {
            positions,
            channels: (0, 0),
            from,
            to,
        };
        let shape = input.shape.clone();
        self.stage(stage, &[&input], to, shape)
    }
}

/// A layer that has no stage of its own.
#[derive(Debug)]
struct Other {
    kind: AnyLayer,
    /// The shape of a sample.
    shape: Vec<usize>,
    from: Rows,
    to: Rows,
    device: Device,
}

impl Stage for Other {
    fn run(&self, images: usize, inputs: Inputs<'_>, output: &mut [f32]) {
        let size = self.from.positions * self.from.channels;
        let mut plain = vec![0.0; images * size];
        let rows = inputs.get(0).chunks_exact(self.from.values());
        for (rows, plain) in rows.zip(plain.chunks_exact_mut(size)) {
            self.from.unpack(rows, plain);
        }
        let value = Value::of_inputs(plain, &self.shape, &self.device);
        let value = each!(&self.kind, kind => kind.forward(value, &mut Flow::plain()));
        let size = self.to.positions * self.to.channels;
        let plain = value.plain().into_row().into_data();
        let plain: Vec<f32> = plain.iter().collect();
        output.fill(0.0);
        let rows = output.chunks_exact_mut(self.to.values());
        for (plain, rows) in plain.chunks_exact(size).zip(rows) {
            self.to.pack(plain, rows);
        }
    }
}
