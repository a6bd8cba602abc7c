//! The modules of a network, each with its name, and the weights by the names that follow from these.

use std::collections::{BTreeSet, HashMap};

use super::super::network::{Network, mask, missing};

use super::keys::Keys;
use super::layers::{Piece, pieces};
use crate::config::Join;
use crate::diagnostic::Result;
use crate::model::NamedWeight;
use crate::plan::{Branches, Layer, Merge, Operation, Over, Residual};
use crate::shape::turned;

/// What makes a module.
#[derive(Debug)]
pub(super) enum Module {
    /// A call, written out.
    Call(String),
    /// Modules one after the other.
    Sequence(Vec<Child>),
    /// A call with modules as its arguments, each with its keyword if it takes one.
    Holder(&'static str, Vec<(&'static str, Self)>),
    /// A table of modules, which the program takes apart itself.
    Table(Vec<(&'static str, Self)>),
    /// A list of modules, which the program takes apart itself.
    List(Vec<Self>),
}

/// A module with its name.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) key: String,
    pub(super) module: Module,
}

/// A network as modules.
#[derive(Debug, Default)]
pub(in super::super) struct Tree {
    /// The modules in order.
    pub(super) children: Vec<Child>,
    /// The lines that compute with them, if they do not just follow each other.
    pub(super) steps: Vec<String>,
    /// What `helpers.py` holds of them.
    pub(super) helpers: BTreeSet<&'static str>,
    /// The weights.
    pub(in super::super) weights: Vec<NamedWeight>,
    /// Counters of batches, which PyTorch's normalizations have.
    pub(in super::super) counters: Vec<String>,
}

/// Where a list of layers stands: in the names of weights here, in those of the modules, and in the program, if it takes the
/// list apart.
#[derive(Clone)]
struct Place {
    ours: String,
    theirs: String,
    access: Option<String>,
}

impl Place {
    fn within(&self, ours: &str, theirs: &str, access: Option<String>) -> Self {
        Self {
            ours: format!("{}{ours}.", self.ours),
            theirs: format!("{}{theirs}.", self.theirs),
            access,
        }
    }
}

struct Builder {
    network: Network,
    tree: Tree,
    /// What the program calls the outputs that a `merge` takes, by [`Layer::index`].
    kept: HashMap<usize, String>,
}

impl Tree {
    /// Finds the modules of a network, and takes its weights.
    ///
    /// # Errors
    /// When a weight is missing.
    pub(in super::super) fn new(mut network: Network) -> Result<Self> {
        let layers = std::mem::take(&mut network.plan.layers);
        let outputs = layers.last().map_or(1, |layer| layer.output.len());
        let mut builder = Builder {
            network,
            tree: Self::default(),
            kept: HashMap::new(),
        };
        let place = Place {
            ours: String::new(),
            theirs: String::new(),
            access: merges(&layers).then(|| "self".to_owned()),
        };
        let (mut children, mut keys) = builder.list(&layers, &place)?;
        if outputs > 1 {
            // An answer is a row of logits.
            let key = keys.unique("flatten");
            if place.access.is_some() {
                builder.step(format!("x = self[{}](x)  # {key}", children.len()));
            }
            let module = Module::Call("nn.Flatten()".to_owned());
            children.push(Child { key, module });
        }
        builder.tree.children = children;
        Ok(builder.tree)
    }
}

/// Returns whether a layer of a list, or within one, takes the output of an earlier one, or its output is taken.
fn merges(layers: &[Layer]) -> bool {
    layers.iter().any(|layer| {
        layer.is_kept
            || matches!(layer.operation, Operation::Merge(_))
            || layer.operation.lists().into_iter().any(merges)
    })
}

impl Builder {
    fn step(&mut self, line: String) {
        self.tree.steps.push(line);
    }

    fn helper(&mut self, name: &'static str) {
        self.tree.helpers.insert(name);
    }

