"""Demo: an upstream inside the process, for trying the gateway without a key or a network.

Rule 1: speaks the OpenAI chat format like any other upstream, so that nothing else knows of it.
Rule 2: says in every answer that it is a demo.
"""

from uni_api.demo.upstream import DemoUpstream

__all__ = ["DemoUpstream"]
