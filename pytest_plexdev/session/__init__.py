"""One pytest run: which stack it gets, shares, releases and reports."""
