//! A weight whose rank the plan decides.

use burn::module::{
    Content, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, Param,
};
use burn::tensor::{Device, Tensor};

/// A weight of rank 1 to 5.
#[derive(Clone, Debug)]
pub(super) enum Weight {
    Rank1(Param<Tensor<1>>),
    Rank2(Param<Tensor<2>>),
    Rank3(Param<Tensor<3>>),
    Rank4(Param<Tensor<4>>),
    Rank5(Param<Tensor<5>>),
}

/// Runs one expression on the parameter, whatever its rank.
macro_rules! any {
    ($weight:expr, $param:ident => $body:expr) => {
        match $weight {
            Weight::Rank1($param) => $body,
            Weight::Rank2($param) => $body,
            Weight::Rank3($param) => $body,
            Weight::Rank4($param) => $body,
            Weight::Rank5($param) => $body,
        }
    };
}

/// Turns the parameter into another of the same rank.
macro_rules! same {
    ($weight:expr, $param:ident => $body:expr) => {
        match $weight {
            Weight::Rank1($param) => Weight::Rank1($body),
            Weight::Rank2($param) => Weight::Rank2($body),
            Weight::Rank3($param) => Weight::Rank3($body),
            Weight::Rank4($param) => Weight::Rank4($body),
            Weight::Rank5($param) => Weight::Rank5($body),
        }
    };
}

impl Weight {
    /// Returns the values in any shape of as many.
    pub(super) fn shaped<const D: usize>(&self, shape: [usize; D]) -> Tensor<D> {
        any!(self, param => param.val().reshape(shape))
    }

    /// Returns the lengths.
    pub(super) fn shape(&self) -> Vec<usize> {
        any!(self, param => param.val().dims().to_vec())
    }
}

impl ModuleDisplayDefault for Weight {
    fn content(&self, content: Content) -> Option<Content> {
        Some(content)
    }
}

impl ModuleDisplay for Weight {}

// Written out so that the name of the weight is that of its field, without the variant's.
impl Module for Weight {
    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        any!(self, param => param.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        same!(self, param => param.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        same!(self, param => param.to_device(device))
    }

    fn train(self) -> Self {
        same!(self, param => Module::train(param))
    }

    fn valid(&self) -> Self {
        same!(self, param => param.valid())
    }

    fn materialize(self) -> Self {
        same!(self, param => param.materialize())
    }

    fn visit<Visitor: ModuleVisitor>(&self, visitor: &mut Visitor) {
        any!(self, param => param.visit(visitor));
    }

    fn map<Mapper: ModuleMapper>(self, mapper: &mut Mapper) -> Self {
        same!(self, param => Module::map(param, mapper))
    }
}
