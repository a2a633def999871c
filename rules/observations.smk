# What a model says of the probes: logits, maps, pooled features and Grams, in one job a model.
# Every other observation waits for the teachers', every comparison for those of teachers and twins.


rule observation:
    input:
        inputs("observation", "model"),
    output:
        last_file("observation", "model"),
    log:
        "results/logs/observation/{model}.log",
    benchmark:
        "results/logs/observation/{model}.benchmark.tsv"
    priority: lambda wildcards: 25 if wildcards.model in STUDY.awaited else 5
    conda:
        "../envs/distilscope.yaml"
    threads: CONFIGURATION.threads
    resources:
        gpu=GPU,
        device=DEVICE,
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        job=told("observation", "model"),
    script:
        "../workflow/scripts/observation.py"


use rule observation as observation_again with:
    output:
        other_files("observation", "model"),
