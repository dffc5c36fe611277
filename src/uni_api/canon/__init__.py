"""Canon: what is said, in nobody's dialect. Values only.

Rule 1: a canon value knows no vendor, no JSON key and no await.
Rule 2: order and identity are kept: parts are ordered, ids and raw argument text are never rewritten.
Rule 3: opaque blobs are Seals with a realm; leftovers are Rest or Foreign with a dialect.
Rule 4: units stay as given; whoever writes a dialect converts them.
"""

from uni_api.canon.events import (
    Broke,
    Cited,
    Closed,
    Event,
    Finished,
    Grew,
    Metered,
    Noted,
    Opened,
    Scored,
    Sealed,
    Started,
    fold,
    unfold,
)
from uni_api.canon.losses import Loss, Losses, LossKind
from uni_api.canon.parts import (
    Cache,
    Call,
    Citation,
    FileRef,
    Foreign,
    Media,
    Part,
    Rest,
    Result,
    Text,
    Thinking,
)
from uni_api.canon.realm import keep_realm
from uni_api.canon.reply import Choice, Finish, Reply, Token, Usage
from uni_api.canon.request import (
    Effort,
    Reasoning,
    Request,
    Sampling,
    Shape,
    Tool,
    ToolChoice,
    Turn,
)
from uni_api.canon.restrict import without_developer, without_images, without_tools
from uni_api.canon.seal import Seal, pack, unpack

__all__ = [
    "Broke",
    "Cache",
    "Call",
    "Choice",
    "Citation",
    "Cited",
    "Closed",
    "Effort",
    "Event",
    "FileRef",
    "Finish",
    "Finished",
    "Foreign",
    "Grew",
    "Loss",
    "LossKind",
    "Losses",
    "Media",
    "Metered",
    "Noted",
    "Opened",
    "Part",
    "Reasoning",
    "Reply",
    "Request",
    "Rest",
    "Result",
    "Sampling",
    "Scored",
    "Seal",
    "Sealed",
    "Shape",
    "Started",
    "Text",
    "Thinking",
    "Token",
    "Tool",
    "ToolChoice",
    "Turn",
    "Usage",
    "fold",
    "keep_realm",
    "pack",
    "unfold",
    "unpack",
    "without_developer",
    "without_images",
    "without_tools",
]
