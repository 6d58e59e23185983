"""How is a protection of critical neurons reproduced?"""

from radhard.studies.neuron_copies.neuron_copies_findings import NeuronCopiesFindings, Protected
from radhard.studies.neuron_copies.neuron_copies_study import NeuronCopiesDesign, NeuronCopiesStudy

__all__ = ["NeuronCopiesDesign", "NeuronCopiesFindings", "NeuronCopiesStudy", "Protected"]
