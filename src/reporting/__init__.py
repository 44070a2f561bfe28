"""HTML pages, Markdown tables and plots of finished runs; computes nothing that `evaluation` should."""