    fn list(&mut self, layers: &[Layer], place: &Place) -> Result<(Vec<Child>, Keys)> {
        let (mut keys, names) = Keys::of(layers);
        let mut children = Vec::new();
        for (layer, name) in layers.iter().zip(names) {
            let first = children.len();
            let access = place.access.as_ref();
            let inner = access.filter(|_| merges(std::slice::from_ref(layer)));
            let inner = inner.map(|access| format!("{access}[{first}]"));
            let held = match &layer.operation {
                Operation::Residual(residual) => {
                    let place = place.within(layer.key(), &name, inner);
                    Some(self.residual(residual, layer, &place)?)
                }
                Operation::Branches(branches) => {
                    let place = place.within(layer.key(), &name, inner);
                    Some(self.branches(branches, layer, &place)?)
                }
                Operation::Merge(merge) => {
                    let line = self.merged(merge)?;
                    self.step(line);
                    None
                }
                _ => None,
            };
            let is_taken_apart = matches!(held, Some(Module::Table(_)));
            if let Some(module) = held {
                let key = name.clone();
                self.own_weights(layer, place, &key, &key)?;
                children.push(Child { key, module });
            } else {
                self.plain(layer, &name, place, &mut keys, &mut children)?;
            }
            if let Some(access) = access
                && !is_taken_apart
            {
                for (index, child) in children.iter().enumerate().skip(first) {
                    self.step(format!("x = {access}[{index}](x)  # {}", child.key));
                }
            }
            if layer.is_kept {
                let kept = self.keep(layer);
                self.step(format!("{kept} = x"));
                self.kept.insert(layer.index, kept);
            }
        }
        Ok((children, keys))
    }

    /// Finds a word for the output of a layer that is taken later.
    fn keep(&self, layer: &Layer) -> String {
        let word = |name: &String| {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let word = format!("of_{}", name.replace('-', "_"));
            let is_new = self.kept.values().all(|kept| *kept != word);
            (word.chars().all(fits) && is_new).then_some(word)
        };
        let named = layer.name.as_ref().and_then(word);
        named.unwrap_or_else(|| format!("out{}", layer.index))
    }

    /// Adds the modules of a layer that holds no others.
    fn plain(
        &mut self,
        layer: &Layer,
        name: &str,
        place: &Place,
        keys: &mut Keys,
        children: &mut Vec<Child>,
    ) -> Result<()> {
        let mut activation = name.to_owned();
        for piece in pieces(layer) {
            if let Some(helper) = piece.helper {
                self.helper(helper);
            }
            let key = match piece.suffix {
                "" => name.to_owned(),
                suffix => keys.unique(&format!("{name}_{suffix}")),
            };
            if piece.is_activation() {
                activation.clone_from(&key);
            }
            let module = Module::Call(piece.code);
            children.push(Child { key, module });
        }
        self.own_weights(layer, place, name, &activation)
    }

    /// Takes the weights of a layer itself; those of its activation may have a module of their own.
    fn own_weights(
        &mut self,
        layer: &Layer,
        place: &Place,
        own: &str,
        activation: &str,
    ) -> Result<()> {
        let (ours, theirs) = (&place.ours, &place.theirs);
        for (name, _) in layer.operation.own_weights() {
            let mut weight = self
                .network
                .take(&format!("{ours}{}.{name}", layer.key()))?;
            lay_out(&mut weight, &layer.operation);
            weight.name = match name.strip_prefix("activation.") {
                Some(rest) if activation != own => format!("{theirs}{activation}.{rest}"),
                _ => format!("{theirs}{own}.{name}"),
            };
            self.tree.weights.push(weight);
        }
        if let Operation::Norm(norm) = &layer.operation
            && matches!(norm.over, Over::Batch { .. })
        {
            let counter = format!("{theirs}{own}.num_batches_tracked");
            self.tree.counters.push(counter);
        }
        Ok(())
    }

