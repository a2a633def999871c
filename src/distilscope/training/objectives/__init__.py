"""Training losses, a file each: what the objective declares of itself, and its loss.

All are computed in fp32 whatever the training precision, and are the mean over the batch. The plan
reads the declarations before any job runs, so their files import torch inside functions alone.
"""
