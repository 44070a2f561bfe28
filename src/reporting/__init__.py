"""HTML pages, Markdown tables, figures and sentences about finished runs; the numbers come from `evaluation`."""
