import pytest
import torch
from torch import nn

from ImperfectSegLogic.networks.build import (
    NETWORKS,
    build_network,
    check_patch,
    divisor,
    divisors,
    parameter_count,
    suited_settings,
)
from ImperfectSegLogic.prediction.dropout import dropout_layers

SMALL = {
    "unet": {"features": (4, 8), "strides": (2,)},
    "dynunet": {"features": (4, 8, 8), "strides": (2, 2)},
    "segresnet": {"features": 4, "blocks": (1, 1)},
    "vnet": {},
}
each_network = pytest.mark.parametrize("name", NETWORKS)
each_dims = pytest.mark.parametrize("dims", [2, 3])


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def batch(dims: int, channels: int = 1, samples: int = 2, size: int = 32):
    # 16 x 16 x 32 voxels: just enough for the five levels of V-Net.
    return torch.randn(samples, channels, *([16] * (dims - 1)), size)


@each_network
@each_dims
@pytest.mark.parametrize("channels", [1, 3])
def test_every_network_answers_with_one_logit_per_label_and_voxel(name, dims, channels):
    network = build_network(name, dims, channels, 4, SMALL[name]).eval()
    with torch.no_grad():
        answer = network(batch(dims, channels))
    assert answer.shape == (2, 4, *batch(dims).shape[2:])


# V-Net in 3-D is left out here: it takes half a minute, and has the layers that it has in 2-D.
@pytest.mark.parametrize(
    ("name", "dims"), [(n, d) for n in NETWORKS for d in (2, 3) if (n, d) != ("vnet", 3)]
)
def test_a_batch_worked_on_in_parts_has_the_gradients_of_the_whole(name, dims):
    network = build_network(name, dims, 1, 2, SMALL[name]).double()
    x = batch(dims).double()
    target = torch.randn(2, 2, *x.shape[2:]).double()
    weights = list(network.parameters())
    whole = torch.autograd.grad(((network(x) - target) ** 2).mean(), weights)
    parts = [
        torch.autograd.grad(((network(x[n : n + 1]) - target[n : n + 1]) ** 2).mean() / 2, weights)
        for n in range(2)
    ]
    for one, (a, b) in zip(whole, zip(*parts, strict=True), strict=True):
        torch.testing.assert_close(a + b, one, rtol=1e-6, atol=1e-9)


@each_network
@each_dims
def test_dropout_is_off_unless_it_is_asked_for(name, dims):
    assert not dropout_layers(build_network(name, dims, 1, 2, SMALL[name]))
    dropping = build_network(name, dims, 1, 2, {**SMALL[name], "dropout": 0.3})
    layers = dropout_layers(dropping)
    assert layers
    assert {layer.p for layer in layers} == {0.3}


def test_dynunet_never_drops_logits():
    network = build_network("dynunet", 2, 1, 2, {**SMALL["dynunet"], "dropout": 0.5})
    assert not dropout_layers(network.output_block)


@each_network
def test_no_network_keeps_statistics_of_batches(name):
    network = build_network(name, 2, 1, 2)
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules())
    assert not dict(network.named_buffers())


def test_the_same_seed_gives_the_same_weights():
    def made():
        torch.manual_seed(5)
        return build_network("unet", 2, 1, 2, SMALL["unet"])

    for a, b in zip(made().parameters(), made().parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("name", "dims", "settings", "wanted"),
    [
        ("unet", 2, {}, (8, 8)),
        ("dynunet", 3, {}, (8, 8, 8)),
        ("segresnet", 3, {"blocks": (1, 2)}, (2, 2, 2)),
        ("vnet", 2, {}, (16, 16)),
        ("unet", 3, {"flat_levels": 2}, (2, 8, 8)),
        ("unet", 2, {"features": (4, 8, 8), "strides": (1, 2)}, (2, 2)),
    ],
)
def test_it_tells_by_what_patches_must_be_divisible(name, dims, settings, wanted):
    assert divisors(name, dims, settings) == wanted
    assert divisor(name, dims, settings) == max(wanted)
    check_patch(name, dims, settings, [2 * n for n in wanted])
    network = build_network(name, dims, 1, 2, settings).eval()
    size = [2 * n for n in wanted]
    assert network(torch.zeros(1, 1, *size)).shape[2:] == torch.Size(size)
    with pytest.raises(ValueError, match="allowed are multiples of"):
        check_patch(name, dims, settings, [2 * n + 1 for n in wanted])
    with pytest.raises(ValueError, match="a single voxel at its coarsest level"):
        check_patch(name, dims, settings, wanted)


def test_a_patch_with_too_few_axes_is_refused():
    with pytest.raises(ValueError, match="patch: got 64 x 64, allowed are multiples of 8 x 8 x 8"):
        check_patch("unet", 3, {}, (64, 64))


def test_settings_suit_the_patch():
    assert suited_settings("unet", 3, (64, 64, 64)) == {}
    assert suited_settings("unet", 3, (8, 128, 128)) == {"flat_levels": 2}
    assert suited_settings("segresnet", 2, (8, 8))["blocks"] == (1, 2)
    for name in NETWORKS:
        for patch in ((6, 40, 100), (16, 16, 16), (3, 20, 20)):
            settings = suited_settings(name, 3, patch)
            by = divisors(name, 3, settings)
            assert name == "vnet" or all(d <= n for d, n in zip(by, patch, strict=True))


def test_the_number_of_parameters():
    assert parameter_count(nn.Linear(3, 2)) == 8


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("unetr", {}, "network: got 'unetr', allowed are unet, dynunet, segresnet, vnet"),
        ("unet", {"depth": 3}, r"unet: got settings \['depth'\], allowed are"),
        ("unet", {"dropout": 1.0}, "unet, dropout: got 1.0, allowed is 0.0 to 0.95"),
        ("unet", {"features": "many"}, "unet, features: got 'many'"),
        ("unet", {"features": (4, 8)}, "one stride fewer than features"),
        ("dynunet", {"features": (4, 8), "strides": (2,)}, "3 features or more"),
        ("unet", {"strides": (2, 3, 2)}, "allowed is 1 to 2"),
        ("unet", {"flat_levels": 1}, "allowed is 0 in 2-D"),
        ("segresnet", {"blocks": (1,)}, "allowed are two levels or more"),
    ],
)
def test_what_is_not_allowed_is_refused(name, settings, message):
    with pytest.raises(ValueError, match=message):
        build_network(name, 2, 1, 2, settings)


def test_numbers_that_make_no_network_are_refused():
    with pytest.raises(ValueError, match="got 4-D, allowed are 2-D and 3-D"):
        build_network("unet", 4, 1, 2)
    with pytest.raises(ValueError, match="got 0 channels and 2 labels"):
        build_network("unet", 2, 0, 2)
