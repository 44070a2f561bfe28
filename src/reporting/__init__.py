"""HTML pages, Markdown tables, figures and sentences about runs, comparisons and audits; src.evaluation has the numbers."""
