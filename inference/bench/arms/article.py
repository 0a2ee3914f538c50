"""The article's way: plain transformers in float32, one request after the other.

Every reply reads its whole prompt, and a label is a second prompt whose answer is generated, cut
at ten tokens. The made weights never end an answer, so it is ten of theirs; the pocket model does.
"""

import time
from concurrent.futures import ThreadPoolExecutor

from inference.bench.arms import Answer, Setting
from inference.bench.errors import Overdue
from inference.tasks import ChatMessage, Classify, Reply, Request

LABEL_TOKENS = 10


class Article:
    """One worker thread serves a queue, first come, first served; a turn's label comes first."""

    parallel = False
    dtype = "float32"

    def __init__(self, setting: Setting):
        self._setting = setting
        self._worker = ThreadPoolExecutor(1, "article")

    def load(self) -> None:
        self._worker.submit(self._load).result()

    def turn(self, request: Request, until: float | None = None) -> Answer:
        return self._worker.submit(self._serve, request, time.perf_counter(), until).result()

    def close(self) -> None:
        self._worker.shutdown(cancel_futures=True)

    def _load(self) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, logging

        from inference.prompts import ChatPrompt

        logging.disable_progress_bar()
        torch.set_num_threads(self._setting.threads)
        folder = self._setting.folder
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._prompt = ChatPrompt(self._tokenizer)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        self._model = model.eval()

    def _serve(self, request: Request, asked: float, until: float | None) -> Answer:
        if until is not None and time.perf_counter() >= until:
            raise Overdue
        labelled = tuple(self._label(part) for part in request.classify)
        if request.reply is None:
            return Answer(asked, labelled)
        clock, ids, prompt_tokens = self._reply(request.reply)
        text = self._tokenizer.decode(ids, skip_special_tokens=True)
        return Answer(asked, labelled, tuple(clock.times), text, prompt_tokens)

    def _label(self, part: Classify) -> float:
        """Generate the label; when it was there."""
        self._generate(part.messages, 1, LABEL_TOKENS)
        return time.perf_counter()

    def _reply(self, part: Reply) -> tuple["_Clock", list[int], int]:
        return self._generate(part.messages, part.max_new_tokens, part.max_new_tokens)

    def _generate(self, messages: tuple[ChatMessage, ...], least: int, most: int):
        """When each token came, the new ids, and how many the prompt had."""
        import torch

        prompt, clock = torch.tensor([self._prompt.encode(messages)]), _Clock()
        with torch.inference_mode():
            whole = self._model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                do_sample=False,
                min_new_tokens=least,
                max_new_tokens=most,
                streamer=clock,
            )
        return clock, whole[0, prompt.shape[1] :].tolist(), prompt.shape[1]


class _Clock:
    """A streamer of transformers that notes when each new token came."""

    def __init__(self):
        self.times: list[float] = []
        self._prompt_is_over = False

    def put(self, ids) -> None:
        if self._prompt_is_over:
            self.times.append(time.perf_counter())
        self._prompt_is_over = True

    def end(self) -> None:
        """Nothing is held back."""
