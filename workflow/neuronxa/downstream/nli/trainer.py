"""transformers' Trainer, set up so that a killed run ends with the same bits as a whole one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.utils import logging

from neuronxa.config.settings import FineTuningSettings
from neuronxa.downstream.nli.checkpoints import NAME, latest, seal
from neuronxa.downstream.nli.classifier import Ids, class_logits, pad
from neuronxa.downstream.nli.training import CLIPPED_AT, diverged, warmup_steps
from neuronxa.progress import Counter

#: Pairs of one step: token ids and number of the class.
Step = Sequence[tuple[Ids, int | None]]


class PairTrainer(Trainer):  # type: ignore[misc]
    """Trainer with the cross-entropy over three classes as its loss."""

    def __init__(self, *, tokens: Sequence[int], **settings: Any) -> None:
        super().__init__(**settings)
        self._tokens = tokens

    def compute_loss(
        self, model: Any, inputs: dict[str, torch.Tensor], *_: Any, **__: Any
    ) -> torch.Tensor:
        """Mean cross-entropy of a step's pairs."""
        causal = model.get_base_model() if hasattr(model, "get_base_model") else model
        logits = class_logits(causal, self._tokens, inputs["input_ids"], inputs["last"])
        return torch.nn.functional.cross_entropy(logits, inputs["labels"])


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Seals checkpoints, counts steps, and stops a run whose loss is no number."""

    def __init__(self, progress: Counter, folder: Path) -> None:
        self._progress, self._folder = progress, folder

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._progress.start(state.max_steps)
        self._progress.advance(state.global_step)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._progress.advance(1)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            raise diverged(state.global_step)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        seal(self._folder / f"{NAME}{state.global_step}")


def run_trainer(
    model: Any,
    steps: Sequence[Step],
    *,
    tokens: Sequence[int],
    recipe: FineTuningSettings,
    seed: int,
    device: str,
    folder: Path,
    progress: Counter,
) -> list[dict[str, float]]:
    """Train a model in place, from its last whole checkpoint on.

    Parameters
    ----------
    model
        Causal model, or PEFT's model around one.
    steps
        What each step sees, from `steps.plan_steps`.
    tokens
        Token of each class.
    recipe, seed, device
        How it is trained, and where.
    folder
        Folder of the checkpoints.
    progress
        Counts steps.

    Returns
    -------
    list of dict
        Trainer's log: ``step``, ``loss`` and ``learning_rate`` of every step.
    """
    logging.set_verbosity_error()
    arguments = TrainingArguments(
        output_dir=str(folder),
        # an element of the data set is a whole step
        per_device_train_batch_size=1,
        num_train_epochs=1,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=warmup_steps(recipe.warmup, len(steps)),
        weight_decay=0.0,
        max_grad_norm=CLIPPED_AT,
        seed=seed,
        save_strategy="steps",
        save_steps=recipe.checkpoint_steps,
        save_total_limit=2,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        use_cpu=device == "cpu",
        dataloader_pin_memory=device != "cpu",
    )
    # several visible GPUs would split a step, and with it change the numbers
    arguments._n_gpu = min(1, arguments.n_gpu)
    trainer = PairTrainer(
        model=model,
        args=arguments,
        train_dataset=list(steps),
        data_collator=_collate,
        callbacks=[_Watch(progress, folder)],
        tokens=tokens,
    )
    trainer.remove_callback(PrinterCallback)
    before = latest(folder)
    trainer.train(resume_from_checkpoint=str(before) if before else None)
    log: list[dict[str, float]] = trainer.state.log_history
    return log


def _collate(elements: Sequence[Step]) -> dict[str, torch.Tensor]:
    step = elements[0]
    return {**pad([ids for ids, _ in step]), "labels": torch.tensor([label for _, label in step])}
