//! Once the buffers have grown, a frame's pixels reach the model's input, and go through its kernels, without a single allocation. (tract
//! allocates the tensors between its operators; what is ours does not.)

#![allow(unsafe_code, reason = "a counting allocator is one")]
#![allow(clippy::unwrap_used, reason = "a test program")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bearwatch::capture::pixels::{raw_bytes, to_picture};
use bearwatch::infer::bundle::Bundle;
use bearwatch::infer::int8::conv::Conv;
use bearwatch::infer::int8::depthwise::Depthwise;
use bearwatch::infer::int8::elementwise::greatest;
use bearwatch::infer::int8::gemm::Output;
use bearwatch::infer::int8::isa::Isa;
use bearwatch::infer::int8::requant::Channel;
use bearwatch::infer::int8::window::Window;
use bearwatch::perceive::drift::{Drift, Seen};
use bearwatch::perceive::frame::{Frame, Picture, PixelFormat, Stamp};
use bearwatch::perceive::geometry::Rect;
use bearwatch::perceive::model::Class;
use bearwatch::perceive::observation::{Detection, Regime, Scene};
use bearwatch::perceive::regions::{IDENTITY_TONE, Letterbox, Resampler, for_still};
use bearwatch::perceive::settings::RegionMode;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is done by the system's allocator; counting neither allocates nor fails.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of this thread while `work` runs.
fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

#[test]
fn what_counts_allocations_does_count() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1u8; 100]))), 1);
}

#[test]
fn raw_frames_become_pictures_without_one() {
    let mut picture = Picture::default();
    for format in
        [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::I420, PixelFormat::Grey, PixelFormat::Rgb]
    {
        let data = vec![100; raw_bytes(format, 1281, 719).unwrap()];
        let frame = Frame { format, width: 1281, height: 719, data, ..Frame::empty() };
        to_picture(&frame, &mut picture).unwrap();
        assert_eq!(allocations(|| to_picture(&frame, &mut picture).unwrap()), 0, "{format:?}");
    }
}

#[test]
fn the_whole_frame_and_its_tiles_reach_the_input_without_one() {
    let picture = Picture::new(1280, 720);
    let spec = Bundle::open(None).unwrap().spec.input;
    let regions = for_still(1280, 720, RegionMode::Auto, &spec);
    assert!(regions.len() > 1);
    let (mut resampler, mut input) = (Resampler::default(), Vec::new());
    let mut look = || {
        for &region in &regions {
            let place = Letterbox::new(region, 1280, 720, &spec);
            resampler.fill(&picture, &place, &spec, &IDENTITY_TONE, &mut input);
        }
    };
    assert!(allocations(&mut look) > 0, "the first frame grows the buffers");
    assert_eq!(allocations(&mut look), 0);
}

#[test]
fn what_a_frame_is_like_is_counted_without_one() {
    let spec = Bundle::open(None).unwrap().spec;
    let found = Class::ALL.map(|class| Detection { class, score: 0.9, bbox: Rect::WHOLE, cut: false });
    let mut drift = Drift::default();
    let mut count = || {
        for second in 0..600 {
            let stamp = Stamp { uptime_ms: second * 1_000, ..Stamp::default() };
            let scene = Scene { luma: 0.4, sharpness: 0.01, ..Scene::default() };
            let seen = Seen { stamp, regime: Regime::Dusk, scene, motion: 0.1 };
            let found = if second / 100 % 2 == 0 { &found[..] } else { &[] };
            drift.observe(&seen, &spec, found.iter());
        }
    };
    assert_eq!(allocations(&mut count), 0);
}

#[test]
fn the_kernels_keep_their_buffers() {
    let window = |kernel, stride, output| Window {
        input: [20, 20, 32],
        kernel: [kernel, kernel],
        stride,
        pad: [kernel / 2, kernel / 2],
        output: [output, output],
    };
    let channels = [Channel { bias: 3, multiplier: 0.01, low: 0, high: 255, zero: 9 }; 32];
    for isa in Isa::available() {
        let conv = Conv::new(isa, window(3, 1, 20), 7, &[1; 32 * 9 * 32], &channels);
        let depthwise = Depthwise::new(isa, window(5, 2, 10), vec![7; 32], &[1; 32 * 25], &channels);
        let (input, mut output) = (vec![100u8; 20 * 20 * 32], vec![0u8; 20 * 20 * 32]);
        let mut run = || {
            conv.run(&input, Output::Bytes(&mut output));
            depthwise.run(&input, &mut output[..10 * 10 * 32]);
            greatest(&window(5, 1, 20), &input, &mut output);
        };
        run();
        assert_eq!(allocations(&mut run), 0, "{isa:?}");
    }
}
