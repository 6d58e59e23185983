"""Did a hardening work, against the very same faults?"""

from radhard.verification.added import added_tensors, stored_space
from radhard.verification.found import Verification, covers_in, hardening_in
from radhard.verification.replaying import verify

__all__ = ["Verification", "added_tensors", "covers_in", "hardening_in", "stored_space", "verify"]
