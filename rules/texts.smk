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
