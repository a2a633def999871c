# What people open: figures, report.html, and the study's own folder under results/.

import json

from distilscope.planning import record


rule figures:
    input:
        tables=input_of("tables"),
        dataset=input_of("dataset"),
    output:
        outputs_of("figures"),
    log:
        "results/logs/figures/{figures}.log",
    benchmark:
        "results/logs/figures/{figures}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: STARTED.processes
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        job=job_of,
    script:
        "../workflow/scripts/figures.py"


rule report:
    input:
        tables=input_of("tables"),
        figures=input_of("figures"),
        dataset=input_of("dataset"),
    output:
        report="results/store/reports/{report}/report.html",
        summary="results/store/reports/{report}/summary.txt",
        run="results/store/reports/{report}/run.json",
    log:
        "results/logs/report/{report}.log",
    benchmark:
        "results/logs/report/{report}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        job=job_of,
    script:
        "../workflow/scripts/report.py"


rule publish:
    input:
        tables=published_input(STUDY.tables),
        figures=published_input(STUDY.figures),
        report=published_input(STUDY.report),
    output:
        # Snakemake would remove what is not marked `update` before the new files are there.
        marker=STUDY.marker,
        figures=[
            update(
                report(
                    STUDY.published / "figures" / f"{name}.svg",
                    caption="../workflow/report/figure.rst",
                    category="Figures",
                    labels={"figure": name.replace("_", " ")},
                )
            )
            for name in STUDY.figure_names
        ],
        report=update(
            report(
                STUDY.published / "report.html",
                caption="../workflow/report/report.rst",
                category="Report",
            )
        ),
        others=update(STUDY.other_published_files),
    log:
        f"results/logs/publish/{CONFIGURATION.study}.log",
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        folders={
            a.kind: str(a.folder) for a in (STUDY.tables, STUDY.figures, STUDY.report)
        },
        published=lambda wildcards, output: str(Path(output.marker).parent),
        record=lambda wildcards: json.dumps(record.describe(STUDY)),
    script:
        "../workflow/scripts/publish.py"
