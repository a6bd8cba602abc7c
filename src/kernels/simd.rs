//! Vectors of the processor: one trait, and what each set of instructions makes of it.

/// Work written once for all instruction sets.
pub(super) trait Work {
    type Output;

    /// Does the work. Must be `#[inline(always)]`, with all that it calls, so that the compiler sees
    /// the instructions of the set.
    fn run<S: Simd>(self) -> Self::Output;
}

/// Writes `with_simd`, which does work with the instructions in use, into a module.
///
/// Each module of kernels has one of its own: the compiler gathers what it makes of a generic function where that
/// is written, and works on the modules side by side.
macro_rules! with_simd_here {
    () => {
        /// Does work with the instructions in use.
        fn with_simd<W: $crate::kernels::simd::Work>(work: W) -> W::Output {
            use $crate::kernels::simd;

            #[cfg(target_arch = "x86_64")]
            {
                use $crate::kernels::isa::Isa;

                #[target_feature(enable = "avx512f")]
                fn on_avx512<W: simd::Work>(work: W) -> W::Output {
                    work.run::<simd::Avx512>()
                }

                #[target_feature(enable = "avx2,fma")]
                fn on_avx2<W: simd::Work>(work: W) -> W::Output {
                    work.run::<simd::Avx2>()
                }

                match Isa::current() {
                    // SAFETY: `Isa::choose` takes sets that the processor has, and no others.
                    Isa::Avx512 => return unsafe { on_avx512(work) },
                    // SAFETY: as above.
                    Isa::Avx2 => return unsafe { on_avx2(work) },
                    Isa::Portable => {}
                }
            }
            work.run::<simd::Portable>()
        }
    };
}

pub(super) use with_simd_here;

