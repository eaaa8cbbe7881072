//! Instruction sets: one name in flags, bench ids, tests and JSON.

use crate::error::{Error, Result};
use crate::words::words;
use fearless_simd::Level;

/// An instruction set the kernel is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SimdLevel {
    /// What every machine of an architecture has, without fused multiply-add: 128 bits on x86-64
    /// (SSE2), plain Rust elsewhere.
    Baseline,
    /// x86-64-v3, 256 bits with fused multiply-add.
    Avx2,
    /// x86-64-v4 as of Ice Lake, 512 bits with fused multiply-add.
    Avx512,
    /// 64-bit ARM, 128 bits with fused multiply-add.
    Neon,
    /// WebAssembly, 128 bits.
    Wasm,
}

impl SimdLevel {
    /// The best level of this machine.
    pub fn best() -> Self {
        Self::available().pop().expect("every machine has the baseline")
    }

    /// The levels of this machine, narrowest first.
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|level| level.token().is_some()).collect()
    }

    /// Whether a multiply-add rounds once. Levels of the same kind give the same bits.
    pub fn fused_multiply_add(self) -> bool {
        matches!(self, Self::Avx2 | Self::Avx512 | Self::Neon)
    }

    /// This level, if the machine has it.
    ///
    /// # Errors
    /// [`Error::Usage`] with the levels there are.
    pub fn checked(self) -> Result<Self> {
        if self.token().is_some() {
            return Ok(self);
        }
        let available: Vec<_> = Self::available().iter().map(Self::to_string).collect();
        Err(Error::usage(format!("this machine has no {self}; it has {}", available.join(", "))))
    }

    /// The proof that this machine has the level, which the kernel's functions ask for.
    pub(crate) fn token(self) -> Option<Level> {
        let best = Level::new();
        match self {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Baseline => best.as_sse2().map(Level::Sse2),
            #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
            Self::Baseline => Some(Level::fallback()),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Avx2 => best.as_avx2().map(Level::Avx2),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Avx512 => best.as_avx512().map(Level::Avx512),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => best.as_neon().map(Level::Neon),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm => best.as_wasm_simd128().map(Level::WasmSimd128),
            #[allow(unreachable_patterns, reason = "which levels are left depends on the target")]
            _ => {
                let _ = best;
                None
            }
        }
    }
}

words!(SimdLevel "level": Baseline = "baseline", Avx2 = "avx2", Avx512 = "avx512", Neon = "neon", Wasm = "wasm");

/// Runs code compiled for a token's level, the closures and `#[inline(always)]` functions it calls
/// with it.
///
/// Every level is a copy of the whole kernel to compile: `fearless_simd::dispatch!` without SSE4.2,
/// which computes as SSE2 does. `fused` leaves out the levels that round a multiply-add twice,
/// `baseline` all but [`SimdLevel::Baseline`].
macro_rules! dispatch {
    (baseline $token:expr, $simd:pat => $body:expr) => {
        match $token {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            fearless_simd::Level::Sse2(token) => $crate::kernel::dispatch!(@token token, $simd => $body),
            #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
            fearless_simd::Level::Fallback(token) => $crate::kernel::dispatch!(@token token, $simd => $body),
            _ => unreachable!("not the baseline"),
        }
    };
    (fused $token:expr, $simd:pat => $body:expr) => {
        match $token {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            fearless_simd::Level::Avx2(token) => $crate::kernel::dispatch!(@token token, $simd => $body),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            fearless_simd::Level::Avx512(token) => $crate::kernel::dispatch!(@token token, $simd => $body),
            #[cfg(target_arch = "aarch64")]
            fearless_simd::Level::Neon(token) => $crate::kernel::dispatch!(@token token, $simd => $body),
            _ => unreachable!("no such level here"),
        }
    };
    ($token:expr, $simd:pat => $body:expr) => {
        match $token {
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            fearless_simd::Level::WasmSimd128(token) => $crate::kernel::dispatch!(@token token, $simd => $body),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            fearless_simd::Level::Sse2(token) => $crate::kernel::dispatch!(@token token, $simd => $body),
            #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
            fearless_simd::Level::Fallback(token) => $crate::kernel::dispatch!(@token token, $simd => $body),
            fused => $crate::kernel::dispatch!(fused fused, $simd => $body),
        }
    };
    (@token $token:ident, $simd:pat => $body:expr) => {{
        let $simd = $token;
        fearless_simd::Simd::vectorize(
            $token,
            #[inline(always)]
            || $body,
        )
    }};
}
pub(crate) use dispatch;
