"""Which run is this, and in which environment was it executed?"""

from radhard.fingerprint import fingerprint
from radhard.manifest.manifest_check import check_manifest, check_trials
from radhard.manifest.run_difference import difference
from radhard.manifest.run_environment import audit_is_due, engines_of, environment, recorded
from radhard.manifest.run_identity import identity

__all__ = [
    "audit_is_due",
    "check_manifest",
    "check_trials",
    "difference",
    "engines_of",
    "environment",
    "fingerprint",
    "identity",
    "recorded",
]