/// A register of floats and what can be done with it.
///
/// # Safety
/// `load` and `store` take pointers to `WIDTH` floats. All of it is called where the set is enabled.
pub(super) trait Simd: Copy + 'static {
    /// Floats in a register.
    const WIDTH: usize;
    /// Registers that sums may take, the others being left for operands.
    const SUMS: usize;
    type V: Copy;

    /// Asks for a line of memory that will be read or written soon, in the cache of the core. The address
    /// need not be one that may be read.
    #[inline(always)]
    fn fetch(_: *const f32) {}
    unsafe fn load(at: *const f32) -> Self::V;
    unsafe fn store(at: *mut f32, v: Self::V);
    unsafe fn splat(x: f32) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `a · b + c`, rounded once where the set can.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a > b ? a : b`: `b` where one of them is not a number.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// `a < b ? a : b`: `b` where one of them is not a number.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sqrt(a: Self::V) -> Self::V;
    /// `a > b ? yes : no`.
    unsafe fn if_greater(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// `a = b ? yes : no`.
    unsafe fn if_equal(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// The sum of a register, in an order of its own.
    unsafe fn sum(a: Self::V) -> f32;
    /// `2ⁿ` for whole `n` from -126 to 127.
    unsafe fn power_of_two(n: Self::V) -> Self::V;
}

/// Floats by fours, for the compiler to make registers of.
#[derive(Clone, Copy)]
pub(super) struct Portable;

#[inline(always)]
fn zip(a: [f32; 4], b: [f32; 4], of: impl Fn(f32, f32) -> f32) -> [f32; 4] {
    [
        of(a[0], b[0]),
        of(a[1], b[1]),
        of(a[2], b[2]),
        of(a[3], b[3]),
    ]
}

#[inline(always)]
fn select(
    [a, b]: [[f32; 4]; 2],
    [yes, no]: [[f32; 4]; 2],
    is: impl Fn(f32, f32) -> bool,
) -> [f32; 4] {
    let mut picked = no;
    for index in 0..4 {
        if is(a[index], b[index]) {
            picked[index] = yes[index];
        }
    }
    picked
}

impl Simd for Portable {
    const WIDTH: usize = 4;
    const SUMS: usize = if cfg!(target_arch = "aarch64") {
        24
    } else {
        12
    };
    type V = [f32; 4];

    #[inline(always)]
    unsafe fn load(at: *const f32) -> [f32; 4] {
        // SAFETY: the caller's pointer is to 4 floats.
        unsafe { at.cast::<[f32; 4]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(at: *mut f32, v: [f32; 4]) {
        // SAFETY: the caller's pointer is to 4 floats.
        unsafe { at.cast::<[f32; 4]>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> [f32; 4] {
        [x; 4]
    }
    #[inline(always)]
    unsafe fn add(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn fma(a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        // Without the instruction, `mul_add` is a call of the C library for each value.
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            [
                a[0].mul_add(b[0], c[0]),
                a[1].mul_add(b[1], c[1]),
                a[2].mul_add(b[2], c[2]),
                a[3].mul_add(b[3], c[3]),
            ]
        } else {
            [
                a[0] * b[0] + c[0],
                a[1] * b[1] + c[1],
                a[2] * b[2] + c[2],
                a[3] * b[3] + c[3],
            ]
        }
    }
    #[inline(always)]
    unsafe fn sqrt(a: [f32; 4]) -> [f32; 4] {
        a.map(f32::sqrt)
    }
    #[inline(always)]
    unsafe fn max(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        select([a, b], [a, b], |a, b| a > b)
    }
    #[inline(always)]
    unsafe fn min(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        select([a, b], [a, b], |a, b| a < b)
    }
    #[inline(always)]
    unsafe fn if_greater(a: [f32; 4], b: [f32; 4], yes: [f32; 4], no: [f32; 4]) -> [f32; 4] {
        select([a, b], [yes, no], |a, b| a > b)
    }
    #[inline(always)]
    #[expect(clippy::float_cmp, reason = "equal to the bit is what is asked")]
    unsafe fn if_equal(a: [f32; 4], b: [f32; 4], yes: [f32; 4], no: [f32; 4]) -> [f32; 4] {
        select([a, b], [yes, no], |a, b| a == b)
    }
    #[inline(always)]
    unsafe fn sum(a: [f32; 4]) -> f32 {
        (a[0] + a[2]) + (a[1] + a[3])
    }
    #[inline(always)]
    unsafe fn power_of_two(n: [f32; 4]) -> [f32; 4] {
        zip(n, n, |n, _| f32::from_bits(((n as i32 + 127) as u32) << 23))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
#[allow(clippy::wildcard_imports, reason = "dozens of instructions")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Simd;

    #[derive(Clone, Copy)]
    pub(in crate::kernels) struct Avx512;

    #[derive(Clone, Copy)]
    pub(in crate::kernels) struct Avx2;

    /// Writes the methods that are one instruction each.
    ///
    /// SAFETY of all: the caller has enabled the set, and its pointers are to a register's floats.
    macro_rules! instructions {
        ($v:ty; $($name:ident($($arg:ident: $type:ty),*) = $body:expr;)*) => {
            $(
                #[inline(always)]
                unsafe fn $name($($arg: $type),*) -> $v {
                    // SAFETY: see the macro.
                    unsafe { $body }
                }
            )*
        };
    }

    impl Simd for Avx512 {
        const WIDTH: usize = 16;
        const SUMS: usize = 24;
        type V = __m512;

        instructions! { __m512;
            load(at: *const f32) = _mm512_loadu_ps(at);
            splat(x: f32) = _mm512_set1_ps(x);
            add(a: __m512, b: __m512) = _mm512_add_ps(a, b);
            sub(a: __m512, b: __m512) = _mm512_sub_ps(a, b);
            mul(a: __m512, b: __m512) = _mm512_mul_ps(a, b);
            div(a: __m512, b: __m512) = _mm512_div_ps(a, b);
            fma(a: __m512, b: __m512, c: __m512) = _mm512_fmadd_ps(a, b, c);
            max(a: __m512, b: __m512) = _mm512_max_ps(a, b);
            min(a: __m512, b: __m512) = _mm512_min_ps(a, b);
            sqrt(a: __m512) = _mm512_sqrt_ps(a);
            if_greater(a: __m512, b: __m512, yes: __m512, no: __m512) =
                _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), no, yes);
            if_equal(a: __m512, b: __m512, yes: __m512, no: __m512) =
                _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b), no, yes);
            power_of_two(n: __m512) = _mm512_scalef_ps(_mm512_set1_ps(1.0), n);
        }
        #[inline(always)]
        fn fetch(at: *const f32) {
            // SAFETY: fetching ahead reads nothing and cannot fail.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
        }
        #[inline(always)]
        unsafe fn store(at: *mut f32, v: __m512) {
            // SAFETY: the caller's pointer is to 16 floats.
            unsafe { _mm512_storeu_ps(at, v) }
        }
        #[inline(always)]
        unsafe fn sum(a: __m512) -> f32 {
            // SAFETY: the caller has enabled the set.
            unsafe { _mm512_reduce_add_ps(a) }
        }
    }

    impl Simd for Avx2 {
        const WIDTH: usize = 8;
        const SUMS: usize = 12;
        type V = __m256;

        instructions! { __m256;
            load(at: *const f32) = _mm256_loadu_ps(at);
            splat(x: f32) = _mm256_set1_ps(x);
            add(a: __m256, b: __m256) = _mm256_add_ps(a, b);
            sub(a: __m256, b: __m256) = _mm256_sub_ps(a, b);
            mul(a: __m256, b: __m256) = _mm256_mul_ps(a, b);
            div(a: __m256, b: __m256) = _mm256_div_ps(a, b);
            fma(a: __m256, b: __m256, c: __m256) = _mm256_fmadd_ps(a, b, c);
            max(a: __m256, b: __m256) = _mm256_max_ps(a, b);
            min(a: __m256, b: __m256) = _mm256_min_ps(a, b);
            sqrt(a: __m256) = _mm256_sqrt_ps(a);
            if_greater(a: __m256, b: __m256, yes: __m256, no: __m256) =
                _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_GT_OQ>(a, b));
            if_equal(a: __m256, b: __m256, yes: __m256, no: __m256) =
                _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b));
            power_of_two(n: __m256) = _mm256_castsi256_ps(_mm256_slli_epi32::<23>(
                _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)),
            ));
        }
        #[inline(always)]
        fn fetch(at: *const f32) {
            // SAFETY: fetching ahead reads nothing and cannot fail.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
        }
        #[inline(always)]
        unsafe fn store(at: *mut f32, v: __m256) {
            // SAFETY: the caller's pointer is to 8 floats.
            unsafe { _mm256_storeu_ps(at, v) }
        }
        #[inline(always)]
        unsafe fn sum(a: __m256) -> f32 {
            // SAFETY: the caller has enabled the set.
            unsafe {
                let four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
                let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
                _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
            }
        }
    }
}
