"""`manage.py judge_corpora`: an encoder's opinion of public comments, for `train_pocket`."""

import json
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm


class Command(BaseCommand):
    help = (
        "Fine-tune a sentence encoder on the comments of --data and write what it thinks of them, "
        "and of texts made of them, to DATA/judged.tsv.gz, which train_pocket then reads instead "
        "of the bare labels. Each half of the comments is judged by an encoder that has read the "
        "other one. An interrupted run goes on when the same command is given again."
    )
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument(
            "--encoder",
            type=Path,
            required=True,
            help="folder of a model that transformers loads, for instance all-MiniLM-L6-v2",
        )
        parser.add_argument(
            "--data",
            type=Path,
            required=True,
            help="folder with public corpora (see the model card)",
        )
        parser.add_argument(
            "--made", type=int, default=95000, help="texts to make of the comments (95000)"
        )
        parser.add_argument(
            "--epochs", type=float, default=2.2, help="readings of each encoder's half (2.2)"
        )
        parser.add_argument("--seed", type=int, default=1, help="of texts, weights and order (1)")
        parser.add_argument(
            "--json", action="store_true", help="print the report as the last line, as JSON"
        )

    def handle(self, *, encoder, data, made, epochs, seed, json: bool, **options):
        encoder, data = Path(encoder), Path(data)
        if made < 0:
            raise CommandError(f"--made must be 0 or more, not {made}.")
        if not 0 < epochs <= 100:
            raise CommandError(f"--epochs must be more than 0 and at most 100, not {epochs}.")
        if not data.is_dir():
            raise CommandError(f"--data must be a folder with corpus files: {data} is none.")
        report = _judge(encoder, data, made, epochs, seed)
        self.stdout.write(_line(report) if json else f"Wrote {report['file']}: {report['texts']:,}")


def _judge(encoder: Path, data: Path, made: int, epochs: float, seed: int) -> dict:
    import torch

    from inference.pocket import judging
    from inference.pocket.encoder import EncoderError, Lesson
    from inference.pocket.sources import JUDGED, CorpusError

    order = judging.Order(made, Lesson(epochs=epochs, seed=seed))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    out = data.resolve() / JUDGED
    try:
        with _Bar() as bar:
            return {
                "file": str(out),
                "texts": judging.judge(encoder, data, out, order, device, bar),
            }
    except (EncoderError, CorpusError) as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"Cannot write {out}: {error}") from error
    except KeyboardInterrupt as error:
        raise CommandError(
            "Stopped. The same command goes on after the last encoder that it had taught."
        ) from error


class _Bar:
    """The progress on stderr, a bar for each encoder's lesson and for what it judges."""

    def __enter__(self):
        self._bar = tqdm(file=sys.stderr, desc="reading", unit=" steps")
        return self

    def __call__(self, stage: str, done: int, of: int) -> None:
        if stage != self._bar.desc.removesuffix(": "):
            self._bar.reset(of)
            self._bar.set_description(stage)
        self._bar.n = done
        self._bar.update(0)

    def __exit__(self, *failure):
        self._bar.close()


def _line(report: dict) -> str:
    return json.dumps(report)
