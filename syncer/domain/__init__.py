"""The nouns of the engine and its errors: values only, no input or output, importable anywhere."""
