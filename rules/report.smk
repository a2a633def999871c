# What people open: figures, report.html, and the study's own folder under results/.

import json

from distilscope.planning import record


rule figures:
    input:
        inputs("figures", "study"),
    output:
        files("figures", "study"),
    log:
        "results/logs/figures/{study}.log",
    benchmark:
        "results/logs/figures/{study}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: STARTED.processes
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        job=told("figures", "study"),
    script:
        "../workflow/scripts/figures.py"


rule report:
    input:
        inputs("report", "study"),
    output:
        files("report", "study"),
    log:
        "results/logs/report/{study}.log",
    benchmark:
        "results/logs/report/{study}.benchmark.tsv"
    conda:
        "../envs/distilscope.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        job=told("report", "study"),
    script:
        "../workflow/scripts/report.py"


rule publish:
    input:
        lambda wildcards: [ancient(path) for path in STANDING.asked_to_publish()],
    output:
        # Snakemake would remove what is not marked `update` before the new files are there.
        marker=STUDY.marker,
        figures=[
            update(
                report(
                    STUDY.published / "figures" / f"{name}.svg",
                    caption=f"../workflow/report/{name}.rst",
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
