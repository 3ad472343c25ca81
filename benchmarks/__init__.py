"""The promises of docs/figures.md, measured. Each module prints its figure beside the promise and the reference."""
