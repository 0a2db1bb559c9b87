//! Kernels for 64-bit ARM, with and without dot product. Each gives the same bytes as its portable form.
//!
//! Products are of signed bytes there, so 128 is taken from every activation on the way in, and the biases make up for it. `unsafe` is
//! here for two reasons. The functions may run only where [`super::isa::Isa::available`] lists `Neon` or `Dot`, which alone leads here. And
//! registers are filled and emptied by pointer: every function first checks the lengths that its pointers rely on.
#![allow(unsafe_code)]

mod depthwise;

use std::arch::aarch64::*;
use std::arch::asm;

pub use self::depthwise::{depthwise, depthwise_block, lay_out};
use super::gemm::{Output, Rows, finish};
use super::lookup::replace;
use super::pack::{Packed, QUAD};
use super::requant::{BLOCK, Requant};

/// Bytes of a register.
const REGISTER: usize = 16;
/// Registers that hold one block of sums.
const PARTS: usize = BLOCK / 4;

/// Rows times weights by dot products; lengths were checked by the caller, [`super::gemm::multiply`].
pub fn multiply_dot(rows: Rows, weights: &Packed, requant: &Requant, output: Output) {
    // SAFETY: the processor has the instructions, see above; lengths by the caller.
    unsafe { product(rows, weights, requant, output, (6, tile_dot_6), tile_dot_1) }
}

/// Rows times weights without dot products; lengths were checked by the caller. Two products of signed bytes fit into 16 bits as long as no
/// weight is -128, which [`super::conv::Conv`] sees to.
pub fn multiply_neon(rows: Rows, weights: &Packed, requant: &Requant, output: Output) {
    // SAFETY: every 64-bit ARM has NEON; lengths by the caller.
    unsafe { product(rows, weights, requant, output, (4, tile_neon_4), tile_neon_1) }
}

/// The product of some rows from a row on and one block of columns.
type Tile = unsafe fn(Rows, usize, &Packed, &Requant, usize, &mut Output);

/// All rows: as many times `tiles` as there are its rows, then `single` rows.
unsafe fn product(
    rows: Rows,
    weights: &Packed,
    requant: &Requant,
    mut output: Output,
    tiles: (usize, Tile),
    single: Tile,
) {
    let mut row = 0;
    while row < rows.count {
        let (many, tile) = if rows.count - row >= tiles.0 { tiles } else { (1, single) };
        for block in 0..weights.width.div_ceil(BLOCK) {
            unsafe { tile(rows, row, weights, requant, block, &mut output) };
        }
        row += many;
    }
}

/// `sum[i] += Σ w[4i + j] · a[4·LANE + j]`: the intrinsic is not stable yet.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn dot_lane<const LANE: i32>(sum: &mut int32x4_t, w: int8x16_t, a: int8x16_t) {
    unsafe {
        asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.4b[{3}]", inout(vreg) *sum, in(vreg) w, in(vreg) a, const LANE,
            options(pure, nomem, nostack, preserves_flags));
    }
}

/// [`dot_lane`] takes its inputs as they are.
#[inline]
#[target_feature(enable = "neon")]
fn whole<const LANE: i32>(inputs: int8x16_t) -> int8x16_t {
    inputs
}

/// The quad `LANE` as [`pairs`] wants it: its first two bytes four times, then its last two four times.
#[inline]
#[target_feature(enable = "neon")]
fn spread<const LANE: i32>(inputs: int8x16_t) -> int8x16_t {
    const ORDER: [u8; 16] = [0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3];
    // SAFETY: 16 bytes are read from an array of 16.
    let order = unsafe { vld1q_u8(ORDER.as_ptr()) };
    vqtbl1q_s8(inputs, vaddq_u8(order, vdupq_n_u8(4 * LANE as u8)))
}

/// What [`dot_lane`] does, of a spread quad: two products are added in 16 bits, which hold them as long as no weight is -128.
#[inline]
#[target_feature(enable = "neon")]
fn pairs(sum: &mut int32x4_t, w: int8x16_t, a: int8x16_t) {
    let low = vmull_s8(vget_low_s8(w), vget_low_s8(a));
    *sum = vpadalq_s16(*sum, vmlal_high_s8(low, w, a));
}

