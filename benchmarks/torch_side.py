"""The same work with transformers' torch model, in float32, as its users do it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from transformers import Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from benchmarks.workload import ON_GPU

DEVICE = "cuda" if ON_GPU else "cpu"
# Or a GPU would round the patches to 10 bits: torch's convolutions do by default.
torch.backends.cudnn.allow_tf32 = False


def load(directory: Path) -> Qwen2_5_VLForConditionalGeneration:
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(directory, dtype=torch.float32)
    return model.to(DEVICE)


def inputs(prompts: list[dict], responses: list[np.ndarray]) -> dict[str, torch.Tensor]:
    """A batch of prompts, each followed by its response; all of one length."""
    rows = zip(prompts, responses, strict=True)
    tokens = torch.tensor(np.stack([np.r_[p["tokens"], r] for p, r in rows]), dtype=torch.long)
    image_token = prompts[0]["tokens"][prompts[0]["image_slots"] >= 0][0]
    pictures = Qwen2VLImageProcessorPil(do_resize=False)(
        [p["picture"] for p in prompts], return_tensors="np"
    )
    batch = {
        "input_ids": tokens,
        "attention_mask": torch.ones_like(tokens),
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
    options = config.optimizer
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=options.lr,
        betas=(options.b1, options.b2),
        weight_decay=options.weight_decay,
        fused=True,
    )

    def logps(model) -> torch.Tensor:
        logits = model(**batch, use_cache=False).logits[:, :-1]
        each = selective_log_softmax(logits, batch["input_ids"][:, 1:])
        return (each * is_response[:, 1:]).sum(-1)

    def run() -> float:
        ours = logps(model)
        with torch.no_grad():
            theirs = logps(frozen)
        chosen, rejected = (ours - theirs).chunk(2)
        loss = -torch.nn.functional.logsigmoid(config.dpo.beta * (chosen - rejected)).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), options.clip)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return run


def make_generate(directory: Path, prompts: list[dict], count: int, n: int) -> Callable[[], list]:
    """`generate` with the dynamic cache, `count` tokens whatever they are: greedy, or n draws."""
    model = load(directory).eval()
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
