#!/bin/sh
# Take Kubernetes Jobs away, with their pods.
# cancel.sh <name> ...
exec kubectl delete --wait=false --ignore-not-found "$@"
