//! The most products that this core can compute, to measure a network against.

use super::isa::Isa;

/// Computes products from registers alone, about `rounds` times a few hundred; returns how many. `None` for the portable form, which has no
/// instruction to measure.
pub fn spin(isa: Isa, rounds: u64) -> Option<u64> {
    match isa {
        Isa::Portable => None,
        #[cfg(target_arch = "x86_64")]
        Isa::Vnni => Some(super::x86::spin(rounds)),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => Some(super::arm::spin_neon(rounds)),
        #[cfg(target_arch = "aarch64")]
        Isa::Dot => Some(super::arm::spin_dot(rounds)),
        #[allow(unreachable_patterns, reason = "the instruction sets of other architectures")]
        _ => None,
    }
}
