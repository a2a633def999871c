"""From a configuration to the artefacts of a study, each with its identity.

The identity of an artefact is the hash of everything it is a function of: the settings that it
really uses, the source that computes it, and the identities of its inputs. It is worked out
while the plan is made, without reading results, and stands in the artefact's path: what exists
under the path that is asked for is right. Neither torch nor pandas is imported here.
"""
