"""Before anything is trained: what later jobs will ask of each network, asked in a small way."""
