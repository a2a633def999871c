# A teacher's logits for the views of every training image: made once, for every T and alpha.


rule targets:
    input:
        dataset=input_of("dataset"),
        teacher=input_of("teacher"),
    output:
        logits="results/store/targets/{targets}/logits.npy",
        views="results/store/targets/{targets}/views.npy",
        indices="results/store/targets/{targets}/indices.npy",
        run="results/store/targets/{targets}/run.json",
    log:
        "results/logs/targets/{targets}.log",
    benchmark:
        "results/logs/targets/{targets}.benchmark.tsv"
    priority: 20
    conda:
        "../envs/distilscope.yaml"
    threads: CONFIGURATION.threads
    resources:
        gpu=GPU,
        device=DEVICE,
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 1440 * attempt,
    params:
        job=job_of,
    script:
        "../workflow/scripts/targets.py"
