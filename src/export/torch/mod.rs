//! A network as modules of PyTorch: their names and weights, and the program that builds them.

mod keys;
mod layers;
mod pads;
mod pools;
mod prepare;
mod program;
mod tree;

pub(super) use program::About;
pub(super) use tree::Tree;
