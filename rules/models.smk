# Teachers, twins, students, controls and floors: one rule trains, loads or initialises them all.
# Teachers go first, since their targets and every distilled student wait for them.


rule networks:
    input:
        dataset=input_of("dataset"),
    output:
        run="results/store/networks/{networks}/run.json",
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
        mem_mb=memory_of,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        job=job_of,
    script:
        "../workflow/scripts/networks.py"


rule model:
    input:
        dataset=input_of("dataset"),
        views=input_of("views"),  # its inputs, where they are drawn
        checks=input_of("checks"),  # that its network can be trained and explained
        targets=input_of("targets"),  # its teacher's logits,
        prepared=input_of("prepared"),  # what its objective made of them, or
        teachers=input_of("teachers"),  # the teachers themselves, asked at each step, or
        generations=input_of("generations"),  # what its teacher writes
    output:
        weights="results/store/models/{model}/weights.safetensors",
        history="results/store/models/{model}/history.parquet",
        run="results/store/models/{model}/run.json",
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
        mem_mb=memory_of,
        runtime=lambda wildcards, attempt: 1440 * attempt,
    params:
        job=job_of,
    script:
        "../workflow/scripts/model.py"


rule program:
    input:
        dataset=input_of("dataset"),
    output:
        program="results/store/programs/{program}/program",
        run="results/store/programs/{program}/run.json",
    log:
        "results/logs/program/{program}.log",
    benchmark:
        "results/logs/program/{program}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=30,
    params:
        job=job_of,
    script:
        "../workflow/scripts/program.py"


rule combined:
    input:
        dataset=input_of("dataset"),
        members=input_of("members"),
    output:
        run="results/store/combined/{combined}/run.json",
    log:
        "results/logs/combined/{combined}.log",
    benchmark:
        "results/logs/combined/{combined}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=10,
    params:
        job=job_of,
    script:
        "../workflow/scripts/combined.py"


rule derived:
    input:
        dataset=input_of("dataset"),
        original=input_of("original"),
    output:
        weights="results/store/derived/{derived}/weights.safetensors",
        run="results/store/derived/{derived}/run.json",
    log:
        "results/logs/derived/{derived}.log",
    benchmark:
        "results/logs/derived/{derived}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=30,
    params:
        job=job_of,
    script:
        "../workflow/scripts/derived.py"


use rule model as teacher with:
    wildcard_constraints:
        model=named(STUDY.teachers),
    priority: 30


ruleorder: teacher > model
