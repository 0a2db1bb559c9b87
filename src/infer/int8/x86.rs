//! Kernels for x86-64 with AVX-512 VNNI and VBMI. Each gives the same bytes as its portable form.
//!
//! `unsafe` is here for two reasons. The functions may run only where [`super::isa::Isa::available`] lists `Vnni`, which alone leads here.
//! And registers are filled and emptied by pointer: every function first checks the lengths that its pointers rely on.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::depthwise::{Line, Lines, lay_out_from};
use super::elementwise::Addition;
use super::gemm::{Output, Rows};
use super::lookup::replace;
use super::pack::{Packed, QUAD};
use super::requant::{BLOCK, Requant};

/// Bytes of a register.
const REGISTER: usize = 64;

/// Rows times weights; lengths were checked by the caller, [`super::gemm::multiply`].
pub fn multiply(rows: Rows, weights: &Packed, requant: &Requant, output: Output) {
    // SAFETY: the processor has the instructions, see above; lengths by the caller.
    match output {
        Output::Bytes(bytes) => unsafe {
            product::<false>(rows, weights, requant, bytes.as_mut_ptr());
        },
        Output::Floats(floats) => unsafe {
            product::<true>(rows, weights, requant, floats.as_mut_ptr().cast());
        },
    }
}

/// `FLOAT`: the output is of floats, else of bytes.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn product<const FLOAT: bool>(rows: Rows, weights: &Packed, requant: &Requant, output: *mut u8) {
    let blocks = weights.width.div_ceil(BLOCK);
    let mut block = 0;
    while block < blocks {
        // As many sums as leave registers for the operands: rows × blocks of columns.
        let (height, width, tile, single): (usize, usize, Tile, Tile) = match blocks - block {
            1 => (12, 1, tile_12_1::<FLOAT>, tile_1_1::<FLOAT>),
            2 | 3 => (12, 2, tile_12_2::<FLOAT>, tile_1_2::<FLOAT>),
            _ => (6, 4, tile_6_4::<FLOAT>, tile_1_4::<FLOAT>),
        };
        let mut row = 0;
        while row < rows.count {
            let (many, tile) = if rows.count - row >= height { (height, tile) } else { (1, single) };
            unsafe { tile(rows, row, weights, requant, block, output) };
            row += many;
        }
        block += width;
    }
}

/// The product of some rows from a row on and some blocks of columns from a block on.
type Tile = unsafe fn(Rows, usize, &Packed, &Requant, usize, *mut u8);

/// One row's quad times the quads of some blocks.
macro_rules! multiply_row {
    ($sums:expr, $a:ident, $four:ident, [$($n:literal)+]) => {
        $( $sums[$n] = _mm512_dpbusd_epi32($sums[$n], $a, $four[$n]); )+
    };
}

/// A [`Tile`], written out row by row and block by block: in a loop the compiler would keep the sums in memory.
macro_rules! tile {
    ($name:ident, $rows:literal [$($m:literal)+], $blocks:literal $each:tt) => {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
        unsafe fn $name<const FLOAT: bool>(
            rows: Rows,
            row: usize,
            weights: &Packed,
            requant: &Requant,
            block: usize,
            output: *mut u8,
        ) {
            let (column, block_bytes) = (block * BLOCK, weights.depth * BLOCK);
            let bias = unsafe { load_sums::<$blocks>(&requant.bias, column) };
            let mut sums = [bias; $rows];
            unsafe {
                let mut a = rows.bytes.as_ptr().add(row * rows.stride);
                let mut w = weights.values.as_ptr().add(block * block_bytes);
                for _ in 0..weights.depth / QUAD {
                    let four: [__m512i; $blocks] = load_blocks(w, block_bytes);
                    $({
                        let a = a.add(rows.stride.wrapping_mul($m));
                        let a = _mm512_set1_epi32(a.cast::<i32>().read_unaligned());
                        multiply_row!(sums[$m], a, four, $each);
                    })+
                    a = a.add(QUAD);
                    w = w.add(BLOCK * QUAD);
                }
                // A copy, which may be indexed without keeping the sums from their registers.
                let done = sums;
                for (m, sums) in done.iter().enumerate() {
                    store::<$blocks, FLOAT>(sums, row + m, weights.width, requant, column, output);
                }
            }
        }
    };
}

