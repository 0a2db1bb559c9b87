"""What the training rests on, without pictures or weights."""

import contextlib
import io

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from training import augment, card, data, evaluate, faults, loss, network, quantise


def picture(rng, side=80):
    pixels = rng.integers(0, 256, (side, side * 2, 3), dtype=np.uint8)
    return pixels, np.float32([[40, 20, 120, 60]]), np.array([0])


def test_the_same_seed_makes_the_same_picture_and_boxes_stay_inside():
    for seed in range(60):
        first, again = (
            augment.view(rng, picture(rng), lambda: np.zeros((9, 9, 3), np.uint8), 96)
            for rng in (np.random.default_rng(seed), np.random.default_rng(seed))
        )
        assert all(np.array_equal(a, b) for a, b in zip(first, again))
        assert first[0].shape == (96, 96, 3) and first[0].dtype == np.uint8
        assert (first[1] >= -0.01).all() and (first[1] <= 96.01).all()


def test_a_box_follows_its_bright_square_through_every_framing():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        pixels = np.zeros((80, 160, 3), np.uint8)
        pixels[20:60, 40:120] = 255
        sample = (pixels, np.float32([[40, 20, 120, 60]]), np.array([0]))
        canvas, _, boxes, _ = augment.rescaled(rng, sample, lambda: np.zeros((9, 9, 3), np.uint8), 96)
        for left, top, right, bottom in boxes.round().astype(int):
            bright = np.argwhere(canvas[:, :, 0] > 128)
            bright = bright[(canvas[bright[:, 0], bright[:, 1], 0] != augment.FILL)]
            assert np.abs(bright.min(0) - [top, left]).max() <= 2 and np.abs(bright.max(0) + 1 - [bottom, right]).max() <= 2


def test_the_calibration_split_is_disjoint_complete_and_about_an_eighth():
    pictures = [data.Picture(data.Path(f"b{i:04}.jpg"), *augment.NOTHING, "day") for i in range(2000)]
    fit, held = data.split(pictures)
    assert sorted(p.path for p in fit + held) == sorted(p.path for p in pictures)
    assert 200 < len(held) < 300


def test_missing_data_names_the_variable(monkeypatch):
    monkeypatch.delenv("BEARWATCH_DATA", raising=False)
    with pytest.raises(faults.Fault, match="BEARWATCH_DATA is not set"):
        data.folder("BEARWATCH_DATA")


def test_the_loss_is_small_for_the_right_answer_and_grows_with_every_kind_of_error():
    cells, strides = network.grid(64, 64)
    box = torch.tensor([[32.0, 32.0, 24.0, 24.0]])
    output = torch.full((1, len(cells), 8), -12.0)
    output[..., :2] = (box[:, :2] / strides) - cells
    output[..., 2:4] = (box[:, 2:] / strides).log()
    rows, _, overlap = loss.assign(output[0], box, torch.tensor([1]), cells, strides)
    assert len(rows) == 10 and (overlap > 0.99).all()
    output[0, rows, 4] = output[0, rows, 6] = 12.0
    right = loss.yolox_loss(output, [(box, torch.tensor([1]))], cells, strides)
    assert right < 0.01
    for column, value in ((4, -12.0), (6, -12.0), (2, 5.0)):
        worse = output.clone()
        worse[0, rows, column] = value
        assert loss.yolox_loss(worse, [(box, torch.tensor([1]))], cells, strides) > right + 0.5
    empty = loss.yolox_loss(output, [(box[:0], torch.zeros(0, dtype=torch.long))], cells, strides)
    assert empty > 100


