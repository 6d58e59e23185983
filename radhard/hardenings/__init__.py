"""How is a model made more resilient?"""

from radhard.hardenings.base import HARDENINGS, Hardening, UnhardenedError, applied
from radhard.hardenings.bounds.activation_clip import ActivationClip
from radhard.hardenings.bounds.bound import Bound, bound_overhead
from radhard.hardenings.bounds.bounded_relu import BoundedReLU
from radhard.hardenings.bounds.fit_act import FitAct
from radhard.hardenings.bounds.ft_clip_act import FTClipAct
from radhard.hardenings.bounds.gate_access import GateAccess
from radhard.hardenings.bounds.hyrelu import HyReLU
from radhard.hardenings.bounds.pro_act import ProAct
from radhard.hardenings.bounds.ranger import Ranger
from radhard.hardenings.coding.ecc import Ecc
from radhard.hardenings.coding.ecc_scrubber import EccScrubber
from radhard.hardenings.coding.hamming_in_place import HammingInPlace
from radhard.hardenings.coding.selective_ecc import SelectiveEcc
from radhard.hardenings.coding.selective_scrubber import SelectiveScrubber
from radhard.hardenings.coverage import Coverage
from radhard.hardenings.draft import Draft
from radhard.hardenings.fault_aware_training import FaultAwareTraining, FaultTraining
from radhard.hardenings.hardened_files import load, save
from radhard.hardenings.part import Part, parts
from radhard.hardenings.pruning.pruned_channels import Pruned
from radhard.hardenings.pruning.vulnerability_pruning import VulnerabilityPruning
from radhard.hardenings.record import Record, overlap_note, profile_line, records
from radhard.hardenings.redundancy.critical_neurons import neurons_saved
from radhard.hardenings.redundancy.duplication import ChannelDuplication
from radhard.hardenings.redundancy.edac import Edac
from radhard.hardenings.redundancy.neuron_split import NeuronSplit
from radhard.hardenings.redundancy.neuron_splitting import NeuronSplitting
from radhard.hardenings.redundancy.neuron_voter import NeuronVoter
from radhard.hardenings.redundancy.triplication import Triplication
from radhard.hardenings.redundancy.voter import Voter
from radhard.hardenings.scrubbing.bit_scrubber import BitScrubber
from radhard.hardenings.scrubbing.range_scrubber import RangeScrubber
from radhard.hardenings.scrubbing.weight_bit_clip import WeightBitClip
from radhard.hardenings.scrubbing.weight_range_check import WeightRangeCheck
from radhard.hardenings.sentinel_nn import SentinelNN

__all__ = [
    "HARDENINGS",
    "ActivationClip",
    "BitScrubber",
    "Bound",
    "BoundedReLU",
    "ChannelDuplication",
    "Coverage",
    "Draft",
    "Ecc",
    "EccScrubber",
    "Edac",
    "FTClipAct",
    "FaultAwareTraining",
    "FaultTraining",
    "FitAct",
    "GateAccess",
    "HammingInPlace",
    "Hardening",
    "HyReLU",
    "NeuronSplit",
    "NeuronSplitting",
    "NeuronVoter",
    "Part",
    "ProAct",
    "Pruned",
    "RangeScrubber",
    "Ranger",
    "Record",
    "SelectiveEcc",
    "SelectiveScrubber",
    "SentinelNN",
    "Triplication",
    "UnhardenedError",
    "Voter",
    "VulnerabilityPruning",
    "WeightBitClip",
    "WeightRangeCheck",
    "applied",
    "bound_overhead",
    "load",
    "neurons_saved",
    "overlap_note",
    "parts",
    "profile_line",
    "records",
    "save",
]
