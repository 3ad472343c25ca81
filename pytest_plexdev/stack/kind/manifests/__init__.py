"""Objects: rendered, hydrated, applied, and removed where nothing has them any more."""
