"""Does a hardening work against the same faults?"""

from radhard.verification.added_faults import added_tensors, stored_formats, stored_space
from radhard.verification.verification import Verification, covers_in, hardening_in, profiles_in
from radhard.verification.verify import verify

__all__ = [
    "Verification",
    "added_tensors",
    "covers_in",
    "hardening_in",
    "profiles_in",
    "stored_formats",
    "stored_space",
    "verify",
]
