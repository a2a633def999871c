"""What do the parameters of the objective change?"""

from distilscope.analyses.declaration import Analysis
from distilscope.analyses.sweeps.configuration import Sweeps

ANALYSIS = Analysis(
    name="sweeps",
    question="What do the parameters of the objective change?",
    section=Sweeps,
)