def test_average_precision_is_that_of_the_coco_tools():
    rng = np.random.default_rng(5)
    images, truths, said, judged = [], [], [], []
    for i in range(40):
        boxes = np.sort(rng.uniform(0, 100, (rng.integers(0, 4), 2, 2)), axis=1).reshape(-1, 4).astype(np.float32)
        noise = boxes + rng.normal(0, 4, boxes.shape)
        found = np.concatenate([noise, np.sort(rng.uniform(0, 100, (3, 2, 2)), axis=1).reshape(-1, 4)])
        scores = np.sort(rng.random(len(found)))[::-1]
        found = found[rng.permutation(len(found))]
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        judged.append(evaluate.judge((scores, np.zeros(len(found), int), found), boxes, np.zeros(len(boxes), int), 0))
        images.append({"id": i})
        size = lambda b: [*b[:2].tolist(), *(b[2:] - b[:2]).tolist()]
        truths += [{"id": len(truths) + k + 1, "image_id": i, "category_id": 1, "bbox": size(b), "area": 1, "iscrowd": 0} for k, b in enumerate(boxes)]
        said += [{"image_id": i, "category_id": 1, "bbox": size(b), "score": float(s)} for b, s in zip(found, scores)]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"images": images, "annotations": truths, "categories": [{"id": 1, "name": "bear"}], "info": {}}
        coco.createIndex()
        tools = COCOeval(coco, coco.loadRes(said), "bbox")
        tools.evaluate(), tools.accumulate(), tools.summarize()
    assert evaluate.average_precision(judged) == pytest.approx(tools.stats[1], abs=1e-9)


def test_the_threshold_allows_just_so_many_false_pictures():
    empty = [evaluate.Judged(np.float32([s]), np.array([False]), 0) for s in np.linspace(0.1, 0.9, 200)]
    bears = [evaluate.Judged(np.float32([s]), np.array([True]), 1) for s in (0.2, 0.95)]
    threshold = evaluate.lowest_threshold(empty + bears, 0.01)
    assert evaluate.at(empty + bears, threshold) == (1, 2, 2, 200)
    assert evaluate.at(empty + bears, np.nextafter(np.float32(threshold), np.float32(0)))[2] == 3
    assert evaluate.lowest_threshold(empty[:50], 0.01) is None


def test_platt_finds_the_curve_that_made_the_answers():
    rng = np.random.default_rng(1)
    scores = rng.uniform(0.03, 0.97, 20000)
    right = rng.random(20000) < 1 / (1 + np.exp(-(1.4 * np.log(scores / (1 - scores)) - 0.7)))
    slope, intercept = card.platt([evaluate.Judged(scores, right, 0)])
    assert slope == pytest.approx(1.4, abs=0.08) and intercept == pytest.approx(-0.7, abs=0.08)


def test_the_int8_file_computes_nearly_what_the_network_does_though_its_channels_are_uneven():
    rng = np.random.default_rng(3)
    wide = np.float32([0.01, 1, 100])[:, None, None, None]
    weights = {"w": rng.normal(0, 0.1, (3, 3, 3, 3)) * wide, "b": np.zeros(3), "v": rng.normal(0, 1, (3, 1, 3, 3)) / wide, "c": np.zeros(3)}
    shared = {"pads": [1] * 4, "strides": [1, 1], "dilations": [1, 1]}
    nodes = [
        helper.make_node("Conv", ["images", "w", "b"], ["x"], group=1, **shared),
        helper.make_node("Sigmoid", ["x"], ["s"]),
        helper.make_node("Mul", ["x", "s"], ["y"]),
        helper.make_node("Conv", ["y", "v", "c"], ["output"], group=3, **shared),
    ]
    shape = lambda name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 16, 16])
    initial = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "g", [shape("images")], [shape("output")], initial)
    net = network.Network(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)]))
    images = torch.from_numpy(rng.integers(0, 256, (1, 3, 16, 16)).astype(np.float32))
    with torch.no_grad():
        wanted = net(images).numpy()
    ranges = quantise.observe(net, [images])
    assert [len(scales) for scales, _ in ranges.values()] == [1, 3]
    session = onnxruntime.InferenceSession(quantise.to_int8(net, ranges).SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"images": images.numpy()})[0]
    for channel in range(3):
        error = np.abs(found[0, channel] - wanted[0, channel]).max()
        assert 0 < error < 0.05 * np.abs(wanted[0, channel]).max()
