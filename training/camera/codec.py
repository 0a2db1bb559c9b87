"""What compression leaves of a frame: real encoders, at the rates of cheap cameras and thin links."""

import io
from fractions import Fraction

import av
import numpy as np
from PIL import Image

from training.camera.sensor import even


def mjpeg(rng, pixels, quality=None):
    """One frame of Motion JPEG (ITU-T T.81, colour at half resolution). `quality` 15..75 by the IJG scale."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality or int(rng.integers(15, 76)), subsampling=2)
    return np.asarray(Image.open(buffer).convert("RGB"))


def h264(rng, pixels, qp=None, shift=None):
    """A predicted frame of H.264 (ITU-T H.264, baseline as libx264 makes it), decoded again: blocks that are skipped, smeared or a frame late.
    `qp` 28..44 (quantiser), `shift`: pixels that the picture moved since the key frame before it, right and down (drawn ±4)."""
    height, width = pixels.shape[:2]
    full = even(pixels)
    shift = rng.integers(-4, 5, 2) if shift is None else shift
    before = np.roll(full, (int(shift[1]), int(shift[0])), (0, 1))
    encoder = _encoder(full.shape[1], full.shape[0], int(rng.integers(28, 45)) if qp is None else qp)
    packets = []
    for number, frame in enumerate((before, full)):
        # BT.601 is what cameras write and what a decoder takes for granted.
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24").reformat(format="yuv420p")
        picture.pts = number
        packets += encoder.encode(picture)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    return frames[-1].to_ndarray(format="rgb24")[:height, :width]


def _encoder(width, height, qp):
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 5)
    # More threads would cut the picture into slices: other bytes on other machines.
    encoder.thread_count = 1
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "qp": str(qp)}
    return encoder
