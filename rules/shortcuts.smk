# Planted data, made probes, and what models say of them: what the search for shortcuts needs.


rule planted:
    input:
        inputs("planted", "dataset"),
    output:
        files("planted", "dataset"),
    log:
        "results/logs/planted/{dataset}.log",
    benchmark:
        "results/logs/planted/{dataset}.benchmark.tsv"
    priority: 40
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        job=told("planted", "dataset"),
    script:
        "../workflow/scripts/planted.py"


rule probe:
    input:
        inputs("probe", "probe"),
    output:
        files("probe", "probe"),
    log:
        "results/logs/probe/{probe}.log",
    benchmark:
        "results/logs/probe/{probe}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=30,
    params:
        job=told("probe", "probe"),
    script:
        "../workflow/scripts/probe.py"


rule further:
    input:
        inputs("further", "model"),
    output:
        files("further", "model"),
    log:
        "results/logs/further/{model}.log",
    benchmark:
        "results/logs/further/{model}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: CONFIGURATION.threads
    resources:
        gpu=GPU,
        device=DEVICE,
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        job=told("further", "model"),
    script:
        "../workflow/scripts/further.py"
