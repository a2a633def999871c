"""What do models say: how accurate, how calibrated, how like their reference?"""

from distilscope.analyses.declaration import Analysis
from distilscope.analyses.outputs.configuration import Outputs

ANALYSIS = Analysis(
    name="outputs",
    question="What do models say: how accurate, how calibrated, how like their reference?",
    section=Outputs,
)
