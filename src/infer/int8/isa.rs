//! Which instructions the kernels may use: found once, when a model is loaded.

/// An instruction set that kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Plain Rust, vectorised as far as the compiler does. The definition of what every other form computes.
    Portable,
    /// x86-64 with AVX-512 VNNI and VBMI (Ice Lake, Zen 4 and later): four products a lane and instruction.
    Vnni,
    /// 64-bit ARM without dot product (Cortex-A53, A72): 16-bit products, added in pairs.
    Neon,
    /// 64-bit ARM with dot product (Cortex-A76 and later): four products a lane and instruction.
    Dot,
}

impl Isa {
    /// The fastest that this machine has.
    pub fn best() -> Isa {
        Isa::available().last().copied().unwrap_or(Isa::Portable)
    }

    /// Everything that this machine can run, slowest first.
    pub fn available() -> Vec<Isa> {
        let mut found = vec![Isa::Portable];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("fma")
        {
            found.push(Isa::Vnni);
        }
        #[cfg(target_arch = "aarch64")]
        {
            found.push(Isa::Neon);
            if std::arch::is_aarch64_feature_detected!("dotprod") {
                found.push(Isa::Dot);
            }
        }
        found
    }

    /// What the kernels take from an activation before they multiply: signed products are all that ARM has.
    pub(super) fn shift(self) -> i32 {
        match self {
            Isa::Portable | Isa::Vnni => 0,
            Isa::Neon | Isa::Dot => 128,
        }
    }

    /// Widely known name, for reports.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Vnni => "avx512-vnni",
            Isa::Neon => "neon",
            Isa::Dot => "neon-dotprod",
        }
    }
}