/// [`pairs`] for four sums and inputs, in this very order: the compiler would do all first halves first and run out of registers, and a small
/// core waits for each result that is used at once.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn four_pairs(sums: [&mut int32x4_t; 4], w: int8x16_t, a: [int8x16_t; 4]) {
    let [s0, s1, s2, s3] = sums;
    unsafe {
        asm!(
            "smull {t0:v}.8h, {w:v}.8b, {a0:v}.8b",
            "smull {t1:v}.8h, {w:v}.8b, {a1:v}.8b",
            "smull {t2:v}.8h, {w:v}.8b, {a2:v}.8b",
            "smull {t3:v}.8h, {w:v}.8b, {a3:v}.8b",
            "smlal2 {t0:v}.8h, {w:v}.16b, {a0:v}.16b",
            "smlal2 {t1:v}.8h, {w:v}.16b, {a1:v}.16b",
            "smlal2 {t2:v}.8h, {w:v}.16b, {a2:v}.16b",
            "smlal2 {t3:v}.8h, {w:v}.16b, {a3:v}.16b",
            "sadalp {s0:v}.4s, {t0:v}.8h",
            "sadalp {s1:v}.4s, {t1:v}.8h",
            "sadalp {s2:v}.4s, {t2:v}.8h",
            "sadalp {s3:v}.4s, {t3:v}.8h",
            s0 = inout(vreg) *s0, s1 = inout(vreg) *s1, s2 = inout(vreg) *s2, s3 = inout(vreg) *s3,
            t0 = out(vreg) _, t1 = out(vreg) _, t2 = out(vreg) _, t3 = out(vreg) _, w = in(vreg) w,
            a0 = in(vreg) a[0], a1 = in(vreg) a[1], a2 = in(vreg) a[2], a3 = in(vreg) a[3],
            options(pure, nomem, nostack, preserves_flags)
        );
    }
}

/// `sum[i] += Σ w[4i + j] · a[4i + j]`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn dot(sum: &mut int32x4_t, w: int8x16_t, a: int8x16_t) {
    unsafe {
        asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.16b", inout(vreg) *sum, in(vreg) w, in(vreg) a,
            options(pure, nomem, nostack, preserves_flags));
    }
}

/// Unsigned bytes less 128.
#[inline]
#[target_feature(enable = "neon")]
fn signed(bytes: uint8x16_t) -> int8x16_t {
    vreinterpretq_s8_u8(veorq_u8(bytes, vdupq_n_u8(0x80)))
}

/// Four columns of a quad times each row.
macro_rules! dot_rows {
    ($sums:ident, $part:literal, $lane:literal, $w:ident, $a:ident, [$($m:literal)+]) => {
        $( dot_lane::<$lane>(&mut $sums[$m][$part], $w, $a[$m]); )+
    };
}

/// The same without dot products.
macro_rules! pair_rows {
    ($sums:ident, $part:literal, $lane:literal, $w:ident, $a:ident, [0 1 2 3]) => {{
        let [s0, s1, s2, s3] = &mut $sums;
        four_pairs([&mut s0[$part], &mut s1[$part], &mut s2[$part], &mut s3[$part]], $w, $a);
    }};
    ($sums:ident, $part:literal, $lane:literal, $w:ident, $a:ident, [0]) => {
        pairs(&mut $sums[0][$part], $w, $a[0]);
    };
}

/// Quad `$lane` of each row times a block of weights, four registers of four columns each.
macro_rules! multiply_quad {
    ($sums:ident, $lane:literal, $w:expr, $inputs:ident, $prepare:ident, $multiply:ident, $rows:tt) => {{
        let (from, a) = ($w, $inputs.map(|input| $prepare::<$lane>(input)));
        let w = vld1q_s8(from);
        $multiply!($sums, 0, $lane, w, a, $rows);
        let w = vld1q_s8(from.add(16));
        $multiply!($sums, 1, $lane, w, a, $rows);
        let w = vld1q_s8(from.add(32));
        $multiply!($sums, 2, $lane, w, a, $rows);
        let w = vld1q_s8(from.add(48));
        $multiply!($sums, 3, $lane, w, a, $rows);
    }};
}

