"""Explanation methods, a file each: what the method declares of itself, and its code.

The plan reads the declarations before any job runs, so their files import torch and NumPy inside
functions alone.
"""
