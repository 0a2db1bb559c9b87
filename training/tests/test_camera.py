"""What the camera makes of a scene: the same seed, the same picture; boxes stay on their animals; noise, light and cover are what they are said to be."""

import numpy as np
import pytest

from training import camera
from training.camera import light, night, scenes, sensor
from training.camera.vegetation import Growth

HEIGHT, WIDTH = 120, 176
BOXES, LABELS = np.float32([[50, 40, 110, 95]]), np.array([0])


def scene(height=HEIGHT, width=WIDTH):
    """Uneven green ground with a black animal in BOXES."""
    rng = np.random.default_rng(5)
    ground = 25 * light.clouds(rng, height, width)[:, :, None] + rng.normal(0, 12, (height, width, 1))
    pixels = np.clip(np.array([90, 120, 70]) + ground, 0, 255).astype(np.uint8)
    pixels[40:95, 50:110] = 12
    return pixels


PIXELS = {
    "dusk": camera.dusk, "infrared": lambda r, p: camera.infrared(r, p, BOXES), "fog": camera.fog, "rain": camera.rain, "web": camera.web,
    "insect": camera.insect, "unfocused": camera.unfocused, "mjpeg": camera.mjpeg, "h264": camera.h264, "moved": camera.moved,
    "moved-animal": lambda r, p: camera.moved(r, p, box=BOXES[0]), "occluded": lambda r, p: camera.occluded(r, p, BOXES),
    "cheap": lambda r, p: camera.enlarged(camera.cheap(r, p), WIDTH, HEIGHT),
}
FRAMED = {
    "cut": lambda r, p: camera.cut_by_edge(r, p), "far": lambda r, p: camera.distant(r, p, camera.wide_scene(r, [scene()], 320, 240)),
}


@pytest.mark.parametrize("name", PIXELS)
def test_the_same_seed_makes_the_same_picture_and_another_seed_another(name):
    pixels = scene()
    before = pixels.copy()
    first, again, other = (PIXELS[name](np.random.default_rng(seed), pixels) for seed in (1, 1, 2))
    assert first.dtype == np.uint8 and first.shape == (HEIGHT, WIDTH, 3)
    assert np.array_equal(first, again) and not np.array_equal(first, other) and np.array_equal(pixels, before)


@pytest.mark.parametrize("name", FRAMED)
def test_the_same_seed_frames_the_same(name):
    first, again = (FRAMED[name](np.random.default_rng(3), (scene(), BOXES, LABELS)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again))


@pytest.mark.parametrize("side", [1, 3, 64])
def test_odd_and_tiny_pictures_pass(side):
    pixels = np.full((side + 2, side, 3), 90, np.uint8)
    boxes = np.float32([[0, 0, side, side]])
    for name, function in PIXELS.items():
        if name != "cheap":
            assert function(np.random.default_rng(1), pixels).shape == pixels.shape
    assert camera.occluded(np.random.default_rng(1), pixels, boxes, 0.5).shape == pixels.shape


def test_a_far_bear_is_dark_in_its_box_and_the_box_has_the_size_asked_for():
    bright = np.full((240, 320, 3), 150, np.uint8)
    for seed in range(20):
        size = 16 + seed
        pixels, boxes, labels = camera.distant(np.random.default_rng(seed), (scene(), BOXES, LABELS), bright, size)
        assert pixels.shape == bright.shape and labels.tolist() == [0]
        assert (boxes[0, 2:] - boxes[0, :2]).max() == pytest.approx(size, abs=1)
        dark = np.argwhere(pixels.max(2) < 60)
        assert len(dark) and np.abs([*(dark.min(0)[::-1] - boxes[0, :2]), *(dark.max(0)[::-1] + 1 - boxes[0, 2:])]).max() <= 3.5
        assert boxes.min() >= 0 and boxes[0, 2] <= 320 and boxes[0, 3] <= 240


def test_all_boxes_of_a_family_go_far_together_by_one_scale():
    boxes, labels = np.float32([[50, 40, 110, 95], [112, 70, 130, 95]]), np.array([0, 0])
    _, far, _ = camera.distant(np.random.default_rng(0), (scene(), boxes, labels), np.full((240, 320, 3), 90, np.uint8), 30)
    ratio = (far[:, 2:] - far[:, :2]) / (boxes[:, 2:] - boxes[:, :2])
    assert ratio == pytest.approx(np.full((2, 2), 0.5), abs=0.03)


def test_the_edge_takes_the_share_asked_for_and_the_box_stays_on_the_animal():
    for seed in range(20):
        pixels, boxes, _ = camera.cut_by_edge(np.random.default_rng(seed), (scene(), BOXES, LABELS), 0.4)
        left, top, right, bottom = boxes[0].astype(int)
        assert (pixels[top:bottom, left:right] == 12).all() and (pixels == 12).all(2).sum() == (bottom - top) * (right - left)
        assert (bottom - top) * (right - left) == pytest.approx(0.6 * 55 * 60, rel=0.03)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.7])
