//! Names of submodules: those of the config, but for words that PyTorch's modules have for themselves.

use std::collections::HashSet;

use crate::plan::Layer;

/// Attributes of `torch.nn.Sequential`, which no submodule may be called.
const TAKEN: &[&str] = &[
    "T_destination",
    "add_module",
    "append",
    "apply",
    "bfloat16",
    "buffers",
    "call_super_init",
    "children",
    "compile",
    "cpu",
    "cuda",
    "double",
    "dump_patches",
    "eval",
    "extend",
    "extra_repr",
    "float",
    "forward",
    "get_buffer",
    "get_extra_state",
    "get_parameter",
    "get_submodule",
    "half",
    "insert",
    "ipu",
    "load_state_dict",
    "modules",
    "mtia",
    "named_buffers",
    "named_children",
    "named_modules",
    "named_parameters",
    "parameters",
    "pop",
    "register_backward_hook",
    "register_buffer",
    "register_forward_hook",
    "register_forward_pre_hook",
    "register_full_backward_hook",
    "register_full_backward_pre_hook",
    "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook",
    "register_module",
    "register_parameter",
    "register_state_dict_post_hook",
    "register_state_dict_pre_hook",
    "requires_grad_",
    "set_extra_state",
    "set_submodule",
    "share_memory",
    "state_dict",
    "to",
    "to_empty",
    "train",
    "training",
    "type",
    "xpu",
    "zero_grad",
];

/// The names of one list of submodules.
#[derive(Debug, Default)]
pub(super) struct Keys {
    used: HashSet<String>,
}

impl Keys {
    /// Names the layers of a list: as their weights are named, with `_` behind a word that is taken.
    pub(super) fn of(layers: &[Layer]) -> (Self, Vec<String>) {
        let mut keys = Self::default();
        // A name that can stay does, whatever is made of others.
        let free = |key: &str| !key.starts_with('_') && !TAKEN.contains(&key);
        let stay = layers.iter().map(Layer::key).filter(|key| free(key));
        keys.used.extend(stay.map(str::to_owned));
        let names = layers.iter().map(|layer| match layer.key() {
            key if free(key) => key.to_owned(),
            key => keys.unique(&format!("{key}_")),
        });
        let names = names.collect();
        (keys, names)
    }

    /// Makes a name of its own, with `_` behind it while it is another's.
    pub(super) fn unique(&mut self, name: &str) -> String {
        let mut name = name.to_owned();
        while !self.used.insert(name.clone()) {
            name.push('_');
        }
        name
    }
}
