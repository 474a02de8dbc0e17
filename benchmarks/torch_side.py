"""The same work with transformers' torch model, in float32, as its users do it."""

import contextlib
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from transformers import Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb_vision
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from benchmarks import workload
from c2l_jax.models.qwen2_5_vl.config import Config

DEVICE = "cuda" if workload.ON_GPU else "cpu"
# Or a GPU would round the patches to 10 bits: torch's convolutions do by default.
torch.backends.cudnn.allow_tf32 = False


def load(directory: Path) -> Qwen2_5_VLForConditionalGeneration:
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(directory, dtype=torch.float32)
    return model.to(DEVICE)


def dtype_of(directory: Path) -> torch.dtype:
    """What ours computes in: see workload.compute_of."""
    return getattr(torch, workload.compute_of(Config.from_directory(directory)).dtype)


def computing(directory: Path) -> contextlib.AbstractContextManager:
    """In which a model with float32 parameters computes in that."""
    return torch.autocast(DEVICE, torch.bfloat16, enabled=dtype_of(directory) == torch.bfloat16)


def inputs(prompts: list[dict], responses: list[np.ndarray]) -> dict[str, torch.Tensor]:
    """A batch of prompts, each followed by its response, padded to the longest."""
    rows = [np.r_[p["tokens"], r] for p, r in zip(prompts, responses, strict=True)]
    lengths = torch.tensor([len(row) for row in rows])
    longest = int(lengths.max())
    padded = np.stack([np.pad(row, (0, longest - len(row))) for row in rows])
    tokens = torch.tensor(padded, dtype=torch.long)
    image_token = prompts[0]["tokens"][prompts[0]["image_slots"] >= 0][0]
    pictures = Qwen2VLImageProcessorPil(do_resize=False)(
        [p["picture"] for p in prompts], return_tensors="np"
    )
    batch = {
        "input_ids": tokens,
        "attention_mask": (torch.arange(longest) < lengths[:, None]).long(),
        "mm_token_type_ids": (tokens == int(image_token)).int(),
        "pixel_values": torch.tensor(pictures["pixel_values"]),
        "image_grid_thw": torch.tensor(pictures["image_grid_thw"]),
    }
    return {name: array.to(DEVICE) for name, array in batch.items()}