    fn residual(&mut self, residual: &Residual, layer: &Layer, place: &Place) -> Result<Module> {
        let index = layer.index;
        let access = |key: &str| {
            place
                .access
                .as_ref()
                .map(|access| format!("{access}[\"{key}\"]"))
        };
        if place.access.is_some() {
            self.step(format!("in{index} = x"));
        }
        let inner = place.within("layers", "layers", access("layers"));
        let (layers, _) = self.list(&residual.layers, &inner)?;
        if place.access.is_some() {
            self.step(format!("sum{index} = x"));
            self.step(format!("x = in{index}"));
        }
        let inner = place.within("shortcut", "shortcut", access("shortcut"));
        let (shortcut, _) = self.list(&residual.shortcut, &inner)?;
        let mut held = vec![("layers", Module::Sequence(layers))];
        if !shortcut.is_empty() {
            held.push(("shortcut", Module::Sequence(shortcut)));
        }
        let mut sum = format!("sum{index} + x");
        if let Some(function) = residual.activation {
            let piece = Piece::function(function);
            if let Some(helper) = piece.helper {
                self.helper(helper);
            }
            held.push(("activation", Module::Call(piece.code)));
            if let Some(activation) = access("activation") {
                sum = format!("{activation}({sum})");
            }
        }
        if place.access.is_some() {
            self.step(format!("x = {sum}"));
            return Ok(Module::Table(held));
        }
        self.helper("Residual");
        Ok(Module::Holder("Residual", held))
    }

    fn branches(&mut self, branches: &Branches, layer: &Layer, place: &Place) -> Result<Module> {
        let index = layer.index;
        if place.access.is_some() {
            self.step(format!("in{index} = x"));
        }
        let mut held = Vec::new();
        let mut ends = Vec::new();
        for (number, list) in branches.branches.iter().enumerate() {
            let key = format!("branches.{number}");
            let access = place.access.as_ref();
            let access = access.map(|access| format!("{access}[\"branches\"][{number}]"));
            if access.is_some() && number > 0 {
                self.step(format!("x = in{index}"));
            }
            let is_apart = access.is_some();
            let (list, _) = self.list(list, &place.within(&key, &key, access))?;
            if is_apart {
                ends.push(format!("end{index}_{number}"));
                self.step(format!("end{index}_{number} = x"));
            }
            let module = if list.is_empty() {
                Module::Call("nn.Identity()".to_owned())
            } else {
                Module::Sequence(list)
            };
            held.push(module);
        }
        if place.access.is_some() {
            let line = self.joined(&ends, branches.join);
            self.step(line);
            return Ok(Module::Table(vec![("branches", Module::List(held))]));
        }
        let helper = match branches.join {
            Join::Concat => "Concat",
            Join::Add => "Sum",
            Join::Multiply => "Product",
        };
        self.helper(helper);
        let held = held.into_iter().map(|module| ("", module));
        Ok(Module::Holder(helper, held.collect()))
    }

    fn merged(&mut self, merge: &Merge) -> Result<String> {
        let mut values = vec!["x".to_owned()];
        for from in &merge.from {
            let kept = self.kept.get(from).ok_or_else(|| missing(*from))?;
            values.push(kept.clone());
        }
        Ok(self.joined(&values, merge.join))
    }

    fn joined(&mut self, values: &[String], join: Join) -> String {
        match join {
            Join::Concat => format!("x = torch.cat([{}], dim=1)", values.join(", ")),
            Join::Add => format!("x = {}", values.join(" + ")),
            Join::Multiply => {
                self.helper("product");
                format!("x = product({})", values.join(", "))
            }
        }
    }
}

/// Brings a weight into the layout that PyTorch has.
fn lay_out(weight: &mut NamedWeight, operation: &Operation) {
    match (operation, &weight.shape[..]) {
        (Operation::Dense(_), &[inputs, units]) => {
            let places = turned(inputs, units);
            weight.values = places.map(|place| weight.values[place]).collect();
            weight.shape = vec![units, inputs];
        }
        (Operation::Conv(conv), _) => mask(&mut weight.values, conv),
        _ => {}
    }
}
