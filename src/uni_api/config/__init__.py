"""Config: api.yaml -> Plan. The only room that reads the user's files.

Rule 1: requests never touch YAML structures; everything that can be decided once is decided here.
Rule 2: every problem is found at once, each with file, line, path and the mend.
Rule 3: no secret appears in any message.
"""