/// A [`Tile`], written out: in a loop the compiler would keep the sums in memory.
macro_rules! tile {
    ($name:ident, $features:literal, $prepare:ident, $multiply:ident, $count:literal $rows:tt) => {
        #[target_feature(enable = $features)]
        #[allow(unused_unsafe, reason = "one of the two ways to multiply needs none")]
        unsafe fn $name(
            rows: Rows,
            row: usize,
            weights: &Packed,
            requant: &Requant,
            block: usize,
            output: &mut Output,
        ) {
            let first = block * BLOCK;
            unsafe {
                let mut sums = [load_sums(&requant.bias, first); $count];
                let mut a = rows.bytes.as_ptr().add(row * rows.stride);
                let mut w = weights.values.as_ptr().add(first * weights.depth);
                for _ in 0..weights.depth / REGISTER {
                    let inputs: [int8x16_t; $count] =
                        std::array::from_fn(|m| signed(vld1q_u8(a.add(rows.stride.wrapping_mul(m)))));
                    multiply_quad!(sums, 0, w, inputs, $prepare, $multiply, $rows);
                    multiply_quad!(sums, 1, w.add(64), inputs, $prepare, $multiply, $rows);
                    multiply_quad!(sums, 2, w.add(128), inputs, $prepare, $multiply, $rows);
                    multiply_quad!(sums, 3, w.add(192), inputs, $prepare, $multiply, $rows);
                    a = a.add(REGISTER);
                    w = w.add(BLOCK * REGISTER);
                }
                for _ in 0..weights.depth % REGISTER / QUAD {
                    let inputs: [int8x16_t; $count] = std::array::from_fn(|m| {
                        let four = a.add(rows.stride.wrapping_mul(m)).cast::<u32>().read_unaligned();
                        signed(vreinterpretq_u8_u32(vdupq_n_u32(four)))
                    });
                    multiply_quad!(sums, 0, w, inputs, $prepare, $multiply, $rows);
                    a = a.add(QUAD);
                    w = w.add(BLOCK * QUAD);
                }
                // A copy, which may be indexed without keeping the sums from their registers.
                let done = sums;
                store(&done, requant, first, weights.width, row, output);
            }
        }
    };
}

tile!(tile_dot_6, "neon,dotprod", whole, dot_rows, 6 [0 1 2 3 4 5]);
tile!(tile_dot_1, "neon,dotprod", whole, dot_rows, 1[0]);
tile!(tile_neon_4, "neon", spread, pair_rows, 4 [0 1 2 3]);
tile!(tile_neon_1, "neon", spread, pair_rows, 1[0]);

#[inline]
#[target_feature(enable = "neon")]
unsafe fn load_sums(from: &[i32], first: usize) -> [int32x4_t; PARTS] {
    std::array::from_fn(|part| unsafe { vld1q_s32(from.as_ptr().add(first + part * 4)) })
}

/// Writes `M` rows of one block of sums.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn store<const M: usize>(
    sums: &[[int32x4_t; PARTS]; M],
    requant: &Requant,
    first: usize,
    width: usize,
    row: usize,
    output: &mut Output,
) {
    let columns = BLOCK.min(width - first);
    match output {
        Output::Bytes(bytes) if columns == BLOCK => {
            let rows = &mut bytes[row * width + first..][..(M - 1) * width + BLOCK];
            unsafe {
                let narrow = Narrow::load(requant, first);
                for (m, sums) in sums.iter().enumerate() {
                    vst1q_u8(rows.as_mut_ptr().add(m * width), narrow.bytes(sums));
                }
            }
        }
        output => {
            for (m, sums) in sums.iter().enumerate() {
                let mut plain = [0i32; BLOCK];
                for (part, &sum) in sums.iter().enumerate() {
                    unsafe { vst1q_s32(plain[part * 4..part * 4 + 4].as_mut_ptr(), sum) };
                }
                let at = (row + m) * width + first;
                finish(&plain[..columns], requant, first, &mut output.part(at, columns));
            }
        }
    }
}

/// What makes bytes of one block of sums, in registers.
struct Narrow {
    multiplier: [float32x4_t; PARTS],
    zero: [int16x8_t; 2],
    low: uint8x16_t,
    high: uint8x16_t,
}

impl Narrow {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn load(requant: &Requant, first: usize) -> Narrow {
        unsafe {
            let zero = load_sums(&requant.zero, first);
            Narrow {
                multiplier: std::array::from_fn(|i| {
                    vld1q_f32(requant.multiplier.as_ptr().add(first + i * 4))
                }),
                zero: [
                    vcombine_s16(vmovn_s32(zero[0]), vmovn_s32(zero[1])),
                    vcombine_s16(vmovn_s32(zero[2]), vmovn_s32(zero[3])),
                ],
                low: vld1q_u8(requant.bounds[0].as_ptr().add(first)),
                high: vld1q_u8(requant.bounds[1].as_ptr().add(first)),
            }
        }
    }

