"""The inference settings, validated once. Every error names the setting and what is allowed."""

from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

POCKET = Path(__file__).parent / "pocket" / "model"
DTYPES = ("auto", "float32", "bfloat16", "int8")
NUMBERS = ("auto", "any", "said")


@dataclass(frozen=True)
class InferenceConfig:
    """How the one model of this process is loaded and how much it may take on."""

    # Of the class, not of an instance: how a person is told what is wrong with `model`.
    setting = "INFERENCE_MODEL"
    wanted = "Give the name or the folder of a chat model in safetensors format."

    model: str = str(POCKET)  # a hub name or a folder
    revision: str = "main"
    dtype: str = "auto"
    device: str = "auto"
    threads: int = 0  # 0: the physical cores
    context: int = 4096  # tokens; at most what the model was made for
    max_new_tokens: int = 256
    kv_mb: int = 256
    numbers: str = "auto"  # of a reply: "any", or only "said" ones; "auto": as the model ships
    max_running: int = 16  # sequences in the running batch
    max_waiting: int = 256  # parts waiting for their first forward

    @classmethod
    def from_settings(cls) -> "InferenceConfig":
        """Read Django's INFERENCE_* settings.

        Raises:
            ImproperlyConfigured: a value is not allowed; the message names the setting.
        """
        from django.conf import settings

        config = cls(
            model=settings.INFERENCE_MODEL,
            revision=settings.INFERENCE_REVISION,
            dtype=settings.INFERENCE_DTYPE,
            device=settings.INFERENCE_DEVICE,
            threads=settings.INFERENCE_THREADS,
            context=settings.INFERENCE_CONTEXT,
            max_new_tokens=settings.INFERENCE_MAX_NEW_TOKENS,
            kv_mb=settings.INFERENCE_KV_MB,
            numbers=settings.INFERENCE_NUMBERS,
        )
        config.validate()
        return config

    def validate(self) -> None:
        _require(bool(self.model), "INFERENCE_MODEL", "a model name or a folder", self.model)
        _require(self.dtype in DTYPES, "INFERENCE_DTYPE", "one of " + ", ".join(DTYPES), self.dtype)
        allowed = "one of " + ", ".join(NUMBERS)
        _require(self.numbers in NUMBERS, "INFERENCE_NUMBERS", allowed, self.numbers)
        _require(self.threads >= 0, "INFERENCE_THREADS", "0 (automatic) or more", self.threads)
        _require(self.context >= 64, "INFERENCE_CONTEXT", "64 tokens or more", self.context)
        _require(
            0 < self.max_new_tokens < self.context,
            "INFERENCE_MAX_NEW_TOKENS",
            "at least 1 and less than INFERENCE_CONTEXT",
            self.max_new_tokens,
        )
        _require(self.kv_mb > 0, "INFERENCE_KV_MB", "1 or more", self.kv_mb)


def _require(ok: bool, setting: str, allowed: str, value: object) -> None:
    if not ok:
        raise ImproperlyConfigured(f"{setting} must be {allowed}, not {value!r}.")
