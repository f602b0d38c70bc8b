"""Fine-tuning on English pairs, resumed after a kill as if nothing had happened.

transformers' Trainer runs it. What each step sees is planned beforehand (`steps`), a checkpoint
counts only once it is sealed (`checkpoints`), and the manifest is written last. One process, one
device.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from neuronxa.config.settings import FineTuningSettings
from neuronxa.downstream.nli.pairs import Pair, draw, read_prepared
from neuronxa.errors import CorpusError, ModelError
from neuronxa.files import digest
from neuronxa.frames import write_frame
from neuronxa.models.snapshot import check_snapshot, read_card
from neuronxa.progress import SILENT, Counter
from neuronxa.provenance import remake
from neuronxa.stores.journal import MANIFEST, Journal, read_manifest
from neuronxa.stores.lock import LOCK, writing

#: Raised whenever the same pairs would give other weights.
TRAINING_VERSION = 1

WEIGHTS = "weights"
CURVE = "curve.parquet"
CHECKPOINTS = "checkpoints"
CLIPPED_AT = 1.0  # largest norm of the gradient


@dataclass(frozen=True)
class FineTuning:
    """One model fine-tuned on the training pairs of one task.

    Attributes
    ----------
    snapshot
        Folder of the model's snapshot.
    training
        Prepared training pairs.
    recipe
        How it is fine-tuned.
    seed
        Of the draw, the order and the adapters' first weights.
    device
        ``auto``, ``cpu`` or ``cuda``; Trainer takes the first GPU that is visible.
    folder
        ``results/fine_tuning/<model>/<task>``.
    """

    snapshot: Path
    training: Path
    recipe: FineTuningSettings
    seed: int
    device: str
    folder: Path

    def publish(self, *, threads: int = 1, progress: Counter = SILENT) -> Path:
        """Make sure that the weights are there, and write the manifest.

        Parameters
        ----------
        threads
            Threads of the forward and backward passes.
        progress
            Counts steps.

        Raises
        ------
        ModelError
            The model cannot be used as a classifier, or training diverged.
        CorpusError
            There are fewer pairs than are asked for.
        """
        with writing(self.folder / LOCK):
            journal = Journal(self.folder, identity=self._identity(), layout={})
            if not journal.resume():
                for name in (CHECKPOINTS, WEIGHTS):
                    shutil.rmtree(self.folder / name, ignore_errors=True)
                journal.start()
            if not (journal.complete and not _damaged(self.folder, journal.facts)):
                self._train(journal, threads=threads, progress=progress)
            return journal.publish()

    def _identity(self) -> dict[str, Any]:
        from neuronxa.downstream.nli.classifier import TEMPLATE, WORDS

        return {
            "training_version": TRAINING_VERSION,
            "model_digest": read_card(self.snapshot).digest,
            "pairs_sha256": digest(self.training),
            # how often it is saved changes no weight
            "recipe": self.recipe.model_dump(exclude={"checkpoint_steps"}),
            "seed": self.seed,
            "template": TEMPLATE,
            "words": list(WORDS),
        }

    def _train(self, journal: Journal, *, threads: int, progress: Counter) -> None:
        import torch

        from neuronxa.downstream.nli.classifier import (
            check_classifier,
            label_tokens,
            tokenise_pairs,
        )
        from neuronxa.downstream.nli.steps import plan_steps
        from neuronxa.downstream.nli.trainer import run_trainer
        from neuronxa.models.loading import choose_device, load_causal, load_tokenizer

        check_snapshot(self.snapshot)
        torch.set_num_threads(threads)
        tokenizer = load_tokenizer(self.snapshot)
        tokens = label_tokens(tokenizer)
        everything = read_prepared(self.training)
        pairs = draw(everything, self.recipe.examples, self.seed)
        ids = tokenise_pairs(tokenizer, pairs)
        kept = [i for i, one in enumerate(ids) if len(one) <= self.recipe.max_tokens]
        self._check_kept(kept, pairs)
        steps = plan_steps(
            [len(ids[i]) for i in kept],
            epochs=self.recipe.epochs,
            batch_size=self.recipe.batch_size,
            seed=self.seed,
        )
        device = choose_device(self.device)
        torch.manual_seed(self.seed)
        causal = load_causal(self.snapshot, device="cpu")
        check_classifier(causal, where=str(self.snapshot))
        model = self._adapted(causal)
        log = run_trainer(
            model,
            [[(ids[kept[i]], pairs[kept[i]].label) for i in step] for step in steps],
            tokens=tokens,
            recipe=self.recipe,
            seed=self.seed,
            device=device,
            folder=self.folder / CHECKPOINTS,
            progress=progress,
        )
        curve = self._curve(log, len(steps) // self.recipe.epochs)
        _save(model, self.folder / WEIGHTS)
        write_frame(self.folder / CURVE, curve)
        last = curve["loss"].tail(max(1, len(curve) // 10))
        journal.finish(
            {
                "pairs": len(everything),
                "drawn": len(pairs),
                "used": len(kept),
                "too_long": len(pairs) - len(kept),
                "steps": len(steps),
                "label_tokens": tokens,
                "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
                # mean of the last tenth of the steps; single steps are noise
                "final_loss": float(last.mean()),
                "checkpoint_steps": self.recipe.checkpoint_steps,
                "gradient_clipped_at": CLIPPED_AT,
                "device": device,
                "threads": threads,
                "versions": {
                    name: version(name) for name in ("torch", "transformers", "peft", "accelerate")
                },
                "files": _digests(self.folder),
            }
        )
        shutil.rmtree(self.folder / CHECKPOINTS, ignore_errors=True)

    def _check_kept(self, kept: Sequence[int], pairs: Sequence[Pair]) -> None:
        if not kept:
            raise CorpusError(
                f"all {len(pairs)} training pairs have more than {self.recipe.max_tokens} tokens",
                where=str(self.training),
                remedy="raise 'fine_tuning.max_tokens'",
            )

    def _adapted(self, causal: Any) -> Any:
        """The model with what is trained of it: adapters on all linear layers, or every weight."""
        if self.recipe.method == "full":
            return causal
        from peft import LoraConfig, get_peft_model

        adapters = LoraConfig(
            task_type="CAUSAL_LM",
            target_modules="all-linear",  # PEFT leaves the output embedding out
            r=self.recipe.rank,
            lora_alpha=self.recipe.alpha,
            lora_dropout=0.0,
            bias="none",
        )
        return get_peft_model(causal, adapters)

    def _curve(self, log: Sequence[dict[str, float]], steps_per_epoch: int) -> pd.DataFrame:
        """Loss and learning rate of every step."""
        rows = [
            (int(one["step"]), one["step"] / steps_per_epoch, one["loss"], one["learning_rate"])
            for one in log
            if "loss" in one
        ]
        return pd.DataFrame(rows, columns=["step", "epoch", "loss", "learning_rate"])


def check_weights(folder: Path) -> dict[str, Any]:
    """The manifest of a fine-tuning whose files are those that it names.

    Raises
    ------
    StoreError, ModelError
        Not published, or the weights are missing or damaged.
    """
    manifest = read_manifest(folder)
    if damaged := _damaged(folder, manifest["facts"]):
        raise ModelError(
            "a file of the fine-tuned weights is missing or damaged",
            where=str(folder / damaged[0]),
            remedy=f"run: {remake(folder / MANIFEST, delete=folder)}",
        )
    return manifest


def load_fine_tuned(snapshot: Path, folder: Path, *, device: str) -> Any:
    """The fine-tuned causal model, in float32 and eval mode, with adapters merged into it.

    Parameters
    ----------
    snapshot
        Folder of the model's snapshot.
    folder
        Folder of the fine-tuning's manifest.
    device
        Where it runs.

    Raises
    ------
    ModelError
        The weights are missing or damaged.
    """
    from neuronxa.models.loading import load_causal

    manifest = check_weights(folder)
    if manifest["identity"]["recipe"]["method"] == "full":
        return load_causal(folder / WEIGHTS, device=device)
    from peft import PeftModel

    adapted = PeftModel.from_pretrained(load_causal(snapshot, device=device), folder / WEIGHTS)
    return adapted.merge_and_unload().eval()


def diverged(step: int) -> ModelError:
    """What is said when the loss is no number any more."""
    return ModelError(
        f"training diverged: the loss of step {step} is not finite",
        remedy="lower 'fine_tuning.learning_rate' (some 1e-5 for `full`)",
    )


def warmup_steps(share: float, steps: int) -> int:
    """Steps in which the learning rate rises, rounded up."""
    return math.ceil(share * steps)


def _save(model: Any, folder: Path) -> None:
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part)
    (part / "README.md").unlink(missing_ok=True)  # PEFT's empty model card
    if (adapter := part / "adapter_config.json").is_file():
        content = json.loads(adapter.read_text("utf-8"))
        if isinstance(content["target_modules"], list):  # a set, in whatever order it came
            content["target_modules"] = sorted(content["target_modules"])
        adapter.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", "utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)


def _digests(folder: Path) -> dict[str, str]:
    """Digests of what carries numbers: the weights, how they are applied, and the curve."""
    found = [*(folder / WEIGHTS).glob("*.safetensors"), *(folder / WEIGHTS).glob("*.json")]
    files = [*sorted(found), folder / CURVE]
    return {str(path.relative_to(folder)): digest(path) for path in files if path.is_file()}


def _damaged(folder: Path, facts: dict[str, Any]) -> list[str]:
    """Files that are not what was recorded; the curve where nothing was."""
    recorded = facts.get("files") or {CURVE: ""}
    return [
        name
        for name, expected in recorded.items()
        if not (folder / name).is_file() or digest(folder / name) != expected
    ]
