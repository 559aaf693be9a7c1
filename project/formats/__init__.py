"""How dates are written, for each language (FORMAT_MODULE_PATH)."""
