"""Dialects: the shape of the bytes.

Rule 1: everything here is a pure function of its arguments (stream codecs: of what they were fed).
Rule 2: a dialect does not know who is listening, which provider this is, or that other dialects exist.
Rule 3: what you do not understand, you keep (Rest, Foreign) or report (Losses); you never drop it.
Rule 4: convert late. Readers copy units; writers convert them.
"""

from uni_api.dialects.faces import Back, Body, Front, Glance, Peek, Pieces, StreamReader, StreamWriter, Tap, Verbatim

__all__ = ["Back", "Body", "Front", "Glance", "Peek", "Pieces", "StreamReader", "StreamWriter", "Tap", "Verbatim"]
