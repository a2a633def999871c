# Images: fetched where they have to be, then brought to one form; and which of their pixels are
# which part.


rule download:
    output:
        touch(f"{STUDY.data_folder}/{{source}}.complete"),
    log:
        "results/logs/download/{source}.log",
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        folder=lambda wildcards: f"{STUDY.data_folder}/{wildcards.source}",
    script:
        "../workflow/scripts/download.py"


rule dataset:
    input:
        download=[ancient(marker) for marker in STUDY.downloads],
    output:
        images="results/store/datasets/{dataset}/images.safetensors",
        manifest="results/store/datasets/{dataset}/manifest.json",
        run="results/store/datasets/{dataset}/run.json",
    log:
        "results/logs/dataset/{dataset}.log",
    benchmark:
        "results/logs/dataset/{dataset}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        job=job_of,
    script:
        "../workflow/scripts/dataset.py"


rule parts:
    input:
        dataset=input_of("dataset"),
    output:
        outputs_of("parts"),
    log:
        "results/logs/parts/{parts}.log",
    benchmark:
        "results/logs/parts/{parts}.benchmark.tsv"
    priority: 40
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=60,
    params:
        job=job_of,
    script:
        "../workflow/scripts/parts.py"
