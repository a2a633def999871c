"""Ways of compressing a model: a file each, with what it declares and the code that does it."""
