//! Every form of every kernel against its definition, byte for byte, over random shapes, steps, paddings, zero points and scales.

use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::conv::Conv;
use super::depthwise::Depthwise;
use super::elementwise::{Addition, Term, greatest};
use super::gemm::Output;
use super::isa::Isa;
use super::lookup::Table;
use super::requant::{Channel, Requant};
use super::window::Window;

fn bytes(random: &mut impl Rng, count: usize) -> Vec<u8> {
    (0..count).map(|_| random.random()).collect()
}

fn weights(random: &mut impl Rng, count: usize) -> Vec<i8> {
    (0..count).map(|_| random.random_range(-127..=127)).collect()
}

fn channels(random: &mut impl Rng, count: usize, depth: usize) -> Vec<Channel> {
    let channel = |_| {
        let bounds: [u8; 2] = [random.random(), random.random()];
        Channel {
            bias: random.random_range(-100_000..100_000),
            // Sums of that many random products come out over the whole range of a byte.
            multiplier: random.random_range(0.2..2.0) / (80.0 * (depth as f32).sqrt()) * 2.0,
            low: bounds[0].min(bounds[1]),
            high: bounds[0].max(bounds[1]),
            zero: random.random(),
        }
    };
    (0..count).map(channel).collect()
}

/// A window that fits, and its output size.
fn windows(sizes: &'static [usize]) -> impl Strategy<Value = Window> {
    let side = 1..12usize;
    let kernel = prop::sample::select(sizes);
    (side.clone(), side, 1..40usize, kernel, 1..3usize, 0..3usize).prop_filter_map(
        "the window is larger than the picture",
        |(height, width, channels, kernel, stride, pad)| {
            let pad = pad.min(kernel / 2);
            let size = |side: usize| Some((side + 2 * pad).checked_sub(kernel)? / stride + 1);
            Some(Window {
                input: [height, width, channels],
                kernel: [kernel, kernel],
                stride,
                pad: [pad, pad],
                output: [size(height)?, size(width)?],
            })
        },
    )
}

