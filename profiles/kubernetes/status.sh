#!/bin/sh
# Say what became of a Kubernetes Job: running, success or failed. One that is gone has failed.
# status.sh <name>
status='{.metadata.name} {.status.succeeded}/{.status.failed}'
if ! said=$(kubectl get "$1" --ignore-not-found --output "jsonpath=$status"); then
  echo running  # no answer this time
  exit
fi
case $said in
  *" 1/"*) echo success ;;
  "" | *" /"[1-9]*) echo failed ;;
  *) echo running ;;
esac
