"""An audit: a study of models that somebody has, asked for by one command, with a verdict."""
