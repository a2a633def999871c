# Planted data, made probes, and what models say of them: what the search for shortcuts needs.


rule planted:
    input:
        dataset=input_of("dataset"),
    output:
        images="results/store/planted/{planted}/images.safetensors",
        manifest="results/store/planted/{planted}/manifest.json",
        run="results/store/planted/{planted}/run.json",
    log:
        "results/logs/planted/{planted}.log",
    benchmark:
        "results/logs/planted/{planted}.benchmark.tsv"
    priority: 40
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        job=job_of,
    script:
        "../workflow/scripts/planted.py"


rule probe:
    input:
        dataset=input_of("dataset"),
        observation=input_of("observation"),  # whose maps say what is masked
    output:
        images="results/store/probes/{probe}/images.safetensors",
        run="results/store/probes/{probe}/run.json",
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
        job=job_of,
    script:
        "../workflow/scripts/probe.py"


rule probe_observation:
    input:
        dataset=input_of("dataset"),
        model=input_of("model"),
        probes=input_of("probes"),
        references=input_of("references"),  # whose predictions are explained too
    output:
        run="results/store/probe-observations/{probe_observation}/run.json",
    log:
        "results/logs/probe_observation/{probe_observation}.log",
    benchmark:
        "results/logs/probe_observation/{probe_observation}.benchmark.tsv"
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
        "../workflow/scripts/probe_observation.py"


# A masked probe waits for an observation, and that may wait for another probe. Behind the first of
# two jobs of one rule `--until` stops: here each has a rule of its own.


use rule probe as masked_probe with:
    wildcard_constraints:
        probe=named(of_kind("probe", lambda made: made.inputs_of("observation"))),


use rule probe_observation as reference_probe_observation with:
    wildcard_constraints:
        probe_observation=named(
            of_kind("probe_observation", lambda made: not made.inputs_of("references"))
        ),


ruleorder: masked_probe > probe
ruleorder: reference_probe_observation > probe_observation
