"""An unattended run: typed parameters, a notebook in a kernel, HTML and PDF, publication."""
