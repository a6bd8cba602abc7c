//! Memory of tensors: aligned to registers, and kept for the next step.
//!
//! A step asks for the same sizes as the one before. What is let go is kept for a while, so that no
//! memory goes back to the system and comes anew, page by page.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{DType, Shape};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};

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

/// Requests after which memory that nobody took goes back to the system.
const PATIENCE: u64 = 2048;

#[derive(Default)]
struct Pool {
    /// Free memory by its number of lines, with the request after which it was let go.
    free: HashMap<usize, Vec<(u64, Vec<Line>)>>,
    requests: u64,
}

static POOL: Mutex<Option<Pool>> = Mutex::new(None);

fn pool() -> MutexGuard<'static, Option<Pool>> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns memory of so many lines; what it holds is of no meaning.
fn take(lines: usize) -> Vec<Line> {
    let mut pool = pool();
    let pool = pool.get_or_insert_default();
    pool.requests += 1;
    let now = pool.requests;
    if now.is_multiple_of(PATIENCE) {
        pool.free.retain(|_, free| {
            free.retain(|(since, _)| now - since < PATIENCE);
            !free.is_empty()
        });
    }
    if let Some((_, memory)) = pool.free.get_mut(&lines).and_then(Vec::pop) {
        return memory;
    }
    vec![Line([0.0; LANES]); lines]
}

fn give(memory: Vec<Line>) {
    let mut pool = pool();
    let pool = pool.get_or_insert_default();
    let free = pool.free.entry(memory.len()).or_default();
    free.push((pool.requests, memory));
}

/// Memory on loan from the pool.
struct Loan(Vec<Line>);

impl Drop for Loan {
    fn drop(&mut self) {
        give(std::mem::take(&mut self.0));
    }
}

impl Loan {
    fn bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
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
        let length = self.bytes();
        // SAFETY: lines are floats without gaps; the caller writes initialized bytes alone.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), length) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        // SAFETY: lines are floats without gaps.
        Ok(unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.bytes()) })
    }
}

/// Makes a tensor whose values are of no meaning yet, and are to be written by the caller.
pub(super) fn unset<const D: usize>(shape: [usize; D]) -> FlexTensor {
    let values: usize = shape.iter().product();
    let loan = Loan(take(values.div_ceil(LANES)));
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
