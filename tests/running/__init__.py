"""How the suite itself runs: who tests what and when, and what is built once for all."""
