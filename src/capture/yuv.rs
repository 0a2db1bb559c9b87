//! Raw frames to RGB: BT.601, limited range, within 3 levels of the formula for colours that exist. A wrong matrix would shift colours
//! by a few per cent, which the detector does not mind; limited range matters more.

use yuv::{
    YuvBiPlanarImage, YuvConversionMode, YuvError, YuvGrayImage, YuvPackedImage, YuvPlanarImage, YuvRange,
    YuvStandardMatrix,
};

use crate::perceive::frame::{Picture, PixelFormat};

const RANGE: YuvRange = YuvRange::Limited;
const MATRIX: YuvStandardMatrix = YuvStandardMatrix::Bt601;

/// Paints `picture`, whose size is that of the frame, from exactly the frame's bytes. RGB and JPEG are no YUV: nothing is painted.
///
/// # Errors
/// Where size and bytes do not agree.
pub fn to_rgb(format: PixelFormat, data: &[u8], picture: &mut Picture) -> Result<(), YuvError> {
    let (width, height) = (picture.width, picture.height);
    let (pixels, half) = (width as usize * height as usize, width.div_ceil(2));
    let (rgb, rgb_stride) = (picture.data.as_mut_slice(), width * 3);
    match format {
        // The last pixel of an odd width has a pair of its own.
        PixelFormat::Yuyv => {
            let image = YuvPackedImage { yuy: data, yuy_stride: half * 4, width, height };
            yuv::yuyv422_to_rgb(&image, rgb, rgb_stride, RANGE, MATRIX)
        }
        PixelFormat::Nv12 => {
            let (y_plane, uv_plane) = data.split_at(pixels);
            let image =
                YuvBiPlanarImage { y_plane, y_stride: width, uv_plane, uv_stride: half * 2, width, height };
            yuv::yuv_nv12_to_rgb(&image, rgb, rgb_stride, RANGE, MATRIX, YuvConversionMode::Balanced)
        }
        PixelFormat::I420 => {
            let (y_plane, chroma) = data.split_at(pixels);
            let (u_plane, v_plane) = chroma.split_at(chroma.len() / 2);
            let image = YuvPlanarImage {
                y_plane,
                y_stride: width,
                u_plane,
                u_stride: half,
                v_plane,
                v_stride: half,
                width,
                height,
            };
            yuv::yuv420_to_rgb(&image, rgb, rgb_stride, RANGE, MATRIX)
        }
        // Grey cameras give luma of full range.
        PixelFormat::Grey => {
            let image = YuvGrayImage { y_plane: data, y_stride: width, width, height };
            yuv::yuv400_to_rgb(&image, rgb, rgb_stride, YuvRange::Full, MATRIX)
        }
        PixelFormat::Rgb | PixelFormat::Jpeg => Ok(()),
    }
}