tile!(tile_12_1, 12 [0 1 2 3 4 5 6 7 8 9 10 11], 1 [0]);
tile!(tile_12_2, 12 [0 1 2 3 4 5 6 7 8 9 10 11], 2 [0 1]);
tile!(tile_6_4, 6 [0 1 2 3 4 5], 4 [0 1 2 3]);
tile!(tile_1_1, 1[0], 1[0]);
tile!(tile_1_2, 1 [0], 2 [0 1]);
tile!(tile_1_4, 1 [0], 4 [0 1 2 3]);

#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn load_sums<const N: usize>(from: &[i32], first: usize) -> [__m512i; N] {
    std::array::from_fn(|n| unsafe { _mm512_loadu_si512(from.as_ptr().add(first + n * BLOCK).cast()) })
}

#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn load_blocks<const N: usize>(from: *const i8, apart: usize) -> [__m512i; N] {
    std::array::from_fn(|n| unsafe { _mm512_loadu_si512(from.add(apart.wrapping_mul(n)).cast()) })
}

/// Writes one row's sums of `N` blocks from `column` on.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
unsafe fn store<const N: usize, const FLOAT: bool>(
    sums: &[__m512i; N],
    row: usize,
    width: usize,
    requant: &Requant,
    column: usize,
    output: *mut u8,
) {
    for (n, &sum) in sums.iter().enumerate() {
        let first = column + n * BLOCK;
        let (at, mask) = (row * width + first, mask(width - first));
        unsafe {
            if FLOAT {
                let scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), load(&requant.multiplier, first));
                _mm512_mask_storeu_ps(output.cast::<f32>().add(at), mask, scaled);
            } else {
                _mm_mask_storeu_epi8(output.add(at).cast(), mask, to_bytes(sum, requant, first));
            }
        }
    }
}

/// The first `columns` of a block.
fn mask(columns: usize) -> __mmask16 {
    if columns >= BLOCK { !0 } else { (1 << columns) - 1 }
}

#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn load(from: &[f32], first: usize) -> __m512 {
    unsafe { _mm512_loadu_ps(from.as_ptr().add(first)) }
}

/// See [`Requant::byte`]; the conversion rounds halves to even.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
unsafe fn to_bytes(sums: __m512i, requant: &Requant, first: usize) -> __m128i {
    unsafe {
        let scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), load(&requant.multiplier, first));
        let low = _mm512_max_ps(scaled, load(&requant.low, first));
        let held = _mm512_min_ps(low, load(&requant.high, first));
        let zero = _mm512_loadu_si512(requant.zero.as_ptr().add(first).cast());
        _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(held), zero))
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
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn windows<const COLUMNS: usize, const GROUPS: usize>(laid_out: &[u8], line: &Line, row: &mut [u8]) {
    let places = row.len() / line.channels;
    let group = line.column / GROUPS;
    for first in (0..line.channels).step_by(BLOCK) {
        let weights = line.weights[first * QUAD * line.taps..].as_ptr();
        let mask = mask(line.channels - first);
        unsafe {
            let mut taps = [[_mm512_setzero_si512(); GROUPS]; COLUMNS];
            for (kx, column) in taps.iter_mut().enumerate() {
                for (g, tap) in column.iter_mut().enumerate() {
                    *tap = _mm512_loadu_si512(weights.add((kx * GROUPS + g) * REGISTER).cast());
                }
            }
            let bias = _mm512_loadu_si512(line.requant.bias.as_ptr().add(first).cast());
            let mut from = laid_out.as_ptr().add(first * QUAD);
            let mut to = row.as_mut_ptr().add(first);
            for _ in 0..places {
                let mut sum = bias;
                for (kx, column) in taps.iter().enumerate() {
                    for (g, &tap) in column.iter().enumerate() {
                        let a = _mm512_loadu_si512(from.add(kx * line.column + g * group).cast());
                        sum = _mm512_dpbusd_epi32(sum, a, tap);
                    }
                }
                _mm_mask_storeu_epi8(to.cast(), mask, to_bytes(sum, line.requant, first));
                from = from.add(line.stride * line.column);
                to = to.add(line.channels);
            }
        }
    }
}

