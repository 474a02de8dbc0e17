"""What makes decoding fast on CPUs, where XLA packs the right operand of every product anew.

With kernels turned to [out, in] that operand is a few tokens and not the weights. The model is the
same with and without; `python -m benchmarks.sampling` shows the difference.
"""

from collections.abc import Mapping

import jax
from flax import nnx

from c2l_jax.models.layers import Linear


class TurnedLinear(nnx.Module):
    """A Linear with its kernel [out, in]."""

    def __init__(self, linear: Linear):
        self.kernel, self.bias = nnx.Param(linear.kernel[...].T), linear.bias

    def __call__(self, x: jax.Array) -> jax.Array:
        kernel = self.kernel[...]
        y = (kernel @ x.reshape(-1, x.shape[-1]).T).T.reshape(*x.shape[:-1], -1)
        return y if self.bias is None else y + self.bias[...]


def turn(model: nnx.Module) -> nnx.Module:
    """The model, made without scan_layers, with the kernels of its layers turned, on CPUs."""
    if jax.default_backend() == "cpu":
        for _, parent in list(nnx.iter_modules(model.text.layers)):
            for name, child in list(vars(parent).items()):
                if type(child) is Linear:
                    setattr(parent, name, TurnedLinear(child))
    return model


def turned(params: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """The parameters of `turn`'s model."""
    if jax.default_backend() != "cpu":
        return dict(params)
    return {
        path: value.T if path.startswith("text/layers/") and path.endswith("/kernel") else value
        for path, value in params.items()
    }
