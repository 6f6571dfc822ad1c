"""How the machines of a job know of each other: a bulletin board, and who is still there.

Every machine has one membership process (`process`). The chief's is the hub, the others' connect to
it once and stay connected. Whatever a task posts on the board, all tasks see, in one order; whoever
fails or vanishes, all others learn of. A job's process reads and posts through `client`, and brings
checkpoints from the chief with `transfer`.
"""

from entrypoint.membership.client import Members
from entrypoint.membership.peer_failure import PeerFailedError
from entrypoint.membership.process import run
from entrypoint.membership.transfer import fetch_file

__all__ = ["Members", "PeerFailedError", "fetch_file", "run"]
