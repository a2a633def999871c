"""The names of the files of a prepared data set."""

IMAGES_FILE = "images.safetensors"
"""Tensors `<part>.<what>`: images, labels and indices of train and test, and `train.held_out`."""

MANIFEST_FILE = "manifest.json"
"""Classes, size, mean and std of each channel, counts, and where the images came from."""
