"""The study of Guo 2024: what to measure (plan), making it (execute), and judging it (claims, report)."""
