"""Tiny models in the lean forward, and what plain transformers says of the same tokens."""

import torch
from transformers import AutoModelForCausalLM

from inference.lean.model import LeanModel

TOLERANCE = 1e-4

# One of each way in which the family differs.
VARIANTS = {
    "llama": ("llama", {}),
    "llama-biased": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "llama-3.1": (
        "llama",
        {
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 10000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            }
        },
    ),
    "llama-linear": (
        "llama",
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}},
    ),
    "qwen2": ("qwen2", {}),
    "qwen2-tied": ("qwen2", {"tie_word_embeddings": True}),
    "qwen2-yarn": (
        "qwen2",
        {
            "rope_parameters": {
                "rope_type": "yarn",
                "rope_theta": 10000.0,
                "factor": 4.0,
                "original_max_position_embeddings": 128,
            }
        },
    ),
    "qwen1.5": ("qwen2", {"num_key_value_heads": 4}),
    "qwen3": ("qwen3", {}),
    "qwen3-wide-heads": ("qwen3", {"head_dim": 16, "num_key_value_heads": 1}),
}


def plain(folder) -> torch.nn.Module:
    """The transformers module of a folder, in float32."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def lean(folder, dtype: str = "float32") -> LeanModel:
    """The lean model of a folder."""
    return LeanModel(plain(folder), dtype)


def reference_logits(module, ids: list[int]) -> torch.Tensor:
    """Logits (tokens, vocabulary) of plain transformers, without any cache."""
    with torch.inference_mode():
        return module(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float()


def assert_close(logits: torch.Tensor, expected: torch.Tensor, tolerance: float = TOLERANCE):
    assert logits.shape == expected.shape
    torch.testing.assert_close(logits, expected, atol=tolerance, rtol=0)


def assert_greedy(module, sequence) -> None:
    """Teacher-forced: every token is the best one wherever best and second are apart."""
    prompt, output = sequence.prompt_ids, sequence.output_ids
    logits = reference_logits(module, prompt + output)[len(prompt) - 1 : -1]
    for row, token in zip(logits, output, strict=True):
        best = row.topk(2)
        if best.values[0] - best.values[1] > TOLERANCE:
            assert token == best.indices[0]


def reference_score(module, prompt: list[int], label: list[int]) -> float:
    """Log-probability of a whole label."""
    logprobs = torch.log_softmax(reference_logits(module, prompt + label)[:-1], -1)
    rows = range(len(prompt) - 1, len(prompt) + len(label) - 1)
    return logprobs[rows, label].sum().item()


def assert_scores(module, sequence, scores: dict[str, float]) -> None:
    """Every label has the log-probability that plain transformers gives it."""
    for label, ids in zip(sequence.work.labels, sequence.label_ids, strict=True):
        expected = reference_score(module, sequence.ids + sequence.closing, ids)
        assert abs(scores[label] - expected) < TOLERANCE