def test_plants_cover_the_share_asked_for_and_no_more_than_they_must(share):
    covered = []
    for seed in range(25):
        growth = Growth(np.random.default_rng(seed), scene(), BOXES)
        growth.cover(BOXES[0], share)
        covered.append((np.asarray(growth.mask)[40:95, 50:110] > 0).mean())
    assert min(covered) >= share and np.mean(covered) < share + 0.06 and max(covered) < share + 0.25


def test_noise_is_that_of_photons_and_read_out():
    for level in (0.05, 0.4):
        noisy = sensor.exposed(np.random.default_rng(1), np.full((400, 400), level, np.float32), electrons=500, read=4)
        assert noisy.mean() == pytest.approx(level, rel=0.02)
        assert noisy.var() == pytest.approx(level / 500 + (4 / 500) ** 2, rel=0.05)


def test_the_roll_of_noise_is_normal():
    noise = light.normal(np.random.default_rng(4), (416, 416, 3))
    assert abs(noise.mean()) < 0.01 and noise.std() == pytest.approx(1, abs=0.01) and np.abs(noise).max() < 6.5


def test_linear_light_comes_back_as_the_same_bytes():
    levels = np.arange(256, dtype=np.uint8)
    assert np.abs(light.encoded(light.linear(levels)).astype(int) - levels).max() <= 1


def test_a_grey_wall_comes_through_the_mosaic_unchanged_and_an_edge_does_not():
    wall = np.full((8, 12, 3), 0.3, np.float32)
    assert np.allclose(sensor.demosaicked(sensor.mosaicked(wall)), wall)
    wall[:, 5:] = 0.9
    seen = sensor.demosaicked(sensor.mosaicked(wall))
    assert np.ptp(seen, axis=2)[:, 3:7].max() > 0.1


def test_infrared_is_grey_and_falls_off_and_dusk_is_dark():
    flat = np.full((200, 300, 3), 120, np.uint8)
    lit = [camera.infrared(np.random.default_rng(s), flat, BOXES, electrons=1e5) for s in range(12)]
    assert all((p == p[:, :, :1]).all() for p in lit)
    assert np.mean([p[-70:].mean() for p in lit]) > 1.3 * np.mean([p[:40].mean() for p in lit])
    dark = [camera.dusk(np.random.default_rng(s), flat).mean() for s in range(12)]
    assert max(dark) < 80 and min(dark) > 4
    assert all(camera.brightened(p).mean() >= p.mean() for p in lit)


def test_eyes_shine_in_the_upper_part_of_the_box_only():
    for seed in range(30):
        x = np.zeros((HEIGHT, WIDTH), np.float32)
        night.eye_shine(np.random.default_rng(seed), x, BOXES[0])
        rows, columns = np.nonzero(x > 0.3)
        assert 1 <= len(rows) < 40 and rows.min() >= 43 and rows.max() <= 67 and columns.min() >= 50 and columns.max() <= 110


def test_blur_spreads_light_along_its_path_and_keeps_its_sum():
    dot = np.zeros((41, 61, 3), np.uint8)
    dot[20, 30] = 255
    seen = light.linear(camera.moved(np.random.default_rng(1), dot, 8.0, 0.0))[:, :, 0]
    assert seen[20, 26:35].min() > 0.05 and seen[:18].sum() == seen[23:].sum() == 0
    assert seen.sum() == pytest.approx(1, rel=0.05)


def test_only_the_animal_moves_if_its_box_is_given():
    pixels = scene()
    seen = camera.moved(np.random.default_rng(1), pixels, 6.0, 0.0, BOXES[0])
    assert np.array_equal(seen[:30], pixels[:30]) and np.array_equal(seen[:, 130:], pixels[:, 130:])
    assert not np.array_equal(seen[40:95, 45:115], pixels[40:95, 45:115])


def test_fog_hides_what_is_far_more_than_what_is_near():
    pixels = np.zeros((200, 200, 3), np.uint8)
    for seed in range(5):
        seen = camera.fog(np.random.default_rng(seed), pixels, density=0.3)
        assert seen[:30].mean() > 1.2 * seen[-20:].mean()


def test_codecs_cost_more_the_harder_they_press():
    pixels = scene()
    error = lambda seen: np.abs(seen.astype(int) - pixels).mean()
    assert error(camera.mjpeg(np.random.default_rng(1), pixels, 90)) < error(camera.mjpeg(np.random.default_rng(1), pixels, 15)) < 40
    soft, hard = (error(camera.h264(np.random.default_rng(1), pixels, qp, (2, 1))) for qp in (20, 44))
    assert soft < hard < 40


def test_a_cheap_sensor_has_few_pixels():
    assert camera.cheap(np.random.default_rng(1), scene(480, 640), 160).shape == (120, 160, 3)
    assert camera.cheap(np.random.default_rng(1), scene(120, 150), 160).shape == (120, 150, 3)


def test_the_free_part_of_a_picture_touches_no_box():
    pixels = scene(300, 420)
    boxes = np.float32([[50, 40, 110, 95]])
    pixels[:, :, 2] = 7
    pixels[40:95, 50:110, 2] = 200
    part = scenes.free_part(pixels, boxes)
    assert part is not None and (part[:, :, 2] == 7).all()
    assert scenes.free_part(np.full((300, 420, 3), 250, np.uint8), boxes) is None
