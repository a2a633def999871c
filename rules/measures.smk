# Numbers: every model against its reference, then all of them in one tidy table.


rule comparison:
    input:
        dataset=input_of("dataset"),
        observation=input_of("observation"),
        reference=input_of("reference"),
        common=input_of("common"),  # that say which images are common
        analyses=input_beside("dataset", "observation", "reference", "common"),
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


use rule comparison as committee_comparison with:
    output:
        outputs_of("comparison", committee=True),
    wildcard_constraints:
        comparison=named(filter(of_committee, of_kind("comparison"))),


ruleorder: committee_comparison > comparison


rule tables:
    input:
        dataset=input_of("dataset"),
        models=input_of("models"),
        observations=input_of("observations"),
        comparisons=input_of("comparisons"),
        analyses=input_beside("dataset", "models", "observations", "comparisons"),
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
