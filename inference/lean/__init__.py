"""The forward pass: a lean one for the Llama and Qwen family, transformers' for all others.

Both take a list of segments (`segments.py`) and answer with logits; the runner knows no more.
"""
