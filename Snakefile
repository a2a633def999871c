# distilscope: does a compressed model get the right answer for the right reasons?
#   snakemake --cores all --resources gpu=1
#
# Every artefact lies under a path that carries the identity of what it holds, worked out below
# from the configuration. So what exists under the path that is asked for is right, and all
# inputs are `ancient`: times of files play no part.

import os
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.12")

# The library is used as it lies in this clone, by this process and by every job.
LIBRARY = str(Path(workflow.basedir) / "src")
sys.path.insert(0, LIBRARY)
SEARCHED = filter(None, [LIBRARY, os.environ.get("PYTHONPATH")])
os.environ.update(PYTHONPATH=os.pathsep.join(SEARCHED))

from distilscope.planning.state import StoreState
from distilscope.workflow import starting, supervision
from distilscope.workflow.watching import companion

supervision.pass_on_signals()

# A --configfile on the command line replaces the default study; it is never merged into it.
DEFAULT = "config/config.yaml"

try:
    starting.check_files(workflow, DEFAULT)
except ValueError as fault:
    raise WorkflowError(str(fault)) from None

if not workflow.config_settings.configfiles:

    configfile: DEFAULT


try:
    STARTED = starting.start(config, workflow)
except (ValueError, OSError) as fault:
    raise WorkflowError(str(fault)) from None

CONFIGURATION, STUDY = STARTED.configuration, STARTED.study
DEVICE, GPU = STARTED.device, STARTED.gpus
STATE = StoreState(STUDY)


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/texts.smk"
include: "rules/models.smk"
include: "rules/changed.smk"
include: "rules/targets.smk"
include: "rules/observations.smk"
include: "rules/shortcuts.smk"
include: "rules/measures.smk"
include: "rules/report.smk"


onstart:
    starting.drop_default_rate_limit(workflow)
    companion.begin(STARTED, workflow.cores if STARTED.local else None)


onsuccess:
    companion.end()


onerror:
    companion.end(failed=True)


localrules:
    all,
    observations,
    publish,


rule all:
    default_target: True
    input:
        STUDY.published_files,
