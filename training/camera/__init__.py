"""What a camera outdoors makes of a scene, shared by training and evaluation.

In the order in which light meets them: `scenes` (where the animal stands, and how far away), `cutout` (without its surroundings) and `vegetation`
(what stands before it) · `weather` (rain, fog) · `night` (dusk, infrared) · `lens` (webs, insects, focus) · `motion` (while the shutter is open) ·
`sensor` (photons, Bayer mosaic, few pixels) · `codec` (Motion JPEG, H.264). `light` is what they share.

Pictures are H×W×3 uint8, RGB as sRGB encodes it; boxes k×4 float32: left, top, right, bottom in pixels; labels k int64. Every function draws from the
numpy Generator that it is handed and from nothing else, so the same seed makes the same picture. A knob that is left out is drawn.
"""

from training.camera.codec import h264, mjpeg
from training.camera.cutout import cut_out
from training.camera.lens import insect, unfocused, web
from training.camera.light import brightened
from training.camera.motion import moved
from training.camera.night import Dusk, Infrared, dusk, infrared
from training.camera.scenes import cut_by_edge, distant, wide_scene, widened
from training.camera.sensor import cheap, enlarged
from training.camera.vegetation import bush, occluded, planted, somewhere
from training.camera.weather import fog, rain

__all__ = [
    "Dusk", "Infrared", "brightened", "bush", "cheap", "cut_by_edge", "cut_out", "distant", "dusk", "enlarged", "fog", "h264", "infrared", "insect", "mjpeg",
    "moved", "occluded", "planted", "rain", "somewhere", "unfocused", "web", "wide_scene", "widened",
]
