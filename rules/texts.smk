# Items of tasks: generated, then brought to tokens. Models of texts are made by the rules of all.


rule texts:
    output:
        outputs_of("texts"),
    log:
        "results/logs/texts/{texts}.log",
    benchmark:
        "results/logs/texts/{texts}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        job=job_of,
    script:
        "../workflow/scripts/texts.py"


# What a teacher writes itself, for students that learn from its texts.


rule generations:
    input:
        dataset=input_of("dataset"),
        teacher=input_of("teacher"),
    output:
        outputs_of("generations"),
    log:
        "results/logs/generations/{generations}.log",
    benchmark:
        "results/logs/generations/{generations}.benchmark.tsv"
    priority: 20
    conda:
        "../envs/distilscope.yaml"
    threads: CONFIGURATION.threads
    resources:
        gpu=GPU,
        device=DEVICE,
        mem_mb=memory_of,
        runtime=lambda wildcards, attempt: 1440 * attempt,
    params:
        job=job_of,
    script:
        "../workflow/scripts/generations.py"
