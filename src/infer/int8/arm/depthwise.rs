//! Convolution of each channel by itself on 64-bit ARM. Why there is `unsafe` here, the parent says.

use std::arch::aarch64::*;

use super::{Narrow, PARTS, REGISTER, dot, load_sums, signed, store};
use crate::infer::int8::depthwise::{Line, Lines, Taps, lay_out_from};
use crate::infer::int8::gemm::Output;
use crate::infer::int8::pack::QUAD;
use crate::infer::int8::requant::BLOCK;

/// One block of a depthwise convolution without dot products.
pub fn depthwise_block(taps: &Taps, block: &mut [u8; BLOCK]) {
    let (last, channels) = (taps.first + BLOCK, taps.weights.len() / taps.taps.len());
    assert!(last <= channels && taps.requant.bias.len() >= last, "a block beyond the channels");
    assert!(taps.taps.iter().all(|tap| tap.len() >= last), "a pixel is too short");
    // SAFETY: every 64-bit ARM has NEON; lengths were checked.
    unsafe { sum_taps(taps, channels, block) }
}

#[target_feature(enable = "neon")]
unsafe fn sum_taps(taps: &Taps, channels: usize, block: &mut [u8; BLOCK]) {
    unsafe {
        let [mut s0, mut s1, mut s2, mut s3] = load_sums(&taps.requant.bias, taps.first);
        let mut weights = taps.weights.as_ptr().add(taps.first);
        for tap in taps.taps {
            let a = vld1q_u8(tap.as_ptr().add(taps.first));
            let low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(a)));
            let high = vreinterpretq_s16_u16(vmovl_high_u8(a));
            let (w, v) = (vld1q_s16(weights), vld1q_s16(weights.add(8)));
            s0 = vmlal_s16(s0, vget_low_s16(low), vget_low_s16(w));
            s1 = vmlal_high_s16(s1, low, w);
            s2 = vmlal_s16(s2, vget_low_s16(high), vget_low_s16(v));
            s3 = vmlal_high_s16(s3, high, v);
            weights = weights.add(channels);
        }
        let narrow = Narrow::load(taps.requant, taps.first);
        vst1q_u8(block.as_mut_ptr(), narrow.bytes(&[s0, s1, s2, s3]));
    }
}

/// One output row of a depthwise convolution.
pub fn depthwise(laid_out: &[u8], line: &Line, row: &mut [u8]) {
    line.check(laid_out, row);
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
        unsafe {
            // Before the loop: the compiler cannot know that what is written there is not among them.
            let mut taps = [[[vdupq_n_s8(0); PARTS]; GROUPS]; COLUMNS];
            for (kx, column) in taps.iter_mut().enumerate() {
                for (g, tap) in column.iter_mut().enumerate() {
                    let from = weights.add((kx * GROUPS + g) * BLOCK * QUAD);
                    *tap = std::array::from_fn(|part| vld1q_s8(from.add(part * REGISTER)));
                }
            }
            let bias = load_sums(&line.requant.bias, first);
            let narrow = Narrow::load(line.requant, first);
            let whole = line.channels - first >= BLOCK;
            let mut from = laid_out.as_ptr().add(first * QUAD);
            for place in 0..places {
                let mut sums = bias;
                for (kx, column) in taps.iter().enumerate() {
                    for (g, tap) in column.iter().enumerate() {
                        let a = from.add(kx * line.column + g * group);
                        for part in 0..PARTS {
                            let input = vreinterpretq_s8_u8(vld1q_u8(a.add(part * REGISTER)));
                            dot(&mut sums[part], tap[part], input);
                        }
                    }
                }
                if whole {
                    vst1q_u8(row.as_mut_ptr().add(place * line.channels + first), narrow.bytes(&sums));
                } else {
                    store(&[sums], line.requant, first, line.channels, place, &mut Output::Bytes(row));
                }
                from = from.add(line.stride * line.column);
            }
        }
    }
}

/// See [`lay_out_from`]; as signed bytes.
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
