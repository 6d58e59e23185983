"""How is a comparison of the encodings of weights reproduced?"""

from radhard.studies.encodings.encoding_campaigns import measure_encodings, stored_weights
from radhard.studies.encodings.encoding_design import Encoding, EncodingDesign
from radhard.studies.encodings.encoding_findings import EncodingFindings, MeasuredEncoding
from radhard.studies.encodings.encoding_section import ratio_text, tolerable_facts
from radhard.studies.encodings.encoding_study import EncodingStudy

__all__ = [
    "Encoding",
    "EncodingDesign",
    "EncodingFindings",
    "EncodingStudy",
    "MeasuredEncoding",
    "measure_encodings",
    "ratio_text",
    "stored_weights",
    "tolerable_facts",
]