    /// See [`Requant::byte`]: bounds are whole numbers, so that holding comes to the same before and after rounding, and every narrowing
    /// here holds what is too large.
    #[inline]
    #[target_feature(enable = "neon")]
    fn bytes(&self, sums: &[int32x4_t; PARTS]) -> uint8x16_t {
        let rounded = |i: usize| vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(sums[i]), self.multiplier[i]));
        let half = |i: usize| {
            let narrow = vqmovn_high_s32(vqmovn_s32(rounded(2 * i)), rounded(2 * i + 1));
            vqaddq_s16(narrow, self.zero[i])
        };
        let bytes = vqmovun_high_s16(vqmovun_s16(half(0)), half(1));
        vminq_u8(vmaxq_u8(bytes, self.low), self.high)
    }
}

/// Replaces every byte by its entry.
pub fn look_up(table: &[u8; 256], bytes: &mut [u8]) {
    let whole = bytes.len() / REGISTER * REGISTER;
    let (registers, rest) = bytes.split_at_mut(whole);
    // SAFETY: every 64-bit ARM has NEON; the length is a multiple of a register's.
    unsafe { look_up_registers(table, registers) };
    replace(table, rest);
}

#[target_feature(enable = "neon")]
unsafe fn look_up_registers(table: &[u8; 256], bytes: &mut [u8]) {
    unsafe {
        let quarter = |i: usize| vld1q_u8_x4(table.as_ptr().add(i * 64));
        let quarters = [quarter(0), quarter(1), quarter(2), quarter(3)];
        for register in bytes.chunks_exact_mut(REGISTER) {
            let at = register.as_mut_ptr();
            let index = vld1q_u8(at);
            // An index beyond 63 leaves the entry as it was.
            let mut entry = vqtbl4q_u8(quarters[0], index);
            entry = vqtbx4q_u8(entry, quarters[1], veorq_u8(index, vdupq_n_u8(64)));
            entry = vqtbx4q_u8(entry, quarters[2], veorq_u8(index, vdupq_n_u8(128)));
            entry = vqtbx4q_u8(entry, quarters[3], veorq_u8(index, vdupq_n_u8(192)));
            vst1q_u8(at, entry);
        }
    }
}

/// Sixteen independent chains of dot products in registers, `rounds` times; the number of products.
pub fn spin_dot(rounds: u64) -> u64 {
    const CHAINS: usize = 16;
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn chains(rounds: u64) -> i32 {
        unsafe {
            let mut sums = [vdupq_n_s32(0); CHAINS];
            let (a, w) = std::hint::black_box((vdupq_n_s8(1), vdupq_n_s8(1)));
            for _ in 0..rounds {
                for sum in &mut sums {
                    dot(sum, w, a);
                }
            }
            sums.iter().map(|&sum| vaddvq_s32(sum)).fold(0, i32::wrapping_add)
        }
    }
    // SAFETY: the processor has the instructions, see above.
    std::hint::black_box(unsafe { chains(rounds) });
    rounds * (CHAINS * REGISTER) as u64
}

/// Eight independent chains of what [`multiply_neon`] does, in registers, `rounds` times; the number of products.
pub fn spin_neon(rounds: u64) -> u64 {
    const CHAINS: usize = 8;
    #[target_feature(enable = "neon")]
    fn chains(rounds: u64) -> i32 {
        let mut sums = [vdupq_n_s32(0); CHAINS];
        for _ in 0..rounds {
            let (a, w) = std::hint::black_box((vdupq_n_s8(1), vdupq_n_s8(1)));
            for sum in &mut sums {
                let low = vmull_s8(vget_low_s8(w), vget_low_s8(a));
                *sum = vpadalq_s16(*sum, vmlal_high_s8(low, w, a));
            }
        }
        sums.iter().map(|&sum| vaddvq_s32(sum)).fold(0, i32::wrapping_add)
    }
    // SAFETY: every 64-bit ARM has NEON.
    std::hint::black_box(unsafe { chains(rounds) });
    rounds * (CHAINS * REGISTER) as u64
}
