//! Memory that is aligned to registers: of tensors, which lies in the arena, and of the kernels themselves.

use std::mem::MaybeUninit;
use std::sync::{Mutex, PoisonError};

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{DType, Shape};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};

use super::arena::Loan;
use super::lanes::LANES;

/// The floats of a cache line, and of the widest register.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug)]
pub(super) struct Line(pub(super) [f32; LANES]);

/// Memory that keeps its size: aligned floats, zeros at first.
#[derive(Debug, Default)]
pub(super) struct Memory {
    lines: Vec<Line>,
    length: usize,
}

impl Memory {
    /// Makes room for so many values; what they are is of no meaning but in new memory.
    pub(super) fn reserve(&mut self, length: usize) {
        self.length = length;
        if self.lines.len() * LANES < length {
            self.lines
                .resize(length.div_ceil(LANES), Line([0.0; LANES]));
        }
    }

    #[inline(always)]
    pub(super) fn values(&self) -> &[f32] {
        // SAFETY: lines are floats without gaps, and at least `length` of them.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }

    #[inline(always)]
    pub(super) fn values_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.length) }
    }
}

/// Memory that a kernel needs for itself, kept from one call to the next whatever the sizes.
#[derive(Debug, Default)]
pub(super) struct Scratch(Mutex<Vec<Memory>>);

impl Scratch {
    /// Keeps none at first.
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Lends so many values, whose content is of no meaning.
    pub(super) fn with<T>(&self, length: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
        let idle = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut memory = idle().pop().unwrap_or_default();
        memory.reserve(length);
        let result = work(memory.values_mut());
        idle().push(memory);
        result
    }
}

impl AllocationController for Loan {
    fn alloc_align(&self) -> usize {
        align_of::<Line>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Native
    }

    unsafe fn memory_mut(
        &mut self,
        _: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let lines = self.lines_mut();
        let bytes = size_of_val(lines);
        // SAFETY: lines are floats without gaps; the caller writes initialized bytes alone.
        Ok(unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), bytes) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let lines = self.lines();
        // SAFETY: lines are floats without gaps.
        Ok(unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), size_of_val(lines)) })
    }
}

/// Makes a tensor whose values are of no meaning yet, and are to be written by the caller.
pub(super) fn unset<const D: usize>(shape: [usize; D]) -> FlexTensor {
    let values: usize = shape.iter().product();
    let loan = Loan::of(values.div_ceil(LANES));
    // SAFETY: the memory is initialized: it was zeros when it came from the system, and floats since.
    let bytes = unsafe { Bytes::from_controller(Box::new(loan), values * size_of::<f32>()) };
    FlexTensor::new(bytes, Layout::contiguous(Shape::from(shape)), DType::F32)
}

/// Makes a tensor of zeros.
pub(super) fn zeros<const D: usize>(shape: [usize; D]) -> FlexTensor {
    let mut tensor = unset(shape);
    tensor.storage_mut::<f32>().fill(0.0);
    tensor
}

/// Returns a tensor whose values lie one after the other in memory, from the first.
pub(super) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    let whole = tensor.is_contiguous()
        && tensor.layout().start_offset() == 0
        && tensor.bytes().len() == tensor.layout().num_elements() * size_of::<f32>();
    if whole {
        tensor
    } else {
        tensor.to_contiguous()
    }
}

/// Returns the values of a tensor, in the order of its shape.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    let values: &[f32] = tensor.storage();
    &values[..tensor.layout().num_elements()]
}
