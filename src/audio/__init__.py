"""Read sound files: the only package that opens them."""
