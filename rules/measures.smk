# Numbers: every model against its reference, then all of them in one tidy table.


rule comparison:
    input:
        inputs("comparison", "comparison"),
    output:
        last_file("comparison", "comparison"),
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
        job=told("comparison", "comparison"),
    script:
        "../workflow/scripts/comparison.py"


use rule comparison as comparison_again with:
    output:
        other_files("comparison", "comparison"),


rule tables:
    input:
        inputs("tables", "study"),
    output:
        files("tables", "study"),
    log:
        "results/logs/tables/{study}.log",
    benchmark:
        "results/logs/tables/{study}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: STARTED.processes
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        job=told("tables", "study"),
    script:
        "../workflow/scripts/tables.py"
