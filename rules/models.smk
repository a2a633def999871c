# Teachers, twins, students, controls and floors: one rule trains, loads or initialises them all.
# Teachers go first, since their targets and every distilled student wait for them.

import re


rule networks:
    input:
        inputs("networks", "networks"),
    output:
        files("networks", "networks"),
    log:
        "results/logs/networks/{networks}.log",
    benchmark:
        "results/logs/networks/{networks}.benchmark.tsv"
    priority: 40
    conda:
        "../envs/distilscope.yaml"
    threads: CONFIGURATION.threads
    resources:
        gpu=GPU,
        device=DEVICE,
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        job=told("networks", "networks"),
    script:
        "../workflow/scripts/networks.py"


rule model:
    input:
        inputs("model", "model"),
    output:
        last_file("model", "model"),
    log:
        "results/logs/model/{model}.log",
    benchmark:
        "results/logs/model/{model}.benchmark.tsv"
    priority: 10
    conda:
        "../envs/distilscope.yaml"
    threads: CONFIGURATION.threads
    resources:
        gpu=GPU,
        device=DEVICE,
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 1440 * attempt,
    params:
        job=told("model", "model"),
    script:
        "../workflow/scripts/model.py"


rule derived:
    input:
        inputs("derived", "model"),
    output:
        files("derived", "model"),
    log:
        "results/logs/derived/{model}.log",
    benchmark:
        "results/logs/derived/{model}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=30,
    params:
        job=told("derived", "model"),
    script:
        "../workflow/scripts/derived.py"


use rule model as teacher with:
    wildcard_constraints:
        model="|".join(re.escape(name) for name in STUDY.teachers),
    priority: 30


ruleorder: teacher > model


use rule model as model_again with:
    output:
        other_files("model", "model"),
