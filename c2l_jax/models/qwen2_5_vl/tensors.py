"""Names of Qwen2.5-VL's parameters in a checkpoint, and how they are split over devices."""

from jax.sharding import PartitionSpec

from c2l_jax.models.tensors import DECODER_PARTITIONS, LINEAR, NORMS, decoder_tensors

TENSORS = [
    *decoder_tensors("model.", "lm_head.weight", biases=True),
    ("visual.patch_embed.proj.weight", "vision/patch_embedding", (2, 1, 3, 4, 0)),
    ("visual.blocks.{}.norm1.weight", "vision/blocks/attention_norm/scale", None),
    ("visual.blocks.{}.attn.qkv.weight", "vision/blocks/attention/qkv/kernel", LINEAR),
    ("visual.blocks.{}.attn.qkv.bias", "vision/blocks/attention/qkv/bias", None),
    ("visual.blocks.{}.attn.proj.weight", "vision/blocks/attention/output/kernel", LINEAR),
    ("visual.blocks.{}.attn.proj.bias", "vision/blocks/attention/output/bias", None),
    ("visual.blocks.{}.norm2.weight", "vision/blocks/mlp_norm/scale", None),
    ("visual.blocks.{}.mlp.gate_proj.weight", "vision/blocks/mlp/gate/kernel", LINEAR),
    ("visual.blocks.{}.mlp.gate_proj.bias", "vision/blocks/mlp/gate/bias", None),
    ("visual.blocks.{}.mlp.up_proj.weight", "vision/blocks/mlp/up/kernel", LINEAR),
    ("visual.blocks.{}.mlp.up_proj.bias", "vision/blocks/mlp/up/bias", None),
    ("visual.blocks.{}.mlp.down_proj.weight", "vision/blocks/mlp/down/kernel", LINEAR),
    ("visual.blocks.{}.mlp.down_proj.bias", "vision/blocks/mlp/down/bias", None),
    ("visual.merger.ln_q.weight", "vision/merger/norm/scale", None),
    ("visual.merger.mlp.0.weight", "vision/merger/hidden/kernel", LINEAR),
    ("visual.merger.mlp.0.bias", "vision/merger/hidden/bias", None),
    ("visual.merger.mlp.2.weight", "vision/merger/output/kernel", LINEAR),
    ("visual.merger.mlp.2.bias", "vision/merger/output/bias", None),
]
# transformers nests what the published checkpoints don't.
RENAMES = [("model.language_model.", "model."), ("model.visual.", "visual.")]

# "tensor" splits heads and MLP channels; the vision attention stays whole along it (queries, keys
# and values share one matrix there), and so does what is too small to matter.
PARTITION_TABLE = [
    *DECODER_PARTITIONS,
    (
        r"text/layers/attention/(query|key|value)/bias",
        PartitionSpec(None, "tensor"),  # [L, H * h], [L, K * h]
    ),
    (r"vision/blocks/mlp/(gate|up)/kernel", PartitionSpec(None, "fsdp", "tensor")),  # [L, D, F]
    (r"vision/blocks/mlp/down/kernel", PartitionSpec(None, "tensor", "fsdp")),  # [L, F, D]
    (r"vision/blocks/mlp/(gate|up)/bias", PartitionSpec(None, "tensor")),  # [L, F]
    (r"vision/blocks/(attention/output|mlp/down)/bias", PartitionSpec()),  # [L, D]
    (r"vision/blocks/attention/qkv/kernel", PartitionSpec(None, "fsdp", None)),  # [L, D, 3 * D]
    (r"vision/blocks/attention/qkv/bias", PartitionSpec()),  # [L, 3 * D]
    (r"vision/blocks/attention/output/kernel", PartitionSpec(None, None, "fsdp")),  # [L, D, D]
    (r"vision/patch_embedding", PartitionSpec(None, None, None, None, "fsdp")),  # [2, 3, 14, 14, D]
    (r"vision/merger/hidden/kernel", PartitionSpec("fsdp", "tensor")),  # [4 * D, 4 * D]
    (r"vision/merger/hidden/bias", PartitionSpec("tensor")),  # [4 * D]
    (r"vision/merger/output/kernel", PartitionSpec("tensor", "fsdp")),  # [4 * D, D of the text]
    (r"vision/merger/output/bias", PartitionSpec()),  # [D of the text]
    NORMS,
]
NO_DECAY = r"norm|bias"
