"""Measure the promises of docs/explanation/figures.md.

Each module prints its figure beside the promise and the reference.
"""
