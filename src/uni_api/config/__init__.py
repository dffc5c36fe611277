"""Config: api.yaml -> Plan. The only room that reads files and the environment.

Rule 1: requests never touch YAML structures; everything that can be decided once is decided here.
Rule 2: every problem is found at once, each with file, line, path and the mend.
Rule 3: no secret appears in any message.
"""