def selective_log_softmax(logits: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Log-probabilities [B, T] of the tokens `index`, as trl.trainer.utils computes them."""
    selected = torch.gather(logits, -1, index[..., None])[..., 0]
    return selected - torch.stack([torch.logsumexp(row, dim=-1) for row in logits])


def make_dpo(policy: Path, reference: Path, pairs: list, config) -> Callable[[], float]:
    """One update: the policy's and the reference's forward pass on [chosen; rejected]."""
    model, frozen = load(policy).train(), load(reference).eval()
    batch = inputs(
        [prompt for _ in range(2) for prompt, _ in pairs],
        [both[side] for side in (0, 1) for _, both in pairs],
    )
    start = len(pairs[0][0]["tokens"])
    is_response = torch.zeros_like(batch["input_ids"], dtype=torch.bool)
    is_response[:, start:] = True
    step = make_update(model, config)

    def logps(model) -> torch.Tensor:
        logits = model(**batch, use_cache=False).logits[:, :-1]
        each = selective_log_softmax(logits, batch["input_ids"][:, 1:])
        return (each * is_response[:, 1:]).sum(-1)

    def run() -> float:
        with computing(policy):
            ours = logps(model)
            with torch.no_grad():
                theirs = logps(frozen)
        chosen, rejected = (ours - theirs).chunk(2)
        return step(-torch.nn.functional.logsigmoid(config.dpo.beta * (chosen - rejected)).mean())

    return run


def make_grpo(
    current: Path, prompt: dict, responses: list, advantages_g, old_gr, config
) -> Callable[[], float]:
    """One update by a group: every response in a sequence of its own, with its own picture."""
    model = load(current).train()
    batch = inputs([prompt] * len(responses), responses)
    count = len(responses[0])
    advantages = torch.tensor(advantages_g, device=DEVICE)[:, None]
    old = torch.tensor(old_gr, device=DEVICE)
    step = make_update(model, config)
    low, high = 1 - config.grpo.clip_low, 1 + config.grpo.clip_high

    def run() -> float:
        with computing(current):
            logits = model(**batch, use_cache=False, logits_to_keep=count + 1).logits[:, :-1]
            logps = selective_log_softmax(logits, batch["input_ids"][:, -count:])
        ratio = (logps - old).exp()
        return step(-torch.min(ratio * advantages, ratio.clamp(low, high) * advantages).mean())

    return run


def make_sft(directory: Path, questions: list, config, tuned: bool) -> Callable[[], float]:
    """One update on (prompt, response) pairs; see benchmarks.sft_step for what tuned means."""
    model = load(directory).train()
    if tuned:
        attend_windows_together(model)
    else:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    batch = inputs([prompt for prompt, _ in questions], [response for _, response in questions])
    labels = torch.full_like(batch["input_ids"], -100)
    for row, (prompt, response) in enumerate(questions):
        start = len(prompt["tokens"])
        labels[row, start : start + len(response)] = torch.tensor(response)
    predicts = labels[:, 1:] != -100
    step = make_update(model, config)

    def loss() -> torch.Tensor:
        if not tuned:
            return model(**batch, labels=labels, use_cache=False).loss
        hidden = model.model(**batch, use_cache=False).last_hidden_state[:, :-1][predicts]
        return torch.nn.functional.cross_entropy(model.lm_head(hidden), labels[:, 1:][predicts])

    def run() -> float:
        with computing(directory):
            found = loss()
        return step(found)

    return run


def make_update(model: torch.nn.Module, config) -> Callable[[torch.Tensor], float]:
    """loss -> its value, after an update by its gradient."""
    options = config.optimizer
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=options.lr,
        betas=(options.b1, options.b2),
        weight_decay=options.weight_decay,
        fused=True,
    )

    def step(loss: torch.Tensor) -> float:
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), options.clip)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


def attend_windows_together(model: Qwen2_5_VLForConditionalGeneration):
    """Attention of the vision tower once for all stretches of one length, not once for each."""

    def forward(self, hidden_states, cu_seqlens, position_embeddings=None, **_):
        count = len(hidden_states)
        qkv = self.qkv(hidden_states).reshape(count, 3, self.num_heads, -1).permute(1, 0, 2, 3)
        q, k = apply_rotary_pos_emb_vision(qkv[0], qkv[1], *position_embeddings)
        lengths = cu_seqlens.diff()
        starts, out = cu_seqlens[:-1], torch.empty_like(q)
        for length in lengths.unique().tolist():
            places = starts[lengths == length][:, None] + torch.arange(length, device=q.device)
            some = (x[places].transpose(1, 2) for x in (q, k, qkv[2]))
            attended = torch.nn.functional.scaled_dot_product_attention(*some, scale=self.scaling)
            out = out.index_put((places,), attended.transpose(1, 2))
        return self.proj(out.reshape(count, -1))

    for block in model.model.visual.blocks:
        block.attn.forward = types.MethodType(forward, block.attn)


def make_generate(directory: Path, prompts: list[dict], count: int, n: int) -> Callable[[], list]:
    """`generate` with the dynamic cache, `count` tokens whatever they are: greedy, or n draws."""
    model = load(directory).eval().to(dtype_of(directory))
    batch = inputs(prompts, [np.zeros(0, np.int32)] * len(prompts))
    # No end token: both sides write just as many tokens.
    model.generation_config.eos_token_id = None
    length = batch["input_ids"].shape[1]

    def run() -> list[list[int]]:
        with torch.no_grad():
            written = model.generate(
                **batch, do_sample=n > 1, num_return_sequences=n, top_k=0, max_new_tokens=count
            )
        return written[:, length:].tolist()

    return run
