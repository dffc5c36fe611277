"""Discovery: the models of a channel that lists none in the file, asked of its host.

Rule 1: a host that is slow or fails delays nothing and nobody else; it is asked again, later each time.
Rule 2: what was found goes into a new Plan, and onto the shelf for the next start; never into the user's file.
Rule 3: the shelf holds names of models and digests, no key and no address.
"""

from uni_api.discovery.asking import Asker
from uni_api.discovery.discovery import Discovery
from uni_api.discovery.shelf import Shelf, usual_folder

__all__ = ["Asker", "Discovery", "Shelf", "usual_folder"]
