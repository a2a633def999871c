# distilscope: does a compressed model get the right answer for the right reasons?
#
#   snakemake --cores all --resources gpu=1
#
# Every artefact lies under a path that carries the identity of what it holds, worked out below
# from the configuration. So what exists under the path that is asked for is right, and all
# inputs are `ancient`: times of files play no part.

import json
import os
import re
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

# The library is used as it lies in this clone, by this process and by every job.
LIBRARY = str(Path(workflow.basedir) / "src")
sys.path.insert(0, LIBRARY)
SEARCHED = [LIBRARY, *filter(None, [os.environ.get("PYTHONPATH")])]
os.environ.update(PYTHONPATH=os.pathsep.join(SEARCHED))

from distilscope import catalog, gpu, record, settings, study

# A cluster's scheduler chose this job's GPUs, and the job's script is told so.
if workflow.remote_exec:
    os.environ[gpu.CLUSTER_JOB] = "1"


# A --configfile on the command line replaces the default study; it is never merged into it.
if not workflow.config_settings.configfiles:

    configfile: "config/config.yaml"


try:
    COMMAND = study.invocation(sys.argv[1:], Path(workflow.basedir))
    CONFIGURATION = settings.parse(config)
    if CONFIGURATION.allow_code:  # the user's own modules lie in the working directory
        sys.path.append(os.getcwd())
        os.environ.update(PYTHONPATH=os.pathsep.join([*SEARCHED, os.getcwd()]))
    DEVICE = study.resolve_device(CONFIGURATION.device, COMMAND)
    PRECISION = study.resolve_precision(
        CONFIGURATION.precision,
        DEVICE,
        study.STORE / "resolved" / f"{CONFIGURATION.study}.json",
    )
    STUDY = study.Study(CONFIGURATION, PRECISION, Path(workflow.basedir))
except (ValueError, OSError) as fault:
    raise WorkflowError(str(fault)) from None

GPU = 1 if DEVICE == "cuda" else 0


wildcard_constraints:
    source="|".join(catalog.DATASETS),
    dataset=r"[^/]+",
    teacher=r"[^/]+",
    model=r"[^/]+",
    comparison=r"[^/]+",
    probe=r"[^/]+",
    study=r"[^/]+",


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/models.smk"
include: "rules/targets.smk"
include: "rules/observations.smk"
include: "rules/shortcuts.smk"
include: "rules/measures.smk"
include: "rules/report.smk"


localrules:
    all,
    publish,


rule all:
    default_target: True
    input:
        STUDY.published_files,
