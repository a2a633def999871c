"""From a configuration to the artefacts of a study, each with its identity.

The identity of an artefact is the hash of everything it is a function of: the settings that it
really uses, the source that computes it, and the identities of its inputs. It is worked out
while the plan is made, without reading results, and stands in the artefact's path: what exists
under the path that is asked for is right. Neither torch nor pandas is imported here.
"""

from distilscope.study.artefact import FOLDERS, RESULTS, STORE, Artefact
from distilscope.study.machine import Invocation, invocation, precision_here, resolve_device
from distilscope.study.models import ROLES, Model
from distilscope.study.pending import Pending, Standing, in_order
from distilscope.study.plan import Study
from distilscope.study.planning import Told, lighten
from distilscope.study.settled import PRECISIONS, settle
from distilscope.study.starting import Started, start

__all__ = [
    "FOLDERS",
    "PRECISIONS",
    "RESULTS",
    "ROLES",
    "STORE",
    "Artefact",
    "Invocation",
    "Model",
    "Pending",
    "Standing",
    "Started",
    "Study",
    "Told",
    "in_order",
    "invocation",
    "lighten",
    "precision_here",
    "resolve_device",
    "settle",
    "start",
]
