"""Providers: where and how a dialect is spoken: URL, authentication, headers, quirks.

Rule 1: a provider never looks inside messages, tools or parts.
Rule 2: what a host demands of the body is data: top-level edits, the same in both lanes.
Rule 3: an OpenAI-compatible host needs no code.
"""