/// See [`super::depthwise::lay_out_from`].
pub fn lay_out(lines: &Lines, laid: &mut [u8]) {
    let whole = lines.channels / BLOCK * BLOCK;
    assert!(lines.lines.iter().all(|line| line.len() >= lines.count * lines.channels), "a row is too short");
    assert!(lines.count == 0 || laid.len() >= (lines.count - 1) * lines.column + lines.channels * QUAD);
    // SAFETY: the processor has the instructions, see above; lengths were checked.
    unsafe { lay_out_blocks(lines, whole, laid.as_mut_ptr()) };
    if whole < lines.channels {
        lay_out_from(whole, 0, lines, laid);
    }
}

/// Channels up to `whole`, a number of whole blocks.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn lay_out_blocks(lines: &Lines, whole: usize, laid: *mut u8) {
    for pixel in 0..lines.count {
        for c in (0..whole).step_by(BLOCK) {
            unsafe {
                let at = pixel * lines.channels + c;
                let [a, b, d, e] = lines.lines.map(|line| _mm_loadu_si128(line.as_ptr().add(at).cast()));
                let (ab_low, ab_high) = (_mm_unpacklo_epi8(a, b), _mm_unpackhi_epi8(a, b));
                let (de_low, de_high) = (_mm_unpacklo_epi8(d, e), _mm_unpackhi_epi8(d, e));
                let to = laid.add(pixel * lines.column + c * QUAD).cast::<__m128i>();
                _mm_storeu_si128(to, _mm_unpacklo_epi16(ab_low, de_low));
                _mm_storeu_si128(to.add(1), _mm_unpackhi_epi16(ab_low, de_low));
                _mm_storeu_si128(to.add(2), _mm_unpacklo_epi16(ab_high, de_high));
                _mm_storeu_si128(to.add(3), _mm_unpackhi_epi16(ab_high, de_high));
            }
        }
    }
}

/// Adds two tensors.
pub fn add(addition: &Addition, a: &[u8], b: &[u8], sum: &mut [u8]) {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,fma")]
    fn wide(addition: &Addition, a: &[u8], b: &[u8], sum: &mut [u8]) {
        addition.portable(a, b, sum);
    }
    // SAFETY: the processor has the instructions, see above.
    unsafe { wide(addition, a, b, sum) }
}

/// Replaces every byte by its entry.
pub fn look_up(table: &[u8; 256], bytes: &mut [u8]) {
    let whole = bytes.len() / REGISTER * REGISTER;
    let (registers, rest) = bytes.split_at_mut(whole);
    // SAFETY: the processor has the instructions, see above; the length is a multiple of a register's.
    unsafe { look_up_registers(table, registers) };
    replace(table, rest);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
unsafe fn look_up_registers(table: &[u8; 256], bytes: &mut [u8]) {
    unsafe {
        let quarter = |i: usize| _mm512_loadu_si512(table.as_ptr().add(i * REGISTER).cast());
        let quarters = [quarter(0), quarter(1), quarter(2), quarter(3)];
        for register in bytes.chunks_exact_mut(REGISTER) {
            let at = register.as_mut_ptr().cast();
            let index = _mm512_loadu_si512(at);
            // Each takes the lower seven bits; the eighth chooses between the two.
            let low = _mm512_permutex2var_epi8(quarters[0], index, quarters[1]);
            let high = _mm512_permutex2var_epi8(quarters[2], index, quarters[3]);
            _mm512_storeu_si512(at, _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), low, high));
        }
    }
}

/// Twelve independent chains of products in registers, `rounds` times; the number of products.
pub fn spin(rounds: u64) -> u64 {
    const CHAINS: usize = 12;
    #[target_feature(enable = "avx512f,avx512vnni")]
    fn chains(rounds: u64) -> i32 {
        let mut sums = [_mm512_setzero_si512(); CHAINS];
        let (a, four) = std::hint::black_box((_mm512_set1_epi32(1), [_mm512_set1_epi32(1); CHAINS]));
        for _ in 0..rounds {
            multiply_row!(sums, a, four, [0 1 2 3 4 5 6 7 8 9 10 11]);
        }
        sums.iter().map(|&sum| _mm512_reduce_add_epi32(sum)).fold(0, i32::wrapping_add)
    }
    // SAFETY: the processor has the instructions, see above.
    std::hint::black_box(unsafe { chains(rounds) });
    rounds * (CHAINS * REGISTER) as u64
}
