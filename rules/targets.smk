# What students and teachers are shown of a random policy: rendered once, for every model.


rule views:
    input:
        dataset=input_of("dataset"),
    output:
        images="results/store/views/{views}/images.npy",
        indices="results/store/views/{views}/indices.npy",
        run="results/store/views/{views}/run.json",
    log:
        "results/logs/views/{views}.log",
    benchmark:
        "results/logs/views/{views}.benchmark.tsv"
    priority: 35
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        job=job_of,
    script:
        "../workflow/scripts/views.py"


# A teacher's logits for the views of every training image: made once, for every T and alpha.


rule targets:
    input:
        dataset=input_of("dataset"),
        teacher=input_of("teacher"),
        views=input_of("views"),  # where these are drawn
    output:
        outputs_of("targets", of_kind("targets", keeping(None))),
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
        mem_mb=memory_of,
        runtime=lambda wildcards, attempt: 1440 * attempt,
    params:
        job=job_of,
    script:
        "../workflow/scripts/targets.py"


# Of texts a table may keep less than all logits, in other files.


use rule targets as hidden_targets with:
    output:
        outputs_of("targets", of_kind("targets", keeping("hidden"))),
    wildcard_constraints:
        targets=named(of_kind("targets", keeping("hidden"))),


use rule targets as top_k_targets with:
    output:
        outputs_of("targets", of_kind("targets", keeping("top-k"))),
    wildcard_constraints:
        targets=named(of_kind("targets", keeping("top-k"))),


ruleorder: hidden_targets > top_k_targets > targets


# What an objective makes of such a table for all students of the teacher, as `fused` its relations.


rule prepared:
    input:
        dataset=input_of("dataset"),
        targets=input_of("targets"),
    output:
        tensors="results/store/prepared/{prepared}/prepared.safetensors",
        run="results/store/prepared/{prepared}/run.json",
    log:
        "results/logs/prepared/{prepared}.log",
    benchmark:
        "results/logs/prepared/{prepared}.benchmark.tsv"
    priority: 20
    conda:
        "../envs/distilscope.yaml"
    threads: CONFIGURATION.threads
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        job=job_of,
    script:
        "../workflow/scripts/prepared.py"
