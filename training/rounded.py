"""Training through the rounding of the int8 file.

Forward, every activation and weight is what the int8 file holds; backward, rounding counts as the identity within its range and as a wall beyond
it (Bengio et al. 2013, "Estimating or propagating gradients through stochastic neurons", the straight-through estimator; used so by Jacob et al. 2018).
The weights so learn to stand where rounding hurts least. The scales of activations are those that were observed at the start, and stay.
"""

import torch

from training import data, levels
from training.network import Network, whole_stem
from training.samples import BATCH, Samples, collate

#: Pictures that the scales are chosen on.
OBSERVED = BATCH * 16


class Rounded(Network):
    """A network with a whole stem that computes as its int8 file does, up to the rounding of biases. `levels`: as `levels.observe` gives them."""

    def __init__(self, model, of):
        super().__init__(model)
        self.levels = of
        self.factors = {name: torch.from_numpy(one.factors).view(-1, 1, 1) for name, one in of.items() if one.factors is not None}

    def _run(self, node, values, logits):
        x = super()._run(node, values, logits)
        name = node.output[0]
        # What is only moved was rounded before, at the same scale; the image consists of bytes.
        if name not in self.levels or node.op_type in levels.MOVES:
            return x
        of, factors = self.levels[name], self.factors.get(name)
        x = x if factors is None else x * factors
        x = torch.fake_quantize_per_tensor_affine(x, of.scale, of.zero, 0, levels.LEVELS)
        return x if factors is None else x / factors

    def parameters_of(self, node):
        weight, bias = super().parameters_of(node)
        times = torch.ones(len(weight), 1, 1, 1)
        if node.output[0] in self.factors:
            times = self.factors[node.output[0]][:, None]
        # One channel of a depthwise convolution undoes the factor of the channel that it reads.
        over = self.factors[node.input[0]][:, None] if node.input[0] in self.factors else 1.0
        stored = weight * (times / over)
        scale = self.levels[node.input[0]].scale
        scales = levels.channel_scales(stored.detach().numpy(), (bias * times.flatten()).detach().numpy(), scale)
        zeros = torch.zeros(len(weight), dtype=torch.int32)
        most = levels.WEIGHT_LEVELS
        rounded = torch.fake_quantize_per_channel_affine(stored, torch.from_numpy(scales), zeros, 0, -most, most)
        return rounded * (over / times), bias


def rounded(network, pictures, seed):
    """`network` as its int8 file computes; scales are chosen on pictures as training shows them, darkened and noisy ones too: what the daemon sees
    at night must not fall outside the ranges."""
    whole = Network(whole_stem(network.to_onnx()))
    samples = Samples(data.some(pictures, OBSERVED), [], seed, OBSERVED)
    batches = ([samples[i] for i in range(at, at + BATCH)] for at in range(0, OBSERVED, BATCH))
    return Rounded(whole.to_onnx(), levels.observe(whole, (collate(batch)[0] for batch in batches)))
