# Models that are made of others without training: compressed ones, and stand-ins for a twin.


rule compressed:
    input:
        dataset=input_of("dataset"),  # whose held-out images give ranges of activations
        original=input_of("original"),
    output:
        weights="results/store/compressed/{compressed}/weights.safetensors",
        run="results/store/compressed/{compressed}/run.json",
    log:
        "results/logs/compressed/{compressed}.log",
    benchmark:
        "results/logs/compressed/{compressed}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: CONFIGURATION.threads
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=30,
    params:
        job=job_of,
    script:
        "../workflow/scripts/compressed.py"


rule perturbed:
    input:
        dataset=input_of("dataset"),
        original=input_of("original"),
    output:
        run="results/store/perturbed/{perturbed}/run.json",
    log:
        "results/logs/perturbed/{perturbed}.log",
    benchmark:
        "results/logs/perturbed/{perturbed}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        job=job_of,
    script:
        "../workflow/scripts/perturbed.py"


rule layer_noise:
    input:
        dataset=input_of("dataset"),
        original=input_of("original"),
        compressed=input_of("compressed"),
    output:
        table="results/store/layer-noise/{layer_noise}/noise.parquet",
        run="results/store/layer-noise/{layer_noise}/run.json",
    log:
        "results/logs/layer_noise/{layer_noise}.log",
    benchmark:
        "results/logs/layer_noise/{layer_noise}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: CONFIGURATION.threads
    resources:
        gpu=GPU,
        device=DEVICE,
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        job=job_of,
    script:
        "../workflow/scripts/layer_noise.py"
