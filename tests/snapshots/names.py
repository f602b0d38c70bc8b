"""The two models of the default run, as the sheet names them."""

GEMMA, SMOLLM = MODELS = ("gemma-3-270m", "smollm2-135m")
