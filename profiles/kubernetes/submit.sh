#!/bin/sh
# Make a Kubernetes Job of a job script of Snakemake's, and print its name.
# submit.sh <cores> <MB> <GPUs> <script>
set -eu
image=registry.example.org/distilscope:0.1.0  # yours: with this environment in it
claim=distilscope                             # yours: the claim of the volume that all pods share
mount=/distilscope                            # yours: where that volume lies, in pods as here

kubectl create --output name --filename - <<MANIFEST
apiVersion: batch/v1
kind: Job
metadata:
  generateName: distilscope-
spec:
  backoffLimit: 0
  ttlSecondsAfterFinished: 86400
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: job
          image: "$image"
          command: ["sh", "$4"]
          workingDir: "$PWD"
          resources:
            limits: {cpu: "$1", memory: "${2}M", nvidia.com/gpu: "$3"}
          volumeMounts: [{name: shared, mountPath: "$mount"}]
      volumes:
        - name: shared
          persistentVolumeClaim: {claimName: "$claim"}
MANIFEST
