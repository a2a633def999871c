# What a model says of the probes: logits, maps, pooled features and Grams, in one job a model.
# Those of teachers and twins go first: other observations and all comparisons wait for them.


rule observation:
    input:
        dataset=input_of("dataset"),
        model=input_of("model"),
        references=input_of("references"),  # whose predictions are explained too
        others=other_inputs("dataset", "model", "references"),
    output:
        outputs_of("observation"),
    log:
        "results/logs/observation/{observation}.log",
    benchmark:
        "results/logs/observation/{observation}.benchmark.tsv"
    priority: 5
    conda:
        "../envs/distilscope.yaml"
    threads: CONFIGURATION.threads
    resources:
        gpu=GPU,
        device=DEVICE,
        mem_mb=memory_of,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        job=job_of,
    script:
        "../workflow/scripts/observation.py"


# An observation may wait for another. Behind the first of two jobs of one rule `--until` stops: what
# students' observations wait for, and what waits for them, have rules of their own.


use rule observation as teacher_observation with:
    wildcard_constraints:
        observation=named(STUDY.teacher_observations),
    priority: 25


use rule observation as derived_observation with:
    wildcard_constraints:
        observation=named(STUDY.derived_observations),


# A committee has no layers, so that its observation has fewer files.


use rule observation as committee_observation with:
    output:
        outputs_of("observation", STUDY.committee_observations),
    wildcard_constraints:
        observation=named(STUDY.committee_observations),


ruleorder: teacher_observation > committee_observation > derived_observation > observation


# `snakemake observations` makes all of them.
rule observations:
    input:
        map(STATE.file_of, of_kind("observation")),
