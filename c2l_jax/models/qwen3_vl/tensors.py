"""Names of Qwen3-VL's parameters in a checkpoint, and how they are split over devices."""

from jax.sharding import PartitionSpec

from c2l_jax.models.tensors import DECODER_PARTITIONS, LINEAR, NORMS, Tensor, decoder_tensors

_VISUAL = "model.visual."


def _linear(theirs: str, ours: str) -> list[Tensor]:
    return [
        (f"{theirs}.weight", f"{ours}/kernel", LINEAR),
        (f"{theirs}.bias", f"{ours}/bias", None),
    ]


def _norm(theirs: str, ours: str) -> list[Tensor]:
    return [(f"{theirs}.weight", f"{ours}/scale", None), (f"{theirs}.bias", f"{ours}/bias", None)]


def _merger(theirs: str, ours: str) -> list[Tensor]:
    return [
        *_norm(f"{theirs}.norm", f"{ours}/norm"),
        *_linear(f"{theirs}.linear_fc1", f"{ours}/hidden"),
        *_linear(f"{theirs}.linear_fc2", f"{ours}/output"),
    ]


_BLOCK, _OURS = f"{_VISUAL}blocks.{{}}", "vision/blocks"
TENSORS = [
    *decoder_tensors("model.language_model.", "lm_head.weight", qk_norm=True),
    (f"{_VISUAL}patch_embed.proj.weight", "vision/patch_embedding", (2, 1, 3, 4, 0)),
    (f"{_VISUAL}patch_embed.proj.bias", "vision/patch_bias", None),
    (f"{_VISUAL}pos_embed.weight", "vision/position_embedding", None),
    *_norm(f"{_BLOCK}.norm1", f"{_OURS}/attention_norm"),
    *_linear(f"{_BLOCK}.attn.qkv", f"{_OURS}/attention/qkv"),
    *_linear(f"{_BLOCK}.attn.proj", f"{_OURS}/attention/output"),
    *_norm(f"{_BLOCK}.norm2", f"{_OURS}/mlp_norm"),
    *_linear(f"{_BLOCK}.mlp.linear_fc1", f"{_OURS}/mlp/up"),
    *_linear(f"{_BLOCK}.mlp.linear_fc2", f"{_OURS}/mlp/down"),
    *_merger(f"{_VISUAL}merger", "vision/merger"),
    *_merger(f"{_VISUAL}deepstack_merger_list.{{}}", "vision/merger/deep"),
]
RENAMES: list[tuple[str, str]] = []  # the published names are transformers' own

PARTITION_TABLE = [
    *DECODER_PARTITIONS,
    (r"vision/patch_embedding", PartitionSpec(None, None, None, None, "fsdp")),  # [2, 3, 16, 16, D]
    (r"vision/position_embedding", PartitionSpec(None, "fsdp")),  # [N, D]
    (r"vision/patch_bias", PartitionSpec()),  # [D]
    (r"vision/blocks/attention/qkv/kernel", PartitionSpec(None, "fsdp", None)),  # [L, D, 3 * D]
    (r"vision/blocks/attention/output/kernel", PartitionSpec(None, None, "fsdp")),  # [L, D, D]
    (r"vision/blocks/attention/(qkv|output)/bias", PartitionSpec()),  # [L, 3 * D], [L, D]
    (r"vision/blocks/mlp/up/kernel", PartitionSpec(None, "fsdp", "tensor")),  # [L, D, F]
    (r"vision/blocks/mlp/up/bias", PartitionSpec(None, "tensor")),  # [L, F]
    (r"vision/blocks/mlp/down/kernel", PartitionSpec(None, "tensor", "fsdp")),  # [L, F, D]
    (r"vision/blocks/mlp/down/bias", PartitionSpec()),  # [L, D]
    (r"vision/merger/hidden/kernel", PartitionSpec("fsdp", "tensor")),  # [4 * D, 4 * D]
    (r"vision/merger/output/kernel", PartitionSpec("tensor", "fsdp")),  # [4 * D, D of the text]
    (r"vision/merger/deep/hidden/kernel", PartitionSpec(None, "fsdp", "tensor")),  # [K, 4D, 4D]
    (r"vision/merger/deep/output/kernel", PartitionSpec(None, "tensor", "fsdp")),  # [K, 4D, D]
    (r"vision/merger/(deep/)?(hidden|output)/bias", PartitionSpec()),  # [4 * D], [D]
    NORMS,
]
NO_DECAY = r"norm|bias|position_embedding"
