"""uni-api: one api.yaml, one API, many LLM providers."""

__version__ = "0.1.0"
