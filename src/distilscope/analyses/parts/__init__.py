"""Which parts of an image do two models weigh, and are their maps to be believed?"""

from distilscope.analyses.declaration import Analysis
from distilscope.analyses.parts.configuration import Parts

ANALYSIS = Analysis(
    name="parts",
    question="Which parts of an image do two models weigh, and are their maps to be believed?",
    section=Parts,
)
