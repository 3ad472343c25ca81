"""The promises of the README, measured. Each module prints its figure beside the promise and the reference."""
