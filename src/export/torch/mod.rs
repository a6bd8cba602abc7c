//! A network as modules of PyTorch: their names and weights, and the program that builds them.
//!
//! The names of weights and `model.py` both follow from one tree of modules; what PyTorch has no module for stands in
//! `helpers.py`.

mod keys;
mod layers;
mod pads;
mod pools;
mod prepare;
mod program;
mod tree;

pub(super) use program::About;
pub(super) use tree::Tree;
