"""What the tables of tensors and partitions of all families have in common: the decoder's lines."""

from jax.sharding import PartitionSpec

LINEAR = (1, 0)  # torch keeps kernels as [out, in]

Tensor = tuple[str, str, tuple[int, ...] | None]


def decoder_tensors(
    prefix: str, head: str, *, biases: bool = False, qk_norm: bool = False
) -> list[Tensor]:
    """The lines of a decoder that Hugging Face calls `prefix`, and of the head."""
    layer, ours = f"{prefix}layers.{{}}.", "text/layers/"
    lines = [
        (f"{prefix}embed_tokens.weight", "text/embedding", None),
        (f"{prefix}norm.weight", "text/norm/scale", None),
        (head, "head", None),
        (f"{layer}input_layernorm.weight", f"{ours}input_norm/scale", None),
        (f"{layer}post_attention_layernorm.weight", f"{ours}post_attention_norm/scale", None),
        (f"{layer}self_attn.o_proj.weight", f"{ours}attention/output/kernel", LINEAR),
    ]
    for short, name in (("q", "query"), ("k", "key"), ("v", "value")):
        theirs, path = f"{layer}self_attn.{short}_proj", f"{ours}attention/{name}"
        lines.append((f"{theirs}.weight", f"{path}/kernel", LINEAR))
        if biases:
            lines.append((f"{theirs}.bias", f"{path}/bias", None))
    if qk_norm:
        for short, name in (("q", "query"), ("k", "key")):
            path = f"{ours}attention/{name}_norm/scale"
            lines.append((f"{layer}self_attn.{short}_norm.weight", path, None))
    for name in ("gate", "up", "down"):
        lines.append((f"{layer}mlp.{name}_proj.weight", f"{ours}mlp/{name}/kernel", LINEAR))
    return lines


# (regular expression on the whole path, mesh axes). L layers, V vocabulary, D hidden size, F hidden
# size of the MLP, H query heads, K key-value heads, h head dimension.
DECODER_PARTITIONS = [
    (r"text/embedding|head", PartitionSpec("tensor", "fsdp")),  # [V, D]
    (
        r"text/layers/attention/(query|key|value)/kernel",
        PartitionSpec(None, "fsdp", "tensor"),  # [L, D, H * h], [L, D, K * h]
    ),
    (r"text/layers/attention/output/kernel", PartitionSpec(None, "tensor", "fsdp")),  # [L, H*h, D]
    (r"text/layers/mlp/(gate|up)/kernel", PartitionSpec(None, "fsdp", "tensor")),  # [L, D, F]
    (r"text/layers/mlp/down/kernel", PartitionSpec(None, "tensor", "fsdp")),  # [L, F, D]
]
NORMS = (r".*norm/(scale|bias)", PartitionSpec())  # [L, D] or [D]
