"""What the base knows is kept: by the base itself, where BEARWATCH_WEIGHTS names its folder."""

import os

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from training.finetune import fresh_network
from training.remember import Base

pytestmark = pytest.mark.skipif("BEARWATCH_WEIGHTS" not in os.environ, reason="not run: BEARWATCH_WEIGHTS not set")


def images():
    """A stop sign on its post, which the base is sure of. Input of the network."""
    picture = Image.new("RGB", (416, 416), (120, 170, 220))
    draw = ImageDraw.Draw(picture)
    draw.regular_polygon((208, 180, 110), 8, rotation=22, fill=(200, 20, 30), outline=(255, 255, 255))
    draw.rectangle((200, 285, 216, 416), fill=(120, 120, 120))
    draw.text((150, 165), "STOP", fill=(255, 255, 255), font_size=44)
    return torch.from_numpy(np.asarray(picture)[..., ::-1].copy()).permute(2, 0, 1)[None].float()


def told(network, base, images):
    network(images)
    return base.loss(images)


def test_who_has_learned_nothing_has_forgotten_nothing_and_who_changed_is_told_so():
    torch.manual_seed(0)
    network, seen = fresh_network(), images()
    base = Base(network)
    own = told(network, base, seen)
    assert own > 0, "the base sees nothing on the picture"
    own.backward()
    pull = max(weight.grad.abs().max().item() for weight in network.parameters() if weight.grad is not None)
    assert pull < 1e-3, "its own answers are the best there are"
    with torch.no_grad():
        for weight in network.parameters():
            weight *= 1 + 0.05 * torch.randn_like(weight)
    assert told(network, base, seen) > 1.05 * own


def test_where_the_base_sees_nothing_nothing_is_asked():
    network = fresh_network()
    assert told(network, Base(network), torch.full((1, 3, 416, 416), 114.0)) == 0
