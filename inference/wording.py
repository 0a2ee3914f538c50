"""Can the configured model work with a task's wording? Its tokenizer alone can tell."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from inference.config import InferenceConfig
from inference.folder import check_folder, model_folder, problem
from inference.prompts import LEAST_KEPT, ChatPrompt
from inference.tasks import CLOSING, OPENING, ChatMessage


@dataclass(frozen=True)
class Ruler:
    """Measures prompts and labels in the tokens of one model."""

    prompt: ChatPrompt
    context: int  # tokens, prompt and answer together

    def no_room(
        self, around: Sequence[ChatMessage], labels: Sequence[str], think: int = 0, writes: int = 0
    ) -> str | None:
        """Why a message finds no room in the prompt, in words; None if there is some.

        Args:
            around: the whole prompt as it is written around an empty message.
            labels: the answers that have to fit behind it.
            think: tokens of a thought before the label.
            writes: tokens of what is written instead of a label.
        """
        answer = max((len(self.prompt.label(label)) for label in labels), default=0) + writes
        if think:
            answer += think + len(self.prompt.text(OPENING) + self.prompt.text(CLOSING))
        taken = len(self.prompt.encode(around)) + answer
        if taken + LEAST_KEPT <= self.context:
            return None
        return (
            f"It takes {taken} tokens with the longest answer, and a message needs {LEAST_KEPT} "
            f"more: the model's context has {self.context} (INFERENCE_CONTEXT)."
        )

    def spelled_alike(self, labels: Sequence[str]) -> str | None:
        """Labels that are one and the same answer to the model, in words; None if none are.

        One label may begin like another or with it: whole labels are compared, with their end.
        """
        spelled = defaultdict(list)
        for label in labels:
            spelled[tuple(self.prompt.label(label))].append(label)
        alike = next((names for names in spelled.values() if len(names) > 1), None)
        return alike and f"The model cannot tell these labels apart: {', '.join(alike)}."


@lru_cache(maxsize=1)
def ruler(config: InferenceConfig) -> Ruler:
    """The ruler of the configured model; reads its tokenizer, not its weights, and keeps it.

    Raises:
        ModelError: the tokenizer cannot be had; the message names the setting.
    """
    from transformers import AutoConfig, AutoTokenizer

    check_folder(config)
    where = {} if model_folder(config) else {"revision": config.revision}
    try:
        described, tokenizer = (
            kind.from_pretrained(
                model_folder(config) or config.model, trust_remote_code=False, **where
            )
            for kind in (AutoConfig, AutoTokenizer)
        )
    except Exception as error:  # it raises almost anything for a bad folder or no network
        raise problem(config, f"cannot be read: {type(error).__name__}") from error
    longest = getattr(described.get_text_config(), "max_position_embeddings", None)
    return Ruler(ChatPrompt(tokenizer), min(config.context, longest or config.context))
