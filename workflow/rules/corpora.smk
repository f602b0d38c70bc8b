# Corpora: the sentences that are used, one file per language.
#
# in:  config/corpora.tsv, and the folder, package or data set that it names
# out: resources/corpora/<corpus>/<language>.txt     one sentence a line; empty = missing
#      resources/corpora/<corpus>/<language>.pivot.txt     corpora of pairs: the pivot's side
#      resources/corpora/<corpus>/<language>.json          which lines were chosen
#      resources/corpora/<corpus>/corpus.json        checks and digests


# seconds each: on a cluster they run where it is started
localrules:
    import_sentences,
    import_sentence_pairs,
    check_corpus,


rule import_sentences:
    """Choose the sentences of one language of a parallel corpus."""
    input:
        source_texts,
    output:
        text="resources/corpora/{corpus}/{language}.txt",
        record="resources/corpora/{corpus}/{language}.json",
    log:
        "results/logs/import_sentences/{corpus}/{language}.log",
    wildcard_constraints:
        corpus=one_of(PARALLEL),
    priority: INPUTS_FIRST
    conda:
        "../../envs/models.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        # what is only shown is left out: renaming a corpus reads nothing again
        row=lambda wildcards: SETTINGS.corpora[wildcards.corpus].model_dump(
            exclude=SHOWN
        ),
        pivot=SETTINGS.pivot,
    message:
        "Reading {wildcards.corpus} in {wildcards.language}"
    script:
        "../scripts/import_sentences.py"


use rule import_sentences as import_sentence_pairs with:
    output:
        text="resources/corpora/{corpus}/{language}.txt",
        record="resources/corpora/{corpus}/{language}.json",
        pivot="resources/corpora/{corpus}/{language}.pivot.txt",
    log:
        "results/logs/import_sentence_pairs/{corpus}/{language}.log",
    wildcard_constraints:
        corpus=one_of(PAIRS),


rule check_corpus:
    """Count what would spoil a comparison: gaps, duplicates, wrong scripts, copies."""
    input:
        corpus_texts,
    output:
        "resources/corpora/{corpus}/corpus.json",
    log:
        "results/logs/check_corpus/{corpus}.log",
    priority: INPUTS_FIRST
    conda:
        "../../envs/analysis.yaml"
    params:
        languages=str(SETTINGS.file.sheets.languages),
        row=lambda wildcards: SETTINGS.corpora[wildcards.corpus].model_dump(),
        pivot=SETTINGS.pivot,
    message:
        "Checking {wildcards.corpus}"
    script:
        "../scripts/check_corpus.py"