/// The sum at output pixel (`y`, `x`), by the definition: `weight(ky, kx, c)` times the input less its zero point, nothing in the padding.
fn sum(
    window: &Window,
    input: &[u8],
    zero: impl Fn(usize) -> u8,
    [y, x]: [usize; 2],
    weight: impl Fn(usize, usize, usize) -> i32,
) -> i32 {
    let [height, width, channels] = window.input;
    let mut sum = 0;
    for (ky, kx) in (0..window.kernel[0]).flat_map(|ky| (0..window.kernel[1]).map(move |kx| (ky, kx))) {
        let row = (y * window.stride + ky).wrapping_sub(window.pad[0]);
        let column = (x * window.stride + kx).wrapping_sub(window.pad[1]);
        if row < height && column < width {
            for c in 0..channels {
                let a = i32::from(input[(row * width + column) * channels + c]) - i32::from(zero(c));
                sum += a * weight(ky, kx, c);
            }
        }
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_convolution_is_its_definition(window in windows(&[1, 2, 3, 6]), outputs in 1..70usize, seed: u64) {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let depth = window.kernel[0] * window.kernel[1] * window.input[2];
        let input = bytes(&mut random, window.input.iter().product());
        let weights = weights(&mut random, outputs * depth);
        let of_channel = channels(&mut random, outputs, depth);
        let zero = random.random();
        let plain = Requant::new(&of_channel, |_| 0);
        let table = Table::shared(std::array::from_fn(|_| random.random()));
        let mut expected = vec![];
        let mut floats = vec![];
        for place in (0..window.output[0]).flat_map(|y| (0..window.output[1]).map(move |x| [y, x])) {
            for n in 0..outputs {
                let weight = |ky: usize, kx: usize, c: usize| {
                    i32::from(weights[n * depth + (ky * window.kernel[1] + kx) * window.input[2] + c])
                };
                let sum = of_channel[n].bias + sum(&window, &input, |_| zero, place, weight);
                expected.push(table.entry(n, plain.byte(sum, n)));
                floats.push(sum as f32 * of_channel[n].multiplier);
            }
        }
        for isa in Isa::available() {
            let conv = Conv::new(isa, window, zero, &weights, &of_channel);
            let mut found = vec![0.0; expected.len()];
            conv.run(&input, Output::Floats(&mut found));
            prop_assert_eq!(&found, &floats, "{:?}", isa);
            let mut found = vec![0; expected.len()];
            conv.with_table(&table).unwrap().run(&input, Output::Bytes(&mut found));
            prop_assert_eq!(&found, &expected, "{:?}", isa);
        }
    }

    #[test]
    fn a_depthwise_convolution_is_its_definition(window in windows(&[1, 2, 3, 5]), seed: u64) {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let [taps, outputs] = [window.kernel[0] * window.kernel[1], window.input[2]];
        let input = bytes(&mut random, window.input.iter().product());
        let weights = weights(&mut random, outputs * taps);
        let of_channel = channels(&mut random, outputs, taps);
        let zero = bytes(&mut random, outputs);
        let plain = Requant::new(&of_channel, |_| 0);
        let tables = (0..outputs).map(|_| std::array::from_fn(|_| random.random())).collect();
        let table = Table::by_channel(tables);
        let mut expected = vec![];
        for place in (0..window.output[0]).flat_map(|y| (0..window.output[1]).map(move |x| [y, x])) {
            for n in 0..outputs {
                let weight = |ky: usize, kx: usize, c: usize| {
                    if c == n { i32::from(weights[n * taps + ky * window.kernel[1] + kx]) } else { 0 }
                };
                let sum = of_channel[n].bias + sum(&window, &input, |c| zero[c], place, weight);
                expected.push(table.entry(n, plain.byte(sum, n)));
            }
        }
        for isa in Isa::available() {
            let conv = Depthwise::new(isa, window, zero.clone(), &weights, &of_channel);
            let mut found = vec![0; expected.len()];
            conv.with_table(&table).unwrap().run(&input, &mut found);
            prop_assert_eq!(&found, &expected, "{:?}", isa);
        }
    }

    #[test]
    fn a_table_replaces_every_byte(length in 0..300usize, seed: u64) {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let input = bytes(&mut random, length);
        let table = Table::shared(std::array::from_fn(|_| random.random()));
        let expected: Vec<u8> = input.iter().map(|&byte| table.entry(0, byte)).collect();
        for isa in Isa::available() {
            let mut found = input.clone();
            table.apply(isa, &mut found);
            prop_assert_eq!(&found, &expected, "{:?}", isa);
        }
    }

    #[test]
    fn a_sum_is_its_definition(seed: u64) {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let terms = [(); 2].map(|()| Term { multiplier: random.random_range(0.01..3.0), zero: random.random() });
        let (zero, low) = (random.random(), random.random_range(0..100));
        let addition = Addition { terms, zero, low, high: random.random_range(100..=255) };
        let (a, b) = (bytes(&mut random, 100), bytes(&mut random, 100));
        let zeros = terms.map(|term| term.multiplier * f32::from(term.zero));
        let fixed = f32::from(zero) - (zeros[0] + zeros[1]);
        let byte = |(&a, &b): (&u8, &u8)| {
            let b = f32::from(b).mul_add(terms[1].multiplier, fixed);
            let sum = f32::from(a).mul_add(terms[0].multiplier, b).round_ties_even();
            sum.clamp(f32::from(low), f32::from(addition.high)) as u8
        };
        let expected: Vec<u8> = a.iter().zip(&b).map(byte).collect();
        for isa in Isa::available() {
            let mut found = vec![0; 100];
            addition.run(isa, &a, &b, &mut found);
            prop_assert_eq!(&found, &expected, "{:?}", isa);
        }
    }

    #[test]
    fn pooling_takes_the_greatest(window in windows(&[1, 2, 3, 5]), seed: u64) {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let [height, width, channels] = window.input;
        let input = bytes(&mut random, height * width * channels);
        let mut found = vec![0; window.places() * channels];
        greatest(&window, &input, &mut found);
        for (at, &found) in found.iter().enumerate() {
            let (place, c) = (at / channels, at % channels);
            let (y, x) = (place / window.output[1] * window.stride, place % window.output[1] * window.stride);
            let rows = (y..y + window.kernel[0]).map(|row| row.wrapping_sub(window.pad[0]));
            let within = rows.filter(|&row| row < height).flat_map(|row| {
                let columns = (x..x + window.kernel[1]).map(|column| column.wrapping_sub(window.pad[1]));
                columns.filter(|&column| column < width).map(move |column| (row * width + column) * channels + c)
            });
            prop_assert_eq!(Some(found), within.map(|at| input[at]).max());
        }
    }
}

/// The kernel without dot product adds two products in 16 bits; this weight is too much for it.
#[test]
fn the_least_weight_is_multiplied_right_everywhere() {
    let window = Window { input: [1, 1, 32], kernel: [1, 1], stride: 1, pad: [0, 0], output: [1, 1] };
    let channel = Channel { bias: 0, multiplier: 1.0, low: 0, high: 255, zero: 0 };
    for isa in Isa::available() {
        let conv = Conv::new(isa, window, 128, &[i8::MIN; 32], &[channel]);
        let mut found = [0.0];
        conv.run(&[0; 32], Output::Floats(&mut found));
        assert_eq!(found, [32.0 * 128.0 * 128.0], "{isa:?}");
    }
}
