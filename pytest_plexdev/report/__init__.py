"""The events of a test run: their file, one JSON object per line, and the HTML page that is rendered from it."""
