# NeuronXA: cross-lingual alignment of LLMs at the level of their FFN neurons.
#
#   resources/models/<model>/                                      local snapshots
#   resources/corpora/<corpus>/<language>.txt                      the sentences that are used
#   resources/tasks/<task>/<language>.tsv                          the pairs that are evaluated
#   results/activations/<model>/<corpus>/<extraction>/<language>/  pooled states, Zarr
#   results/alignment/<model>/<corpus>/<extraction>/               ranks and scores of all pairs
#   results/neurons/<model>/<corpus>/<extraction>/                 what each neuron does
#   results/controls/                                              what else could explain scores
#   results/benchmarks/, results/transfer/                         downstream scores, tidy
#   results/correlation/, results/tables/, results/figures/        what goes into a paper
#   results/site/                                                  all of it, for a browser

from snakemake.utils import min_version

min_version("9.13")


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/requests.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/outputs.smk"
include: "workflow/rules/handlers.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/corpora.smk"
include: "workflow/rules/activations.smk"
include: "workflow/rules/alignment.smk"
include: "workflow/rules/neurons.smk"
include: "workflow/rules/controls.smk"
include: "workflow/rules/knowledge.smk"
include: "workflow/rules/transfer.smk"
include: "workflow/rules/benchmarks.smk"
include: "workflow/rules/correlation.smk"
include: "workflow/rules/prediction.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/tables_downstream.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/figures_downstream.smk"
include: "workflow/rules/site.smk"


rule all:
    default_target: True
    input:
        all_results,
