# Numbers: every model against its reference, then all of them in one tidy table.


rule comparison:
    input:
        dataset=input_of("dataset"),
        observation=input_of("observation"),
        reference=input_of("reference"),
        common=input_of("common"),  # that say which images are common
        others=other_inputs("dataset", "observation", "reference", "common"),
    output:
        outputs_of("comparison"),
    log:
        "results/logs/comparison/{comparison}.log",
    benchmark:
        "results/logs/comparison/{comparison}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        job=job_of,
    script:
        "../workflow/scripts/comparison.py"


# With a committee no layers are compared, so that the comparison has fewer files.


use rule comparison as committee_comparison with:
    output:
        outputs_of("comparison", STUDY.committee_comparisons),
    wildcard_constraints:
        comparison=named(STUDY.committee_comparisons),


ruleorder: committee_comparison > comparison


rule tables:
    input:
        dataset=input_of("dataset"),
        models=input_of("models"),
        observations=input_of("observations"),
        comparisons=input_of("comparisons"),
        others=other_inputs("dataset", "models", "observations", "comparisons"),
    output:
        outputs_of("tables"),
    log:
        "results/logs/tables/{tables}.log",
    benchmark:
        "results/logs/tables/{tables}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: STARTED.processes
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        job=job_of,
    script:
        "../workflow/scripts/tables.py"
