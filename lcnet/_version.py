"""The version: the one place it is written; pyproject.toml and the model cards read it from here."""

__version__ = "0.1.0.dev0"
