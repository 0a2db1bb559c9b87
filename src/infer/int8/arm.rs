//! Kernels for 64-bit ARM, with and without dot product. Each gives the same bytes as its portable form.
//!
//! Products are of signed bytes there, so 128 is taken from every activation on the way in, and the biases make up for it. `unsafe` is
//! here for two reasons. The functions may run only where [`super::isa::Isa::available`] lists `Neon` or `Dot`, which alone leads here. And
//! registers are filled and emptied by pointer: every function first checks the lengths that its pointers rely on.
#![allow(unsafe_code)]

use std::arch::aarch64::*;
use std::arch::asm;

use super::depthwise::{Line, Lines, lay_out_from};
use super::gemm::{Output, Rows, finish};
use super::lookup::replace;
use super::pack::{NEON_DEPTH, NEON_WIDTH, Packed, QUAD};
use super::requant::{BLOCK, Requant};

/// Bytes of a register.
const REGISTER: usize = 16;
/// Registers that hold one block of sums.
const PARTS: usize = BLOCK / 4;

/// Rows times weights by dot products; lengths were checked by the caller, [`super::gemm::multiply`].
pub fn multiply_dot(rows: Rows, weights: &Packed, requant: &Requant, mut output: Output) {
    let mut row = 0;
    while row < rows.count {
        let many = if rows.count - row >= 6 { 6 } else { 1 };
        for block in 0..weights.width.div_ceil(BLOCK) {
            // SAFETY: the processor has the instructions, see above; lengths by the caller.
            unsafe {
                match many {
                    6 => tile_dot::<6>(rows, row, weights, requant, block, &mut output),
                    _ => tile_dot::<1>(rows, row, weights, requant, block, &mut output),
                }
            }
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
unsafe fn signed(bytes: uint8x16_t) -> int8x16_t {
    unsafe { vreinterpretq_s8_u8(veorq_u8(bytes, vdupq_n_u8(0x80))) }
}

#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn tile_dot<const M: usize>(
    rows: Rows,
    row: usize,
    weights: &Packed,
    requant: &Requant,
    block: usize,
    output: &mut Output,
) {
    let first = block * BLOCK;
    unsafe {
        let bias = load_sums(&requant.bias, first);
        let mut sums = [bias; M];
        let mut a = rows.bytes.as_ptr().add(row * rows.stride);
        let mut w = weights.values.as_ptr().add(first * weights.depth);
        for _ in 0..weights.depth / REGISTER {
            let mut inputs = [vdupq_n_s8(0); M];
            for (m, input) in inputs.iter_mut().enumerate() {
                *input = signed(vld1q_u8(a.add(m * rows.stride)));
            }
            for part in 0..PARTS {
                let four: [int8x16_t; 4] =
                    std::array::from_fn(|quad| vld1q_s8(w.add((quad * PARTS + part) * REGISTER)));
                for (sum, &input) in sums.iter_mut().zip(&inputs) {
                    dot_lane::<0>(&mut sum[part], four[0], input);
                    dot_lane::<1>(&mut sum[part], four[1], input);
                    dot_lane::<2>(&mut sum[part], four[2], input);
                    dot_lane::<3>(&mut sum[part], four[3], input);
                }
            }
            a = a.add(REGISTER);
            w = w.add(BLOCK * REGISTER);
        }
        for _ in 0..weights.depth % REGISTER / QUAD {
            for (m, sum) in sums.iter_mut().enumerate() {
                let four = a.add(m * rows.stride).cast::<u32>().read_unaligned();
                let input = signed(vreinterpretq_u8_u32(vdupq_n_u32(four)));
                for (part, sum) in sum.iter_mut().enumerate() {
                    dot_lane::<0>(sum, vld1q_s8(w.add(part * REGISTER)), input);
                }
            }
            a = a.add(QUAD);
            w = w.add(BLOCK * QUAD);
        }
        for (m, sum) in sums.iter().enumerate() {
            store(sum, requant, first, weights.width, row + m, output);
        }
    }
}

#[inline]
#[target_feature(enable = "neon")]
unsafe fn load_sums(from: &[i32], first: usize) -> [int32x4_t; PARTS] {
    std::array::from_fn(|part| unsafe { vld1q_s32(from.as_ptr().add(first + part * 4)) })
}

/// Writes one row's block of sums.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn store(
    sums: &[int32x4_t; PARTS],
    requant: &Requant,
    first: usize,
    width: usize,
    row: usize,
    output: &mut Output,
) {
    let at = row * width + first;
    let columns = BLOCK.min(width - first);
    match output {
        Output::Bytes(bytes) if columns == BLOCK => unsafe {
            vst1q_u8(bytes[at..at + BLOCK].as_mut_ptr(), to_bytes(sums, requant, first));
        },
        output => {
            let mut plain = [0i32; BLOCK];
            for (part, &sum) in sums.iter().enumerate() {
                unsafe { vst1q_s32(plain[part * 4..part * 4 + 4].as_mut_ptr(), sum) };
            }
            finish(&plain[..columns], requant, first, &mut output.part(at, columns));
        }
    }
}

/// See [`Requant::byte`].
#[inline]
#[target_feature(enable = "neon")]
unsafe fn to_bytes(sums: &[int32x4_t; PARTS], requant: &Requant, first: usize) -> uint8x16_t {
    unsafe {
        let part = |i: usize| {
            let at = first + i * 4;
            let scaled = vmulq_f32(vcvtq_f32_s32(sums[i]), vld1q_f32(requant.multiplier.as_ptr().add(at)));
            let low = vmaxq_f32(scaled, vld1q_f32(requant.low.as_ptr().add(at)));
            let held = vminq_f32(low, vld1q_f32(requant.high.as_ptr().add(at)));
            vaddq_s32(vcvtnq_s32_f32(held), vld1q_s32(requant.zero.as_ptr().add(at)))
        };
        // Whole bytes by now: the lowest byte of each sum.
        let halves = |low, high| vuzp1q_u16(vreinterpretq_u16_s32(low), vreinterpretq_u16_s32(high));
        let (low, high) = (halves(part(0), part(1)), halves(part(2), part(3)));
        vuzp1q_u8(vreinterpretq_u8_u16(low), vreinterpretq_u8_u16(high))
    }
}

/// Rows times weights without dot products; lengths were checked by the caller. Two products of signed bytes fit into 16 bits as long as no
/// weight is -128, which [`super::conv::Conv`] sees to.
pub fn multiply_neon(rows: Rows, weights: &Packed, requant: &Requant, mut output: Output) {
    let mut row = 0;
    while row < rows.count {
        let many = if rows.count - row >= 4 { 4 } else { 1 };
        for block in 0..weights.width.div_ceil(BLOCK) {
            // SAFETY: every 64-bit ARM has NEON; lengths by the caller.
            unsafe {
                match many {
                    4 => tile_neon::<4>(rows, row, weights, requant, block, &mut output),
                    _ => tile_neon::<1>(rows, row, weights, requant, block, &mut output),
                }
            }
        }
        row += many;
    }
}

#[inline]
#[target_feature(enable = "neon")]
unsafe fn tile_neon<const M: usize>(
    rows: Rows,
    row: usize,
    weights: &Packed,
    requant: &Requant,
    block: usize,
    output: &mut Output,
) {
    let first = block * BLOCK;
    unsafe {
        let mut whole = [load_sums(&requant.bias, first); M];
        for part in 0..PARTS {
            let column = first + part * NEON_WIDTH;
            let mut sums = [[vdupq_n_s32(0); NEON_WIDTH]; M];
            let mut a = rows.bytes.as_ptr().add(row * rows.stride);
            let mut w = weights.values.as_ptr().add(column * weights.depth);
            for _ in 0..weights.depth / NEON_DEPTH {
                let mut inputs = [vdupq_n_s8(0); M];
                for (m, input) in inputs.iter_mut().enumerate() {
                    *input = signed(vld1q_u8(a.add(m * rows.stride)));
                }
                for n in 0..NEON_WIDTH {
                    let weight = vld1q_s8(w.add(n * REGISTER));
                    for (sum, &input) in sums.iter_mut().zip(&inputs) {
                        let low = vmull_s8(vget_low_s8(weight), vget_low_s8(input));
                        sum[n] = vpadalq_s16(sum[n], vmlal_high_s8(low, weight, input));
                    }
                }
                a = a.add(REGISTER);
                w = w.add(NEON_WIDTH * REGISTER);
            }
            for (whole, sum) in whole.iter_mut().zip(&sums) {
                let pairs = vpaddq_s32(vpaddq_s32(sum[0], sum[1]), vpaddq_s32(sum[2], sum[3]));
                whole[part] = vaddq_s32(whole[part], pairs);
            }
        }
        for (m, sum) in whole.iter().enumerate() {
            store(sum, requant, first, weights.width, row + m, output);
        }
    }
}

/// One output row of a depthwise convolution.
pub fn depthwise(laid_out: &[u8], line: &Line, row: &mut [u8]) {
    let places = row.len() / line.channels;
    let padded = line.channels.next_multiple_of(BLOCK);
    let columns = (places - 1) * line.stride + line.taps / (line.column / (padded * QUAD));
    assert!(laid_out.len() >= columns * line.column, "rows of a depthwise convolution are too short");
    assert!(line.requant.bias.len() >= padded && line.weights.len() >= padded * QUAD * line.taps);
    // SAFETY: the processor has the instructions, see above; lengths were checked.
    match line.taps {
        3 => unsafe { windows::<3, 1>(laid_out, line, row) },
        10 => unsafe { windows::<5, 2>(laid_out, line, row) },
        taps => unreachable!("no kernel for {taps} dot products"),
    }
}

/// `COLUMNS` of the window, each of `GROUPS` dot products.
#[target_feature(enable = "neon,dotprod")]
unsafe fn windows<const COLUMNS: usize, const GROUPS: usize>(laid_out: &[u8], line: &Line, row: &mut [u8]) {
    let places = row.len() / line.channels;
    let group = line.column / GROUPS;
    for first in (0..line.channels).step_by(BLOCK) {
        let weights = line.weights[first * QUAD * line.taps..].as_ptr();
        for place in 0..places {
            unsafe {
                let from = laid_out.as_ptr().add(place * line.stride * line.column + first * QUAD);
                let mut sums = load_sums(&line.requant.bias, first);
                for kx in 0..COLUMNS {
                    for g in 0..GROUPS {
                        let a = from.add(kx * line.column + g * group);
                        let w = weights.add((kx * GROUPS + g) * BLOCK * QUAD);
                        for (part, sum) in sums.iter_mut().enumerate() {
                            let input = vreinterpretq_s8_u8(vld1q_u8(a.add(part * REGISTER)));
                            dot(sum, vld1q_s8(w.add(part * REGISTER)), input);
                        }
                    }
                }
                store(&sums, line.requant, first, line.channels, place, &mut Output::Bytes(row));
            }
        }
    }
}

/// See [`super::depthwise::lay_out_from`]; as signed bytes.
pub fn lay_out(lines: &Lines, laid: &mut [u8]) {
    let whole = lines.channels / BLOCK * BLOCK;
    assert!(lines.lines.iter().all(|line| line.len() >= lines.count * lines.channels), "a row is too short");
    assert!(lines.count == 0 || laid.len() >= (lines.count - 1) * lines.column + lines.channels * QUAD);
    // SAFETY: every 64-bit ARM has NEON; lengths were checked.
    unsafe { lay_out_blocks(lines, whole, laid.as_mut_ptr()) };
    if whole < lines.channels {
        lay_out_from(whole, 0x80, lines, laid);
    }
}

/// Channels up to `whole`, a number of whole blocks.
#[target_feature(enable = "neon")]
unsafe fn lay_out_blocks(lines: &Lines, whole: usize, laid: *mut u8) {
    for pixel in 0..lines.count {
        for c in (0..whole).step_by(BLOCK) {
            unsafe {
                let at = pixel * lines.channels + c;
                let load = |line: &[u8]| vreinterpretq_u8_s8(signed(vld1q_u8(line.as_ptr().add(at))));
                let [a, b, d, e] = lines.lines.map(load);
                vst4q_u8(laid.add(pixel * lines.column + c * QUAD), uint8x16x4_t(a, b, d, e));
            }
        }
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
    unsafe fn chains(rounds: u64) -> i32 {
        unsafe {
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
    }
    // SAFETY: every 64-bit ARM has NEON.
    std::hint::black_box(unsafe { chains(rounds) });
    rounds * (CHAINS * REGISTER) as u64
}
